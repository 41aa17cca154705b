"""The way in: file -> verified -> opened -> register.

    inbox.receive(paths)
        find       a folder means its *.dispatch files; copies for others are passed over
        order      by issuer and number, or an earlier dispatch of the batch would be reported as missing
        check      steps 1 to 5, then whether it comes at a good time (12), then 6 to 11
        register   once, however often the same file comes
        or hold    what a newer roster or a later day may make acceptable; it is tried again
        or reject  what was truly sent to us and is wrong: it is kept as evidence

What is merely malformed, forged or addressed to others is reported and left where it lies.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dispatch.carriers.folder import arrivals
from dispatch.checks.answers import check_fits
from dispatch.checks.continuity import HeldNote, check_timely, contradictions, is_ahead, passes_over
from dispatch.checks.mentions import disagreements, refuse_answered
from dispatch.checks.opening import open_envelope
from dispatch.checks.soundness import check_stands
from dispatch.checks.verifier import Verifier
from dispatch.errors import (
    AwaitedError,
    DispatchError,
    NotForUsError,
    RefusedError,
    StorageError,
    exit_code,
    failure_of,
)
from dispatch.formats.envelope import MAX_ENVELOPE, parse_envelope
from dispatch.office.held import HeldFiles, Incoming, kind_of_reason, refused
from dispatch.office.results import Kept, Received
from dispatch.store.attachments import sealed_size, take_along
from keys.codec import decode_base64
from keys.errors import KeyFileError, KeysError, PassphraseError, UnknownVersionError
from keys.trust import check_current

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from dispatch.checks.mentions import Disagreement
    from dispatch.checks.opening import OpenedMessage
    from dispatch.checks.verifier import VerifiedEnvelope
    from dispatch.formats.envelope import Envelope
    from dispatch.formats.note import Note, Number
    from dispatch.office.context import OfficeContext
    from dispatch.office.opened import OpenedRegister
    from dispatch.store import HeldState, Waiting
    from dispatch.system.folders import Found

_MAX_REASON = 1000
_ADDRESSEE = re.compile(rb"\n\ncopy: [0-9]{1,9}\nto: ([a-z0-9][a-z0-9-]{0,62})\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The outcome of one run: each file for us, and how many were for others."""

    received: tuple[Received, ...]
    for_others: int


class _Registered(NamedTuple):
    """A dispatch that is in the register now.

    `after`: what its issuer sent us before it, so the copy. `disagreeing`: what it names otherwise than we
    have it.
    """

    outcome: Received
    note: HeldNote
    after: Number | None
    disagreeing: tuple[Disagreement, ...]


class Inbox:
    """The way in of one office's home, at one moment."""

    def __init__(self, context: OfficeContext, opened: OpenedRegister) -> None:
        self._context = context
        self._register = context.register
        self._opened = opened
        self._verifier = Verifier(context.trusted)
        self._held = HeldFiles(context)

    def receive(self, paths: Iterable[Path]) -> Batch:
        """Take in files and folders; every one is tried."""
        outcomes: list[Received] = []
        ours: list[tuple[Number, Found]] = []
        for_others = 0
        for found in arrivals(paths):
            try:
                data = found.read(MAX_ENVELOPE)
                if not found.named and self._is_for_others(data):
                    for_others += 1
                    continue
                ours.append((parse_envelope(data).signed_note.note.number, found))
            except (DispatchError, KeysError, OSError) as error:
                outcomes.append(refused(found.path, error))
        for _, found in sorted(ours, key=lambda one: (one[0], one[1].path)):
            try:
                # whoever writes to the post may have put another in its place
                data = found.read(MAX_ENVELOPE)
                outcomes.append(self._with_neighbours(self._take(data, found.path)))
            except (DispatchError, KeysError, OSError) as error:
                outcomes.append(refused(found.path, error))
        return Batch(received=tuple(outcomes), for_others=for_others)

    def receive_data(self, data: bytes, name: str) -> Received:
        """Take in one envelope that is no file; attachments are looked for in the current folder."""
        try:
            return self._with_neighbours(self._take(data, Path(name)))
        except (DispatchError, KeysError) as error:
            return refused(Path(name), error)

    def retry_held(self) -> tuple[Received, ...]:
        """Try again what is held; give what became of each that is not simply held on."""
        outcomes: list[Received | _Registered] = []
        for waiting in self._held.worth_trying():
            try:
                outcome = self._take(self._held.file(waiting), Path(waiting.name))
                if isinstance(outcome, _Registered):
                    outcomes.append(outcome)
                elif (settled := self._held.settle(waiting, outcome)) is not None:
                    outcomes.append(settled)
            except (DispatchError, KeysError) as error:
                outcomes.append(replace(refused(Path(waiting.name), error), state="held"))
        return tuple(map(self._with_neighbours, outcomes))

    def retry_awaited(self, received: list[Received]) -> list[Received]:
        """After something new was registered, try again what is held, until nothing new comes of it."""
        came: Sequence[Received] = received
        while any(one.state == "new" for one in came):
            came = self.retry_held()
            numbers = {one.number for one in came}
            received = [one for one in received if not (one.state == "held" and one.number in numbers)]
            received += came
        return received

    def _is_for_others(self, data: bytes) -> bool:
        found = _ADDRESSEE.search(data)
        return found is not None and found[1] != self._context.handle.encode()

    def _take(self, data: bytes, path: Path) -> Received | _Registered:
        """Register one file, keep it (held or rejected), or leave it where it lies (refused).

        Raises EnvelopeError, NoteError, FormatError for what is no envelope.
        """
        envelope = parse_envelope(data)
        arrived = self._arrival(data, envelope.signed_note.note)
        incoming = Incoming(data, path, arrived, envelope)
        # how a failure counts from here on: refused, then held, then rejected
        kept_as: HeldState | None = None
        is_verified = False
        try:
            verified = self._verify(incoming.envelope)
            kept_as, is_verified = "held", True
            self._check_timely(verified, arrived)
            kept_as = "rejected"
            opened, disagreeing = self._open(verified)
            registered = self._store(opened, disagreeing, path)
        except (UnknownVersionError, AwaitedError) as error:
            return self._held.keep(incoming, error, "held", is_verified=is_verified)
        except (PassphraseError, KeyFileError, StorageError, OSError) as error:
            return refused(path, error, incoming.envelope)
        except (DispatchError, KeysError) as error:
            if kept_as is None:
                return refused(path, error, incoming.envelope)
            return self._held.keep(incoming, error, kept_as, is_verified=True)
        return self._finish(registered, opened, incoming)

    def kept(self, state: HeldState) -> tuple[Kept, ...]:
        """List what is held or was rejected, oldest first, each with the reason.

        Nothing that was sealed is stored in clear, so each file is judged again to say why it is kept.
        """
        return tuple(
            Kept(
                file=waiting.name,
                number=waiting.number,
                state=waiting.state,
                code=waiting.code,
                reason=self._reason(waiting),
            )
            for waiting in self._register.waiting.list(state)
        )

    def _reason(self, waiting: Waiting) -> str:
        """Say why a file is kept: only the kind of reason, if no key opens it or it fails otherwise now."""
        try:
            data = self._held.file(waiting)
            verified = self._verify(parse_envelope(data))
            self._check_timely(verified, self._arrival(data, verified.note))
            self._open(verified)
            self._refuse_lost(waiting.number)
            self._register.has(waiting.number, verified.id)
        except (DispatchError, KeysError) as error:
            if exit_code(error) == waiting.code:
                return str(error)[:_MAX_REASON]
        return kind_of_reason(waiting)

    def _open(self, verified: VerifiedEnvelope) -> tuple[OpenedMessage, tuple[Disagreement, ...]]:
        """Check steps 6 to 11: open a copy, and see whether it fits what the register holds.

        Gives what it names otherwise than we have it besides.
        """
        opened = open_envelope(
            verified, self._context.handle, self._context.identities(), self._context.roster
        )
        disagreeing = self._disagreements(opened)
        check_fits(opened, self._context.handle, self._opened.find, self._context.roster)
        return opened, disagreeing

    def _arrival(self, data: bytes, note: Note) -> datetime:
        """Tell when a file came first. While it was held because of the future it had not come."""
        seen = self._register.waiting.first_seen(sha256(data).digest())
        return self._context.now if seen is None or is_ahead(note.date, seen) else seen

    def _verify(self, envelope: Envelope) -> VerifiedEnvelope:
        """Check steps 2 to 6: its roster and signatures, its place in the tree, and that it is for us."""
        try:
            verified = self._verifier.verify(envelope)
        except UnknownVersionError:
            self._check_addressee(envelope)
            raise
        self._check_addressee(envelope)
        return verified

    def _check_addressee(self, envelope: Envelope) -> None:
        if envelope.copy.to != self._context.handle:
            raise NotForUsError(f"this copy is for {envelope.copy.to}, not for {self._context.handle}")

    def open(self, data: bytes) -> OpenedMessage:
        """Check and open an envelope without registering it; what would be held is shown all the same."""
        opened = self._opened.open_checked(parse_envelope(data))
        self._check_timely(opened.verified, self._context.now)
        with suppress(AwaitedError):
            self._disagreements(opened)
            check_fits(opened, self._context.handle, self._opened.find, self._context.roster)
        return opened

    def _check_timely(self, verified: VerifiedEnvelope, arrived: datetime) -> None:
        """Raise if a verified dispatch has to be held (steps 2, 3 and 12).

        Our roster has expired, too few of its signatures count by the newest roster or, unless it is
        registered, its date or its keys are not acceptable now.

        `arrived`: when it came first, which matters until it is registered. Raises ExpiredError, FutureError,
        CompromisedError.
        """
        check_current(self._context.trusted, self._context.now)
        signed_note = verified.verified_note.signed_note
        counted = check_stands(signed_note, self._context.roster, self._opened.evidence())
        known = self._register.find(verified.note.number)
        if known is None or known.id != verified.id:
            check_timely(verified.note, counted, self._context.now, arrived)

    def _disagreements(self, opened: OpenedMessage) -> tuple[Disagreement, ...]:
        """Give what a message names otherwise than we have it.

        Raises EquivocationError for one that answers such a note, unless it is registered already.
        """
        us = self._context.handle
        found = disagreements(opened.message, us, self._register)
        if self._register.find_id(opened.verified.id) is None:
            refuse_answered(found, us)
        return found

    def _store(self, opened: OpenedMessage, disagreeing: tuple[Disagreement, ...], path: Path) -> _Registered:
        """Register a dispatch."""
        verified, message = opened.verified, opened.message
        number = verified.note.number
        self._refuse_lost(number)
        sealed = tuple(decode_base64(entry.sealed) for entry in message.attachments)
        is_new = self._register.receive(
            verified,
            b"".join(verified.verified_note.signed_note.signed.signatures),
            sealed,
            self._context.now,
            wants_receipt=message.kind != "receipt" and number.handle != self._context.handle,
        )
        outcome = Received(
            file=str(path),
            state="new" if is_new else "known",
            number=number,
            id=verified.id,
            kind=message.kind,
            subject=message.subject,
        )
        return _Registered(outcome, HeldNote(verified.id, verified.note), verified.copy.after, disagreeing)

    def _refuse_lost(self, number: Number) -> None:
        if number.handle == self._context.handle and self._register.find(number) is None:
            raise RefusedError(
                f"{number} is a number of ours that our register does not have",
                hint="was this home restored from an old backup? Do not issue from it",
            )

    def _finish(self, registered: _Registered, opened: OpenedMessage, incoming: Incoming) -> _Registered:
        """Bring the attachments that lie beside a file that is registered now, and wait for it no longer.

        What fails here is said with the outcome: the dispatch is registered all the same.
        """
        missing: list[bytes] = []
        failure = None
        for entry in opened.message.attachments:
            digest = decode_base64(entry.sealed)
            wanted = {digest: sealed_size(entry)}
            try:
                missing += take_along(wanted, incoming.path.parent, self._context.home.attachments)
            except (DispatchError, OSError) as error:
                missing.append(digest)
                failure = failure or failure_of(error)
        # a full disk, say: a held file is tried again, since nobody may bring it once more
        if failure is None:
            try:
                self._held.forget(incoming.data)
            except DispatchError as error:
                failure = failure_of(error)
        outcome = replace(registered.outcome, missing=tuple(missing), error=failure)
        return registered._replace(outcome=outcome)

    def _with_neighbours(self, taken: Received | _Registered) -> Received:
        """Complete the outcome of a registered dispatch: what never came before it, what it contradicts."""
        if isinstance(taken, Received):
            return taken
        try:
            return self._compared(taken)
        except (DispatchError, KeysError) as error:
            return replace(taken.outcome, error=taken.outcome.error or failure_of(error))

    def _compared(self, taken: _Registered) -> Received:
        outcome, (_, note), after, _ = taken
        is_here = after is None or self._register.find(after) or self._register.waiting.has(after)
        before, later = self._register.before(note.number), self._register.after(note.number)
        return replace(
            outcome,
            after=None if is_here else after,
            disputed=self._disputed(note, after, before, later),
            contradiction=self._contradiction(taken, before, later),
        )

    def _contradiction(self, taken: _Registered, before: HeldNote | None, later: HeldNote | None) -> str:
        """Say why this dispatch and another cannot both be true, as far as that still stands, or nothing."""
        outcome, came, _, disagreeing = taken
        number = came.note.number
        is_new = outcome.state == "new"
        twins = self._register.waiting.rejected_twins(number, came.id) if is_new else ()
        for digest in twins:
            if self._opened.stands(parse_envelope(self._register.waiting.file(digest)).signed_note):
                return f"another dispatch, which was rejected, is signed with the number {number} too"
        found = contradictions(came, before, later, self._register, is_new=is_new)
        named = ((one.other, one.text) for one in disagreeing)
        for against, text in chain(found, named):
            if against is None or self._stands(against):
                return text
        return ""

    def _stands(self, number: Number) -> bool:
        """Tell whether a registered note still stands; one of ours that is not signed yet does."""
        entry = self._register.get(number)
        return entry.signatures is None or self._opened.stands(entry.signed_note())

    def _disputed(
        self, note: Note, after: Number | None, before: HeldNote | None, later: HeldNote | None
    ) -> Number | None:
        """Give the registered neighbour that disagrees.

        That is an earlier one that this one does not know of, or a later one that does not know of this.
        """
        if before is not None and passes_over(after, note.register, before.note.number):
            other = before.note.number
        elif later is not None and self._passes_over(later.note, note.number):
            other = later.note.number
        else:
            return None
        return other if self._stands(other) else None

    def _passes_over(self, later: Note, number: Number) -> bool:
        copy = self._register.copy_for(self._register.get(later.number), self._context.handle)
        return copy is not None and passes_over(copy.after, later.register, number)
