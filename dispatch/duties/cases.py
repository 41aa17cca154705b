"""Gather opened dispatches into cases: each circular with everything that answers it.

Dispatches come in any order: a decision may come before the report that it is about. So each is first kept
under what it is about, and a case is put together when it is asked for.
"""

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
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from dispatch.checks.opening import OpenedMessage
    from dispatch.formats.note import Number
    from keys.roster import Roster


class KeptReport(NamedTuple):
    """What is kept of a report: not its envelope, because there may be very many."""

    number: Number
    id: bytes
    date: datetime
    version: int
    message: Report

    @property
    def slot(self) -> tuple[str, str, str]:
        """The obligation, office and occasion that it is for."""
        return self.message.answers.obligation, self.message.from_, self.message.occasion


class CaseBuilder:
    """Gathers opened dispatches, in any order, and gives the case of each circular among them."""

    def __init__(self, roster: Roster, opened: Iterable[OpenedMessage]) -> None:
        self._roster = roster
        self._circulars: dict[Number, OpenedMessage] = {}
        self._reports_by_id: dict[bytes, KeptReport] = {}
        # by the number of the circular
        self._reports: dict[Number, list[KeptReport]] = defaultdict(list)
        self._effects: dict[Number, list[Effect]] = defaultdict(list)
        # by the number of the circular, or of the report that is decided on
        self._decisions: dict[Number, list[Decision]] = defaultdict(list)
        # by number and id of what is receipted; for the earliest dates, by the issuer of the receipt too
        self._answers: dict[tuple[Number, bytes], list[Answer]] = defaultdict(list)
        self._receipted: dict[tuple[str, Number, bytes], datetime] = {}
        for one in opened:
            self._keep(one)

    def cases(self) -> tuple[Case, ...]:
        """Give the cases in order of number."""
        return tuple(self._case(number) for number in sorted(self._circulars))

    def case(self, number: Number) -> Case | None:
        """Give the case of one circular, or None."""
        return self._case(number) if number in self._circulars else None

    def report(self, note_id: bytes) -> KeptReport:
        """Give a report by the id of its note."""
        return self._reports_by_id[note_id]

    def _keep(self, opened: OpenedMessage) -> None:
        message = opened.message
        for effect in effects_of(message):
            self._effects[effect.target].append(effect)
        match message:
            case Circular():
                self._circulars[parse_number(message.number)] = opened
            case Report():
                note, note_id = opened.verified.note, opened.verified.id
                kept = KeptReport(note.number, note_id, note.date, note.roster.version, message)
                self._reports[parse_number(message.answers.number)].append(kept)
                self._reports_by_id[note_id] = kept
            case Decision():
                about = message.slot or message.report
                if about is not None:
                    self._decisions[parse_number(about.number)].append(message)
            case Receipt():
                self._keep_receipt(message)
            case _:
                pass

    def _keep_receipt(self, message: Receipt) -> None:
        date = parse_date(message.date)
        for item in message.items:
            named = (parse_number(item.number), decode_base64(item.id))
            key = (message.from_, *named)
            self._receipted[key] = min(date, self._receipted.get(key, date))
            self._answers[named].append(
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
        note_id = opened.verified.id
        effects = (
            effect
            for effect in self._effects[number]
            if effect.by.handle == number.handle and effect.is_on(number, note_id)
        )
        return Case(
            number=number,
            id=note_id,
            date=opened.verified.note.date,
            circular=circular,
            addressees=tuple(handle for handle in copies.to if handle != number.handle),
            info=copies.info,
            owing=owed,
            ended_offices=ended_offices(chain.from_iterable(owed.values()), self._roster),
            filings=tuple(self._filing(number.handle, report) for report in self._reports[number]),
            decisions=tuple(self._slot_decisions(number)),
            effects=tuple(sorted(effects, key=lambda effect: effect.by)),
            answers=tuple(self._answers[number, note_id]),
        )

    def _filing(self, issuer: str, kept: KeptReport) -> Filing:
        report = kept.message
        obligation, office, occasion = kept.slot
        return Filing(
            number=kept.number,
            id=kept.id,
            sent=kept.date,
            office=office,
            obligation=obligation,
            occasion=occasion,
            received=self._receipted.get((issuer, kept.number, kept.id)),
            nil=report.nil,
            event_label=report.event.label if report.event else None,
            event_date=parse_day(report.event.date) if report.event else None,
        )

    def _slot_decisions(self, number: Number) -> Iterator[SlotDecision]:
        """Give the decisions of a circular's issuer on its slots, and on the reports to it."""
        about = [number, *(report.number for report in self._reports[number])]
        for message in chain.from_iterable(self._decisions[one] for one in about):
            if message.from_ != number.handle:
                continue
            slot = self._slot_of(message)
            if slot is None:
                continue
            obligation, office, occasion = slot
            yield SlotDecision(
                number=parse_number(message.number),
                date=parse_date(message.date),
                decision=message.decision,
                obligation=obligation,
                office=office,
                occasion=occasion,
                report=decode_base64(message.report.id) if message.report else None,
                until=parse_date(message.until) if message.until else None,
            )

    def _slot_of(self, message: Decision) -> tuple[str, str, str] | None:
        """Give the slot that a decision is about; None if it is on a report that is not here."""
        if message.slot is not None:
            return message.slot.obligation, message.slot.office, message.slot.occasion
        kept = self._reports_by_id.get(decode_base64(message.report.id)) if message.report else None
        return kept.slot if kept else None
