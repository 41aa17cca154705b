"""What an audit comes to: all that a text, a page, a program or a bundle shows. Everything in it is sorted.

Digests are base64, and dates are texts as in notes, except in what `duties` has of circulars.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from dispatch.audit.findings import NOT_PROVEN
from dispatch.duties.as_json import slot_json, standing_json
from dispatch.duties.events import events_of
from dispatch.duties.slots import rates
from dispatch.errors import DONE, worst
from keys.codec import encode_base64
from keys.text import format_date

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from dispatch.audit.findings import Finding
    from dispatch.duties.case import Case
    from dispatch.duties.slots import Slot
    from dispatch.duties.standings import Standing
    from dispatch.formats.obligation import Obligation

FORMAT: Final = "dispatch-audit/v1"

Verdict: TypeAlias = Literal["clean", "findings", "broken"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipted:
    """An office's first receipt for a dispatch.

    `number`, `date`: of the receipt; `seconds`: from the date of the dispatch to that of the receipt.
    """

    office: str
    number: str
    date: str
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatched:
    """One note that holds.

    `id`, `content`: digests; `roster`: the version that it names; `keys`: the fingerprints of those that
    signed; `copies`: how many it has, `present`: how many of them are here. `receipts_for`: how many notes it
    acknowledges itself. `receipts`: who acknowledged it; `silent`: the offices whose copy is here without a
    receipt, none for a receipt, which nobody acknowledges. `older`: what proves it although its key was
    compromised later, in words, or None. `file`: the name of the first file that holds it.
    """

    number: str
    id: str
    date: str
    roster: int
    keys: tuple[str, ...]
    content: str
    copies: int
    present: int
    receipts_for: int
    receipts: tuple[Receipted, ...]
    silent: tuple[str, ...]
    older: str | None
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterVolume:
    """One volume of a register.

    `size`: how many notes it is known to have had; `present`: how many ordinals have a note here; `missing`:
    the first and last of each run of ordinals without a note; `voided`: ordinals that were never released.
    `ids`: of its notes in order, as far as they are known without a gap; `root`: over these. `pinned`: how
    many sizes have a pinned head; `heads`: how many of these the ids gave; `unchecked`: how many could not be
    recomputed. `statements`: the names of its signed lists; `begun`, `ended`: the first and the last date.
    """

    office: str
    volume: str
    size: int
    present: int
    missing: tuple[tuple[int, int], ...]
    voided: tuple[int, ...]
    ids: tuple[str, ...]
    root: str
    pinned: int
    heads: int
    unchecked: int
    statements: tuple[str, ...]
    begun: str | None
    ended: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CircularStatus:
    """A circular whose text was given, and what was found of its answers.

    `slots`: the state of each duty; `standings`: the reply of each office; `recognised`: how many answers in
    the notes are answers to it.
    """

    case: Case
    slots: tuple[Slot, ...]
    standings: tuple[Standing, ...]
    recognised: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """The whole of an audit.

    `realm`, `roster`: the realm, and the version of the roster; `root`: the root fingerprint that was
    trusted; `at`: the moment at which duties were judged; `partial`: whether one office's share was given.
    `counts`: the numbers of `files` read, `notes` and `copies` that hold, `statements` (signed lists of
    registers), `receipts` (notes that acknowledge others), `answers` (blinded slots) and, of these,
    `recognised` ones. `duties`: the circulars whose texts were given; `titles`: of offices, by handle.
    """

    realm: str
    roster: int
    root: str
    at: datetime
    partial: bool
    counts: Mapping[str, int]
    findings: tuple[Finding, ...]
    registers: tuple[RegisterVolume, ...]
    dispatches: tuple[Dispatched, ...]
    duties: tuple[CircularStatus, ...]
    titles: Mapping[str, str]

    @property
    def verdict(self) -> Verdict:
        """Say `broken` if anything is, else `findings` if anything is missing or to be asked about."""
        if any(one.severity == "broken" for one in self.findings):
            return "broken"
        return "findings" if self.code else "clean"

    @property
    def code(self) -> int:
        """The exit code: the worst that a finding demands."""
        return worst(one.code for one in self.findings) if self.findings else DONE


def sort_findings(findings: list[Finding]) -> tuple[Finding, ...]:
    """Order findings, the broken ones first, and leave out repeated ones."""
    order = ("broken", "missing", "warning", "not-checkable")
    return tuple(sorted(set(findings), key=lambda one: (order.index(one.severity), one)))


def report_json(report: AuditReport) -> dict[str, Any]:
    """Give the whole report as JSON has it. The same files give the same, in whatever order they came."""
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
    """Write a report as JSON in ASCII: the bytes that the command prints and a bundle holds."""
    return (json.dumps(report_json(report), indent=1) + "\n").encode("ascii")


def by_obligation(duty: CircularStatus) -> list[tuple[Obligation, list[Slot]]]:
    """Give the slots of each obligation of a circular."""
    return [
        (one, [slot for slot in duty.slots if slot.obligation == one.id])
        for one in duty.case.circular.obligations
    ]


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
    """Count the slots of an obligation, first those of all offices, then those of each."""
    for office in (None, *duty.case.owing[obligation.id]):
        counted = rates(slot for slot in slots if office in (None, slot.office))
        yield {
            "obligation": obligation.id,
            "office": office,
            **counted._asdict(),
            "reporting_rate": counted.reporting_rate,
            "reporting_rate_on_time": counted.reporting_rate_on_time,
        }
