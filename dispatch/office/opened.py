"""What the register holds, opened and sorted into cases: each circular with all that answers it.

Nothing of it is stored: plaintext stays off the disk, so it is opened anew by each run that
asks. What no key of ours opens any more is left out, and what no longer stands by the newest roster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatch.checks.opening import open_envelope
from dispatch.checks.soundness import check_stands
from dispatch.checks.verifier import Verifier, believe_stored
from dispatch.duties.case import Case, Effect, effects_of, ended_at
from dispatch.duties.cases import CaseBuilder
from dispatch.duties.slots import slots_of
from dispatch.duties.standings import standings_of
from dispatch.errors import DispatchError, RefusedError
from dispatch.formats.envelope import Envelope
from dispatch.formats.message import Circular, Report
from dispatch.formats.note import parse_number
from dispatch.office.evidence import RegisterEvidence
from dispatch.office.results import CircularDuties, LeftOut
from keys.errors import KeysError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from dispatch.checks.opening import OpenedMessage
    from dispatch.checks.verifier import VerifiedEnvelope
    from dispatch.formats.envelope import SignedNote
    from dispatch.formats.message import Message
    from dispatch.formats.note import Number
    from dispatch.formats.obligation import Form
    from dispatch.office.context import OfficeContext
    from dispatch.store import Dispatch
    from keys.roster import Roster


# Of how many bytes of message lines the circulars are kept that answers ask for again and again.
_MAX_KEPT = 4 * 1024 * 1024


class OpenedRegister:
    """The dispatches of one register, opened with the office's own keys."""

    def __init__(self, context: OfficeContext) -> None:
        self._context = context
        self._register = context.register
        self._circulars: dict[Number, OpenedMessage] = {}
        self._kept = 0

    @property
    def roster(self) -> Roster:
        """The newest roster that the home trusts."""
        return self._context.roster

    def find(self, number: Number) -> OpenedMessage | None:
        """Open a dispatch of the register; None if it is not there, or no key of ours opens it.

        Whether it still stands is not asked: answers to it must fit it all the same.
        """
        if number in self._circulars:
            return self._circulars[number]
        entry = self._register.find(number)
        opened = self._open_stored(entry) if entry is not None and entry.signatures is not None else None
        if opened is not None and isinstance(opened.message, Circular):
            self._keep(number, opened)
        return opened

    def _keep(self, number: Number, circular: OpenedMessage) -> None:
        """Keep a circular, for it is asked for with every answer to it; the oldest give way."""
        self._circulars[number] = circular
        self._kept += len(circular.line)
        while self._kept > _MAX_KEPT:
            self._kept -= len(self._circulars.pop(next(iter(self._circulars))).line)

    def peek(self, entry: Dispatch) -> Message | None:
        """Give what a dispatch says, checked again; None if it is not signed yet or no key opens it."""
        try:
            return self.open_checked(self.envelope(entry)).message
        except (DispatchError, KeysError):
            return None

    def own_circular(self, number: Number) -> OpenedMessage:
        """Open a circular of ours. Raises RefusedError for what is none."""
        opened = self.demand(number)
        if number.handle != self._context.handle or not isinstance(opened.message, Circular):
            raise RefusedError(f"{number} is not a circular of ours: only its issuer decides")
        return opened

    def demand(self, number: Number) -> OpenedMessage:
        """Open a dispatch of the register. Raises RefusedError if it is not there."""
        return self.open(self._register.get(number))

    def open(self, entry: Dispatch) -> OpenedMessage:
        """Open what the register holds, if it still stands.

        Raises CompromisedError, EndedKeyError, as `open_envelope` does, RefusedError if the text is gone.
        """
        return self._open_standing(entry, self.evidence())

    def open_checked(self, envelope: Envelope) -> OpenedMessage:
        """Check and open an envelope like one that comes in (steps 2 to 10). Raises as these steps do."""
        verified = Verifier(self._context.trusted).verify(envelope)
        check_stands(envelope.signed_note, self._context.roster, self.evidence())
        return self._open_verified(verified)

    def evidence(self) -> RegisterEvidence:
        """Give what the register proves of the age of notes, for the tasks of this moment."""
        return RegisterEvidence(self._register, self._context.roster)

    def stands(self, signed_note: SignedNote) -> bool:
        """Tell whether a note whose signatures were verified still stands by the newest roster."""
        return self._fault(signed_note, self.evidence()) is None

    def left_out(self) -> tuple[LeftOut, ...]:
        """Name what the register holds and no longer stands, in the order in which it was registered."""
        evidence = self.evidence()
        faults = ((one, self._fault(one.signed_note(), evidence)) for one in self._register.all())
        return tuple(LeftOut(one.number, str(fault)) for one, fault in faults if fault is not None)

    def _fault(self, signed_note: SignedNote, evidence: RegisterEvidence) -> KeysError | None:
        """Give why a note no longer stands; None if it does."""
        try:
            check_stands(signed_note, self._context.roster, evidence)
        except KeysError as error:
            return error
        return None

    def envelope(self, entry: Dispatch) -> Envelope:
        """Give our own copy of a dispatch. Raises RefusedError if it is not signed, or its text is gone."""
        copy = self._register.copy_for(entry, self._context.handle)
        if copy is None or copy.body is None:
            raise RefusedError(f"the register no longer has the text of {entry.number}")
        return Envelope(signed_note=entry.signed_note(), copy=copy.place(), body=copy.body)

    def _open_verified(self, verified: VerifiedEnvelope) -> OpenedMessage:
        return open_envelope(verified, self._context.handle, self._context.identities(), self._context.roster)

    def opened(self) -> Iterator[OpenedMessage]:
        """Give everything that opens and still stands, in the order in which it was registered."""
        evidence = self.evidence()
        for entry in self._register.all():
            opened = self._open(entry, evidence)
            if opened is not None:
                yield opened

    def case_builder(self) -> CaseBuilder:
        """Open everything and sort it into cases."""
        return CaseBuilder(self._context.roster, self.opened())

    def effects_on(self, number: Number, note_id: bytes) -> tuple[Effect, ...]:
        """Give what later dispatches of its issuer do to a circular, in order."""
        found = []
        evidence = self.evidence()
        for entry in self._register.of(number.handle):
            # a receipt does nothing to it, and most of what an office sends may be receipts
            if entry.number <= number or b"\nreceipts: " in entry.text:
                continue
            opened = self._open(entry, evidence)
            if opened is not None:
                found += [effect for effect in effects_of(opened.message) if effect.is_on(number, note_id)]
        return tuple(found)

    def duties(self, number: Number | None, at: datetime) -> tuple[CircularDuties, ...]:
        """Say what is owed under each circular, or under one. Raises RefusedError for one not here."""
        cases = [case for case in self.case_builder().cases() if number in (None, case.number)]
        if number is not None and not cases:
            raise RefusedError(
                f"{number} is no circular of the register", hint="`dispatch list` shows what it has"
            )
        return tuple(self._duties(case, at) for case in cases)

    def _duties(self, case: Case, at: datetime) -> CircularDuties:
        us = self._context.handle
        sees_all = us in (case.number.handle, *case.info)
        return CircularDuties(
            case=case,
            slots=slots_of(case, at, only=None if sees_all else us),
            standings=tuple(one for one in standings_of(case, at) if sees_all or one.office == us),
            sees_all=sees_all,
        )

    def in_force(self) -> frozenset[Number]:
        """Give the numbers of the circulars that are in force."""
        return frozenset(case.number for case in self.case_builder().cases() if ended_at(case, None) is None)

    def form_of(self, message: Message) -> Form | None:
        """Give the form that a report fills in, if we have its circular."""
        if not isinstance(message, Report):
            return None
        opened = self.find(parse_number(message.answers.number))
        forms = opened.message.forms if opened and isinstance(opened.message, Circular) else ()
        return next((form for form in forms if form.digest() == message.answers.form), None)

    def newest_report(
        self, number: Number, office: str, obligation: str, occasion: str
    ) -> OpenedMessage | None:
        """Give the newest report of an office in a slot of circular `number`, or None."""
        found = None
        evidence = self.evidence()
        for entry in self._register.of(office):
            opened = self._open(entry, evidence)
            message = opened.message if opened is not None else None
            if not isinstance(message, Report) or parse_number(message.answers.number) != number:
                continue
            if (message.answers.obligation, message.occasion) == (obligation, occasion):
                found = opened
        return found

    def _open(self, entry: Dispatch, evidence: RegisterEvidence) -> OpenedMessage | None:
        try:
            return self._open_standing(entry, evidence)
        except (DispatchError, KeysError):
            return None

    def _open_standing(self, entry: Dispatch, evidence: RegisterEvidence) -> OpenedMessage:
        envelope = self.envelope(entry)
        check_stands(envelope.signed_note, self._context.roster, evidence)
        return self._open_verified(believe_stored(envelope))

    def _open_stored(self, entry: Dispatch) -> OpenedMessage | None:
        try:
            return self._open_verified(believe_stored(self.envelope(entry)))
        except (DispatchError, KeysError):
            return None
