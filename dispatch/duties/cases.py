"""Sort opened dispatches into cases: each circular with everything that answers it."""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from dispatch.checks.addressees import ended_offices, expand
from dispatch.checks.answers import owing
from dispatch.duties.case import Answer, Case, Effect, Filing, SlotDecision, effects_of
from dispatch.formats.message import Circular, Decision, Receipt, Report
from dispatch.formats.note import parse_number
from dispatch.formats.periods import parse_day
from keys.codec import decode_base64
from keys.text import parse_date

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from dispatch.checks.opening import OpenedMessage
    from dispatch.formats.note import Number
    from keys.roster import Roster


class KeptReport(NamedTuple):
    """What is kept of a report: not its envelope, of which there may be very many."""

    number: Number
    id: bytes
    date: datetime
    version: int
    message: Report


class CaseBuilder:
    """Sorts opened dispatches into cases, in whatever order they come."""

    def __init__(self, roster: Roster, opened: Iterator[OpenedMessage]) -> None:
        self._roster = roster
        self._circulars: dict[Number, OpenedMessage] = {}
        self._touches: dict[Number, list[Effect]] = defaultdict(list)
        self._reports: dict[Number, list[KeptReport]] = defaultdict(list)
        self._slots: dict[bytes, tuple[str, str, str]] = {}
        self._by_id: dict[bytes, KeptReport] = {}
        self._rulings: dict[Number, list[Decision]] = defaultdict(list)
        self._answers: dict[bytes, list[Answer]] = defaultdict(list)
        # by issuer of the receipt and id of what it receipts: its earliest date
        self._receipts: dict[tuple[str, bytes], datetime] = {}
        for one in opened:
            self._sort(one)

    def cases(self) -> tuple[Case, ...]:
        """Give the cases in order of number."""
        return tuple(self._case(number) for number in sorted(self._circulars))

    def case(self, number: Number) -> Case | None:
        """Give the case of one circular, or None."""
        return self._case(number) if number in self._circulars else None

    def report(self, note_id: bytes) -> KeptReport:
        """Give a report by the id of its note."""
        return self._by_id[note_id]

    def _sort(self, opened: OpenedMessage) -> None:
        message = opened.message
        for touch in effects_of(message):
            self._touches[touch.target].append(touch)
        match message:
            case Circular():
                self._circulars[parse_number(message.number)] = opened
            case Report():
                note, note_id = opened.verified.note, opened.verified.id
                kept = KeptReport(note.number, note_id, note.date, note.roster.version, message)
                self._reports[parse_number(message.answers.number)].append(kept)
                self._by_id[note_id] = kept
                place = (message.answers.obligation, message.from_, message.occasion)
                self._slots[note_id] = place
            case Decision():
                self._sort_decision(message)
            case Receipt():
                self._sort_receipt(message)
            case _:
                pass

    def _sort_decision(self, message: Decision) -> None:
        if message.slot is not None:
            self._rulings[parse_number(message.slot.number)].append(message)
        elif message.report is not None:
            # filed under the report: that may come later in the pile
            self._rulings[parse_number(message.report.number)].append(message)

    def _sort_receipt(self, message: Receipt) -> None:
        date = parse_date(message.date)
        for item in message.items:
            key = (message.from_, decode_base64(item.id))
            self._receipts[key] = min(date, self._receipts.get(key, date))
            self._answers[key[1]].append(
                Answer(
                    number=parse_number(message.number),
                    date=date,
                    office=message.from_,
                    state=item.state,
                    by=item.by,
                    reason=item.reason,
                )
            )

    def _case(self, number: Number) -> Case:
        opened = self._circulars[number]
        circular = opened.message
        assert isinstance(circular, Circular)  # noqa: S101 - only those are kept
        version = opened.verified.note.roster.version
        copies = expand(circular.to, circular.info, number.handle, self._roster, version)
        owed = {one.id: owing(opened, one, self._roster) for one in circular.obligations}
        return Case(
            number=number,
            id=opened.verified.id,
            date=opened.verified.note.date,
            circular=circular,
            addressees=tuple(handle for handle in copies.to if handle != number.handle),
            info=copies.info,
            owing=owed,
            ended_offices=ended_offices(chain.from_iterable(owed.values()), self._roster),
            filings=tuple(self._filing(number.handle, report) for report in self._reports[number]),
            rulings=self._rulings_of(number),
            touches=tuple(
                sorted(
                    (touch for touch in self._touches[number] if touch.by.handle == number.handle),
                    key=lambda touch: touch.by,
                )
            ),
            answers=tuple(self._answers[opened.verified.id]),
        )

    def _filing(self, issuer: str, kept: KeptReport) -> Filing:
        report = kept.message
        obligation, office, occasion = self._slots[kept.id]
        return Filing(
            number=kept.number,
            id=kept.id,
            sent=kept.date,
            office=office,
            obligation=obligation,
            occasion=occasion,
            received=self._receipts.get((issuer, kept.id)),
            nil=report.nil,
            event_label=report.event.label if report.event else None,
            event_date=parse_day(report.event.date) if report.event else None,
        )

    def _rulings_of(self, number: Number) -> tuple[SlotDecision, ...]:
        found = [self._ruling(message) for message in self._rulings[number]]
        for report in self._reports[number]:
            found += [self._ruling(message) for message in self._rulings[report.number]]
        return tuple(
            ruling for ruling in found if ruling is not None and ruling.number.handle == number.handle
        )

    def _ruling(self, message: Decision) -> SlotDecision | None:
        if message.slot is not None:
            slot = message.slot
            place = (slot.obligation, slot.office, slot.occasion)
        elif message.report is not None and decode_base64(message.report.id) in self._slots:
            place = self._slots[decode_base64(message.report.id)]
        else:
            return None
        return SlotDecision(
            number=parse_number(message.number),
            date=parse_date(message.date),
            decision=message.decision,
            obligation=place[0],
            office=place[1],
            occasion=place[2],
            report=decode_base64(message.report.id) if message.report else None,
            until=parse_date(message.until) if message.until else None,
        )
