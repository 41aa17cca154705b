"""An audit as a terminal, a program and (through `html`) a page show it. Pure."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from dispatch.audit.findings import KINDS, NOT_PROVEN
from dispatch.duties.slots import events_of, rates
from dispatch.render.duties import LEGEND, case_text, slot_json, standing_json
from dispatch.render.terminal import clean, table, wrapped
from keys.codec import encode_base64
from keys.text import format_date

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dispatch.audit.findings import Finding
    from dispatch.audit.report import AuditReport, CircularStatus
    from dispatch.duties.slots import Slot
    from dispatch.formats.obligation import Obligation

FORMAT: Final = "dispatch-audit/v1"

VERDICTS = {
    "clean": "Nothing here contradicts anything else, and nothing is missing.",
    "findings": "Nothing is spoilt or proven false; something is missing or to be asked about.",
    "broken": "Something is spoilt or proven false: see the findings.",
}
_SHOWN = 200
_SHOWN_FILES = 3
_SHOWN_RUNS = 6


def report_json(report: AuditReport) -> dict[str, Any]:
    """Give all of it as JSON has it. The same pile gives the same, in whatever order it was given."""
    return {
        "format": FORMAT,
        "verdict": report.verdict,
        "code": report.code,
        "realm": report.realm,
        "roster": report.roster,
        "root": report.root,
        "at": format_date(report.at),
        "partial": report.partial,
        "counts": report.counts,
        "findings": [_plain(one) for one in report.findings],
        "registers": [_plain(one) for one in report.registers],
        "circulars": [_duty_json(one) for one in report.duties],
        "dispatches": [
            {**_plain(one), "receipts": [_plain(each) for each in one.receipts]} for one in report.dispatches
        ],
        "titles": report.titles,
        "not_proven": list(NOT_PROVEN),
    }


def report_bytes(report: AuditReport) -> bytes:
    """Write a report as JSON, in ASCII: the bytes that are printed and bundled."""
    return (json.dumps(report_json(report), indent=1) + "\n").encode("ascii")


def report_text(report: AuditReport, width: int) -> str:
    """Show the verdict, the findings, the registers, the duties, and what none of it proves."""
    parts = [_head(report, width)]
    if report.findings:
        parts.append("\n".join(_findings(report, width)))
    if report.registers:
        parts.append(_registers(report, width))
    parts += [case_text(one.case, one.slots, report.at, width) for one in report.duties]
    if any(one.slots for one in report.duties):
        parts.append("\n".join(wrapped(f"{LEGEND} · filed: in time or not, nobody here knows", width)))
    parts.append("\n".join(["What this does not prove:", *_bullets(NOT_PROVEN, width)]))
    return "\n\n".join(parts)


def by_obligation(duty: CircularStatus) -> list[tuple[Obligation, list[Slot]]]:
    """Give the slots of each obligation of a circular."""
    return [
        (one, [slot for slot in duty.slots if slot.obligation == one.id])
        for one in duty.case.circular.obligations
    ]


def runs_text(runs: Iterable[tuple[int, int]]) -> str:
    """Write runs of numbers as `3, 5-9`; of many the first ones and how many more."""
    parts = [str(first) if first == last else f"{first}-{last}" for first, last in runs]
    more = f" and {len(parts) - _SHOWN_RUNS} more" if len(parts) > _SHOWN_RUNS else ""
    return ", ".join(parts[:_SHOWN_RUNS]) + more


def _plain(one: Any) -> dict[str, Any]:
    """Give the fields of a dataclass by name."""
    return {field.name: getattr(one, field.name) for field in fields(one)}


def _duty_json(duty: CircularStatus) -> dict[str, Any]:
    case = duty.case
    return {
        "number": str(case.number),
        "id": encode_base64(case.id),
        "date": format_date(case.date),
        "subject": case.circular.subject,
        "zone": case.circular.zone,
        "replies": [standing_json(case, one) for one in duty.standings],
        "slots": [slot_json(one) for one in duty.slots],
        "rates": [rate for one, slots in by_obligation(duty) for rate in _rates(duty, one, slots)],
        "events": [one._asdict() for one in events_of(case)],
        "answers": duty.recognised,
    }


def _rates(duty: CircularStatus, obligation: Obligation, slots: list[Slot]) -> Iterator[dict[str, Any]]:
    """Count the slots of an obligation: of all offices, then of each."""
    for office in (None, *duty.case.owing[obligation.id]):
        counted = rates(slot for slot in slots if office in (None, slot.office))
        yield {
            "obligation": obligation.id,
            "office": office,
            **counted._asdict(),
            "reporting_rate": counted.reporting_rate,
            "reporting_rate_on_time": counted.reporting_rate_on_time,
        }


def _head(report: AuditReport, width: int) -> str:
    counts = report.counts
    expected = [one for one in report.dispatches if not one.receipts_for]
    receipted = sum(bool(one.receipts) for one in expected)
    share = ", one office's share" if report.partial else ""
    lines = [
        f"{report.verdict.upper()}: {VERDICTS[report.verdict]}",
        (
            f"{counts['files']} files, {counts['notes']} notes, {counts['copies']} copies, "
            f"{counts['statements']} signed lists{share}; "
            f"roster {report.realm}/{report.roster}, as of {format_date(report.at)}"
        ),
        f"{receipted} of {len(expected)} dispatches that are no receipts were receipted by somebody",
    ]
    older = sum(one.older is not None for one in report.dispatches)
    if older:
        lines.append(f"{older} notes are proven older than the compromise of their keys; --json says how")
    return "\n".join(part for line in lines for part in wrapped(clean(line), width))


def _findings(report: AuditReport, width: int) -> Iterator[str]:
    for one in report.findings[:_SHOWN]:
        yield from _finding(one, width)
    if len(report.findings) > _SHOWN:
        yield f"… and {len(report.findings) - _SHOWN} more findings; --json has all"


def _finding(one: Finding, width: int) -> Iterator[str]:
    first, *more = wrapped(clean(f"{one.severity}  {one.kind}  {one.subject}: {one.text}"), width - 2)
    yield first
    rest = [f"({KINDS[one.kind]})"]
    if one.files:
        left = len(one.files) + one.more - _SHOWN_FILES
        more_files = f" and {left} more" if left > 0 else ""
        rest.insert(0, f"in {', '.join(one.files[:_SHOWN_FILES])}{more_files}")
    yield from (f"  {part}" for part in more)
    yield from (f"  {part}" for line in rest for part in wrapped(clean(line), width - 2))


def _registers(report: AuditReport, width: int) -> str:
    rows = [
        (
            f"{one.office}/{one.volume}",
            str(one.size),
            str(one.present),
            runs_text(one.missing) or "-",
            f"{one.heads} of {one.pinned}",
            (one.begun or "-")[:10],
            (one.ended or "-")[:10],
        )
        for one in report.registers
    ]
    columns = ("register", "notes", "here", "missing", "heads proven", "first", "last")
    return table(columns, rows, width, "missing")


def _bullets(sentences: Iterable[str], width: int) -> Iterator[str]:
    for sentence in sentences:
        first, *rest = wrapped(sentence, width - 2)
        yield f"- {first}"
        yield from (f"  {part}" for part in rest)
