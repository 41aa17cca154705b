"""What the register holds, opened and sorted into cases: each circular with all that answers it.

Nothing of it is stored: plaintext stays off the disk, so it is opened anew by each run that
asks. What no key of ours opens any more is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatch.checks.opening import open_envelope
from dispatch.checks.verifier import believe_stored
from dispatch.duties.case import Effect, effects_of, ended_at
from dispatch.duties.cases import CaseBuilder
from dispatch.errors import DispatchError, RefusedError
from dispatch.formats.envelope import Envelope
from dispatch.formats.message import Circular, Report
from dispatch.formats.note import parse_number
from keys.errors import KeysError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dispatch.checks.opening import OpenedMessage
    from dispatch.formats.message import Message
    from dispatch.formats.note import Number
    from dispatch.formats.obligation import Form
    from dispatch.store import Dispatch, Register
    from keys.age.recipients import Identity
    from keys.roster import Roster


class OpenedRegister:
    """The dispatches of one register, opened. `identities` gives our secret keys when first needed."""

    def __init__(
        self, *, handle: str, register: Register, roster: Roster, identities: Callable[[], Sequence[Identity]]
    ) -> None:
        self._handle = handle
        self._register = register
        self._roster = roster
        self._identities = identities
        self._circulars: dict[Number, OpenedMessage] = {}

    def find(self, number: Number) -> OpenedMessage | None:
        """Open a dispatch of the register; None if it is not there, or no key of ours opens it."""
        if number in self._circulars:
            return self._circulars[number]
        entry = self._register.find(number)
        opened = self._open(entry) if entry is not None and entry.signatures is not None else None
        if opened is not None and isinstance(opened.message, Circular):
            # they are asked for with every answer to them
            self._circulars[number] = opened
        return opened

    def demand(self, number: Number) -> OpenedMessage:
        """Open a dispatch of the register. Raises RefusedError if it is not there."""
        return self.open(self._register.get(number))

    def open(self, entry: Dispatch) -> OpenedMessage:
        """Open what the register holds. Raises as `open_envelope` does, RefusedError if the text is gone."""
        copy = self._register.copy_for(entry, self._handle)
        if copy is None or copy.body is None:
            raise RefusedError(f"the register no longer has the text of {entry.number}")
        envelope = Envelope(signed_note=entry.signed_note(), copy=copy.place(), body=copy.body)
        return open_envelope(believe_stored(envelope), self._handle, self._identities(), self._roster)

    def opened(self) -> Iterator[OpenedMessage]:
        """Give everything that opens, in the order in which it was registered."""
        for entry in self._register.all():
            opened = self._open(entry)
            if opened is not None:
                yield opened

    def sort(self) -> CaseBuilder:
        """Open everything and sort it into cases."""
        return CaseBuilder(self._roster, self.opened())

    def effects_on(self, number: Number) -> tuple[Effect, ...]:
        """Give what later dispatches of its issuer do to a circular, in order."""
        found = []
        for entry in self._register.of(number.handle):
            # a receipt does nothing to it, and most of what an office sends may be receipts
            if entry.number <= number or b"\nreceipts: " in entry.text:
                continue
            opened = self._open(entry)
            if opened is not None:
                found += [effect for effect in effects_of(opened.message) if effect.target == number]
        return tuple(found)

    def in_force(self) -> frozenset[Number]:
        """Give the numbers of the circulars that are in force."""
        return frozenset(case.number for case in self.sort().cases() if ended_at(case, None) is None)

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
        for entry in self._register.of(office):
            opened = self._open(entry)
            message = opened.message if opened is not None else None
            if not isinstance(message, Report) or parse_number(message.answers.number) != number:
                continue
            if (message.answers.obligation, message.occasion) == (obligation, occasion):
                found = opened
        return found

    def _open(self, entry: Dispatch) -> OpenedMessage | None:
        try:
            return self.open(entry)
        except (DispatchError, KeysError):
            return None
