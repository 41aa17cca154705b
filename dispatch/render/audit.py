"""An audit as a terminal shows it, and as a page. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from dispatch.audit.findings import KINDS, NOT_PROVEN
from dispatch.audit.report import by_obligation
from dispatch.duties.events import events_of
from dispatch.duties.slots import rates
from dispatch.render.due import LEGEND, case_text, occasion_head
from dispatch.render.html import page
from dispatch.render.terminal import clean, table, wrapped
from keys.text import format_date, parse_date

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from dispatch.audit.findings import Finding
    from dispatch.audit.report import AuditReport
    from dispatch.duties.slots import Slot
    from dispatch.formats.obligation import Obligation


VERDICTS = {
    "clean": "Nothing here contradicts anything else, and nothing is missing.",
    "findings": "Nothing is spoilt or proven false; something is missing or to be asked about.",
    "broken": "Something is spoilt or proven false: see the findings.",
}
_SHOWN = 200
_SHOWN_FILES = 3
_SHOWN_RUNS = 6


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


def runs_text(runs: Iterable[tuple[int, int]]) -> str:
    """Write runs of numbers as `3, 5-9`. Of very many, write the first ones and how many more there are."""
    parts = [str(first) if first == last else f"{first}-{last}" for first, last in runs]
    more = f" and {len(parts) - _SHOWN_RUNS} more" if len(parts) > _SHOWN_RUNS else ""
    return ", ".join(parts[:_SHOWN_RUNS]) + more


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


_LINE = 600


def audit_html(report: AuditReport) -> str:
    """Give the page of an audit, which begins with the verdict."""
    return page(
        "audit.html",
        report=report,
        verdict=VERDICTS[report.verdict],
        at=format_date(report.at),
        runs=runs_text,
        not_proven=NOT_PROVEN,
        duties=[
            (duty, [_matrix(one, slots) for one, slots in by_obligation(duty)]) for duty in report.duties
        ],
        events_of=events_of,
        duration=_duration,
        timelines=_timelines(report),
    )


def _matrix(obligation: Obligation, slots: Sequence[Slot]) -> dict[str, Any]:
    """Give an obligation as offices by occasions, with its figures."""
    occasions = sorted({slot.occasion for slot in slots}, key=lambda text: (len(text), text))
    cells = {(slot.office, slot.occasion): slot for slot in slots}
    return {
        "obligation": obligation,
        "rates": rates(slots),
        "occasions": [(one, occasion_head(one)) for one in occasions],
        "offices": sorted({slot.office for slot in slots}),
        "cells": cells,
    }


def _timelines(report: AuditReport) -> dict[str, str]:
    """Give a drawing of each volume: a stroke for each day on which a note is dated, over the whole time."""
    dates: dict[str, set[datetime]] = defaultdict(set)
    for one in report.dispatches:
        dates[one.number.rpartition("/")[0]].add(parse_date(one.date))
    everything = sorted(date for found in dates.values() for date in found)
    if not everything:
        return {}
    begun, whole = everything[0], max(1.0, (everything[-1] - everything[0]).total_seconds())
    places = {
        name: sorted({round(_LINE * (date - begun).total_seconds() / whole) for date in found})
        for name, found in dates.items()
    }
    return {name: "".join(f"M{place} 2v8" for place in found) for name, found in places.items()}


def _duration(seconds: int) -> str:
    if seconds < 0:
        return f"{_duration(-seconds)} before"
    days, rest = divmod(seconds, 86400)
    return f"{days} d {rest // 3600} h" if days else f"{rest // 3600} h {rest % 3600 // 60} min"
