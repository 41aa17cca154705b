"""An audit as a terminal, a program and (through `html`) a page show it. Pure."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from dispatch.audit.result import NOT_PROVEN
from dispatch.duties import events_of, rates
from dispatch.render.duties import rates_text, slot_json
from dispatch.render.terminal import clean, wrapped
from keys.codec import encode_base64

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatch.audit.result import AuditReport, Duty, Finding
    from dispatch.duties import Slot
    from dispatch.obligation import Obligation

_SHOWN = 200
VERDICTS = {
    "clean": "Nothing contradicts anything, and nothing is missing.",
    "incomplete": "Nothing contradicts anything; something is missing or could not be checked.",
    "broken": "Something is wrong: see the findings.",
}


def audit_json(report: AuditReport) -> dict[str, Any]:
    """Give all of it as JSON has it. The same pile gives the same bytes, in whatever order it was given."""
    return {
        "verdict": report.verdict,
        "at": report.at,
        "roster": dict(report.roster),
        "counts": dict(report.counts),
        "findings": [_finding_json(one) for one in report.findings],
        "volumes": [
            {
                "issuer": one.issuer,
                "volume": one.volume,
                "last": one.last,
                "present": one.present,
                "missing": list(one.missing),
                "begun": one.begun or None,
                "ended": one.ended or None,
                "proven_size": one.size,
                "proven_root": one.root,
            }
            for one in report.volumes
        ],
        "dispatches": [
            {
                "number": one.number,
                "id": one.id,
                "date": one.date,
                "content": one.content,
                "copies": one.copies,
                "present": one.present,
                "receipts": [
                    {"office": each.office, "number": each.number, "date": each.date, "seconds": each.seconds}
                    for each in one.receipts
                ],
                "silent": list(one.silent),
            }
            for one in report.dispatches
        ],
        "circulars": [_duty_json(one) for one in report.duties],
        "not_proven": list(NOT_PROVEN),
    }


def audit_bytes(report: AuditReport) -> bytes:
    """Give the report as the bytes that are written and bundled."""
    return (json.dumps(audit_json(report), ensure_ascii=False, indent=2) + "\n").encode()


def audit_text(report: AuditReport, width: int) -> str:
    """Show the verdict, the findings, the duties, and what none of it proves."""
    counts = report.counts
    lines = [
        f"{report.verdict.upper()}: {VERDICTS[report.verdict]}",
        (
            f"{counts['files']} files, {counts['notes']} notes, {counts['copies']} copies; "
            f"roster {report.roster['realm']}/{report.roster['version']}, as of {report.at}"
        ),
        "",
    ]
    for one in report.findings[:_SHOWN]:
        first, *more = wrapped(clean(f"{one.severity}  {one.kind}  {one.subject}: {one.text}"), width - 2)
        lines += [first, *(f"  {part}" for part in more)]
        if one.files:
            lines += [f"  {part}" for part in wrapped(clean(f"in {', '.join(one.files)}"), width - 2)]
    if len(report.findings) > _SHOWN:
        lines.append(f"… and {len(report.findings) - _SHOWN} more findings; --json has all")
    for volume in report.volumes:
        lines.append(
            f"register  {volume.issuer}/{volume.volume}: {volume.present} of {volume.last} notes, "
            f"head proven up to {volume.size}"
        )
    receipted = sum(bool(one.receipts) for one in report.dispatches if not one.is_receipt)
    dispatched = sum(not one.is_receipt for one in report.dispatches)
    lines.append(f"receipts  {receipted} of {dispatched} dispatches are receipted by at least one office")
    for duty in report.duties:
        lines += ["", *_duty_text(duty)]
    lines += ["", "What this does not prove:"]
    for sentence in NOT_PROVEN:
        first, *more = wrapped(sentence, width - 2)
        lines += [f"- {first}", *(f"  {part}" for part in more)]
    return "\n".join(lines)


def by_obligation(duty: Duty) -> list[tuple[Obligation, list[Slot]]]:
    """Give the slots of each obligation of a circular."""
    return [
        (one, [slot for slot in duty.slots if slot.obligation == one.id])
        for one in duty.case.circular.obligations
    ]


def _duty_text(duty: Duty) -> list[str]:
    lines = [f"{duty.case.number}  {clean(duty.case.circular.subject)}"]
    states = Counter(one.state for one in duty.standings)
    lines.append("  " + ", ".join(f"{count} {state}" for state, count in sorted(states.items())))
    for obligation, slots in by_obligation(duty):
        lines.append(f"  {obligation.id}: {rates_text(rates(slots))}")
        for slot in slots:
            if slot.state in ("overdue", "late", "returned"):
                where = slot.period or (f"event {slot.event}" if slot.event else "once")
                lines.append(f"    {slot.state}: {slot.office}, {where}")
    lines += [
        f"  {one.kind}, {one.office}: {one.announced} announced, {one.reported} reported, "
        f"{one.paired} paired, {one.unannounced} unannounced"
        for one in events_of(duty.case)
    ]
    return lines


def _finding_json(one: Finding) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "severity": one.severity,
        "subject": one.subject,
        "text": one.text,
        "code": one.code,
        "files": list(one.files),
    }


def _duty_json(duty: Duty) -> dict[str, Any]:
    return {
        "number": str(duty.case.number),
        "id": encode_base64(duty.case.id),
        "replies": {one.office: one.state for one in duty.standings},
        "rates": {obligation.id: rates(slots)._asdict() for obligation, slots in by_obligation(duty)},
        "slots": [slot_json(one) for one in duty.slots],
    }


def sorted_findings(report: AuditReport) -> Sequence[Finding]:
    """Give the findings, the worst first."""
    order = ("broken", "missing", "not-checkable", "notice")
    return sorted(report.findings, key=lambda one: (order.index(one.severity), one))
