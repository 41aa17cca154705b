"""The way in: file -> verified -> opened -> register.

    inbox.receive(paths)
        find       a folder means its *.dispatch files; copies for others are passed over
        order      by issuer and number, so that a batch has no gaps of its own making
        check      steps 1 to 5 on the file, 6 to 11 on the message
        register   once, however often the same file comes
        or hold    what a newer roster or a later day may make acceptable; tried again
        or reject  what was truly sent to us and is wrong: kept as evidence

What is merely malformed, forged or another's is reported and left where it lies.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dispatch.checks.answers import check_fits
from dispatch.checks.continuity import contradictions, passes_over
from dispatch.checks.opening import OpenedMessage, open_envelope
from dispatch.checks.verifier import VerifiedEnvelope, Verifier
from dispatch.errors import (
    INTEGRITY,
    LOCKED,
    UNEXPECTED,
    AwaitedError,
    DispatchError,
    FutureError,
    NotForUsError,
    RefusedError,
    StorageError,
    exit_code,
)
from dispatch.formats.envelope import MAX_ENVELOPE, Envelope, parse_envelope
from dispatch.store import Waiting
from dispatch.store.attachments import take_along
from dispatch.system.folders import find_files
from keys.codec import decode_base64
from keys.errors import KeyFileError, KeysError, PassphraseError, TrustError, UnknownVersionError
from keys.text import format_date
from keys.trust import check_current, check_first_arrival

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from dispatch.checks.continuity import HeldNote
    from dispatch.formats.note import Note, Number
    from dispatch.office.opened import OpenedRegister
    from dispatch.store import HeldState, Register
    from dispatch.system.folders import Found
    from keys.age.recipients import Identity
    from keys.trust import TrustedRoster

CLOCK_TOLERANCE = timedelta(days=1)

_MAX_REASON = 1000

State = Literal["new", "known", "held", "rejected", "refused"]

_ADDRESSEE = re.compile(rb"\n\ncopy: [0-9]{1,9}\nto: ([a-z0-9][a-z0-9-]{0,62})\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What became of one file.

    `state`: new or known (registered), held or rejected (kept aside), refused (left where it lies).
    `after`: the dispatch before this one, if we never got it. `disputed`: one that is registered too, and of
    which this one, or which of this one, does not know. `contradiction`: what it says, and others of its
    register that are registered say otherwise; or empty. `missing`: attachments not here yet.
    """

    file: str
    state: State
    number: Number | None = None
    opened: OpenedMessage | None = None
    error: Exception | None = None
    after: Number | None = None
    disputed: Number | None = None
    contradiction: str = ""
    missing: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.error is not None:
            # its frames hold the whole file, and there may be very many
            self.error.__traceback__ = self.error.__context__ = self.error.__cause__ = None

    @property
    def code(self) -> int:
        """The exit code of its error, or of what it contradicts; 0 without either."""
        if self.error is not None:
            return exit_code(self.error)
        return INTEGRITY if self.contradiction else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The outcome of one run: each file for us, and how many were for others."""

    received: tuple[Received, ...]
    for_others: int


class Inbox:
    """The way in of one office's home, at one moment."""

    def __init__(
        self,
        *,
        handle: str,
        register: Register,
        trusted: TrustedRoster,
        identities: Callable[[], Sequence[Identity]],
        docket: OpenedRegister,
        home: Path,
        now: datetime,
    ) -> None:
        self._docket = docket
        self._handle = handle
        self._register = register
        self._trusted = trusted
        self._verifier = Verifier(trusted)
        self._identities = identities
        self._home = home
        self._now = now

    def receive(self, paths: Iterable[Path]) -> Batch:
        """Take in files and folders; every one is tried."""
        outcomes: list[Received] = []
        ours: list[tuple[Number, Found]] = []
        for_others = 0
        for found in find_files(paths, (".dispatch",)):
            try:
                data = found.read(MAX_ENVELOPE)
                if not found.named and self._is_for_others(data):
                    for_others += 1
                    continue
                ours.append((parse_envelope(data).signed_note.note.number, found))
            except (DispatchError, KeysError, OSError) as error:
                outcomes.append(Received(file=str(found.path), state="refused", error=error))
        for _, found in sorted(ours, key=lambda one: (one[0], one[1].path)):
            try:
                # whoever writes to the post may have put another in its place
                data = found.read(MAX_ENVELOPE)
                outcomes.append(self._with_neighbours(self._take(data, found.path, self._now)))
            except (DispatchError, KeysError, OSError) as error:
                outcomes.append(Received(file=str(found.path), state="refused", error=error))
        return Batch(received=tuple(outcomes), for_others=for_others)

    def receive_data(self, data: bytes, name: str) -> Received:
        """Take in one envelope that is no file; attachments are looked for in the current folder."""
        try:
            return self._with_neighbours(self._take(data, Path(name), self._now))
        except (DispatchError, KeysError) as error:
            return Received(file=name, state="refused", error=error)

    def retry_held(self) -> tuple[Received, ...]:
        """Try again what is held; give what is held no longer."""
        outcomes = []
        for waiting in self._register.waiting.list("held"):
            if not waiting.is_verified and waiting.version > self._trusted.roster.version:
                continue
            file = self._register.waiting.file(waiting.digest)
            outcome = self._take(file, Path(waiting.name), waiting.first_seen)
            if outcome.state == "held" or outcome.code == LOCKED:
                continue
            if outcome.code == UNEXPECTED:
                # a full disk, say: the next run tries again
                outcomes.append(replace(outcome, state="held"))
                continue
            outcomes.append(outcome)
            # what turned out to be forged is not kept; what was rejected is, as evidence
            if outcome.state == "refused":
                self._register.waiting.drop(waiting.digest)
        return tuple(map(self._with_neighbours, outcomes))

    def _is_for_others(self, data: bytes) -> bool:
        found = _ADDRESSEE.search(data)
        return found is not None and found[1] != self._handle.encode()

    def _take(self, data: bytes, path: Path, arrived: datetime) -> Received:
        """Take in one file. `arrived`: when we first saw it."""
        envelope = parse_envelope(data)
        note = envelope.signed_note.note
        outcome = Received(file=str(path), state="refused", number=note.number)
        digest = sha256(data).digest()
        try:
            outcome = self._register_or_raise(envelope, path, outcome, arrived)
            self._register.waiting.drop(digest)
            return outcome  # noqa: TRY300 - the way that all is well
        except (DispatchError, KeysError, OSError) as error:
            return replace(outcome, error=error)
        except _SetAsideError as aside:
            waiting = Waiting(
                digest=digest,
                # a name need not be Unicode, and the register's text must
                name=os.fsencode(path.absolute()).decode("utf-8", "backslashreplace"),
                number=note.number,
                version=note.roster.version,
                is_verified=aside.is_verified,
                state=aside.state,
                code=exit_code(aside.reason),
                reason=str(aside.reason)[:_MAX_REASON],
                first_seen=arrived,
            )
            return self._keep(waiting, data, replace(outcome, state=aside.state, error=aside.reason))

    def _keep(self, waiting: Waiting, data: bytes, outcome: Received) -> Received:
        try:
            self._register.waiting.put(waiting, data)
        except RefusedError:
            # no room: it stays where it lies, for its own reason
            return replace(outcome, state="refused")
        except DispatchError as error:
            return replace(outcome, state="refused", error=error)
        return outcome

    def _register_or_raise(
        self, envelope: Envelope, path: Path, outcome: Received, arrived: datetime
    ) -> Received:
        verified = self._verify_or_hold(envelope, arrived)
        try:
            opened = open_envelope(verified, self._handle, self._identities(), self._trusted.roster)
            # 11: the rest of it
            check_fits(opened, self._handle, self._docket.find, self._trusted.roster)
            return self._store(opened, path, outcome)
        except AwaitedError as error:
            raise _SetAsideError("held", error) from error
        except (PassphraseError, KeyFileError, StorageError, OSError):
            raise
        except (DispatchError, KeysError) as error:
            raise _SetAsideError("rejected", error) from error

    def _store(self, opened: OpenedMessage, path: Path, outcome: Received) -> Received:
        verified = opened.verified
        if verified.note.number.handle == self._handle and self._register.find(verified.note.number) is None:
            raise RefusedError(
                f"{verified.note.number} is a number of ours that our register does not have",
                hint="was this home restored from an old backup? Do not issue from it",
            )
        sealed = tuple(decode_base64(entry.sealed) for entry in opened.message.attachments)
        signatures = b"".join(verified.verified_note.signed_note.signed.signatures)
        new = self._register.receive(
            verified,
            signatures,
            sealed,
            self._now,
            wants_receipt=opened.message.kind != "receipt" and verified.note.number.handle != self._handle,
        )
        missing = take_along(sealed, path.parent, self._home / "attachments")
        return replace(outcome, state="new" if new else "known", opened=opened, missing=missing)

    def check_timely(self, verified: VerifiedEnvelope, arrived: datetime) -> None:
        """Raise what makes a verified dispatch wait, unless it is registered (steps 2 and 12).

        `arrived`: when we first saw it. Raises FutureError, ExpiredError, CompromisedError.
        """
        check_current(self._trusted, self._now)
        note = verified.note
        known = self._register.find(note.number)
        if known is None or known.id != verified.id:
            _check_not_ahead(note.date, self._now)
            check_first_arrival(self._trusted, note.number.handle, verified.verified_note.keys, arrived)

    def _verify_or_hold(self, envelope: Envelope, arrived: datetime) -> VerifiedEnvelope:
        """Check steps 2 to 5, and what makes a dispatch wait."""
        try:
            verified = self._verifier.verify(envelope)
        except UnknownVersionError as error:
            self._check_addressee(envelope)
            raise _SetAsideError("held", error, is_verified=False) from error
        self._check_addressee(envelope)
        try:
            self.check_timely(verified, arrived)
        except (FutureError, TrustError) as error:
            raise _SetAsideError("held", error) from error
        return verified

    def _check_addressee(self, envelope: Envelope) -> None:
        if envelope.copy.to != self._handle:
            raise NotForUsError(f"this copy is for {envelope.copy.to}, not for {self._handle}")

    def _with_neighbours(self, outcome: Received) -> Received:
        """Add the dispatch before this one, if it never came, and what does not go together with it."""
        if outcome.opened is None:
            return outcome
        verified = outcome.opened.verified
        number, after = verified.note.number, verified.copy.after
        is_here = after is None or self._register.find(after) or self._register.waiting.has(after)
        neighbours = self._register.before(number), self._register.after(number)
        return replace(
            outcome,
            after=None if is_here else after,
            disputed=self._disputed(verified, *neighbours),
            contradiction=self._contradiction(verified, *neighbours, is_new=outcome.state == "new"),
        )

    def _contradiction(
        self, verified: VerifiedEnvelope, before: HeldNote | None, after: HeldNote | None, *, is_new: bool
    ) -> str:
        """Say what cannot be true beside what is registered, but for what a stolen key signed."""
        number = verified.note.number
        for file in self._register.waiting.rejected_under(number) if is_new else ():
            if parse_envelope(file).signed_note.id != verified.id:
                return f"another dispatch, which was rejected, is signed with the number {number} too"
        for other, text in contradictions(verified.note, before, after, self._register, is_new=is_new):
            if other is None or not self._is_compromised(other):
                return text
        return ""

    def _is_compromised(self, number: Number) -> bool:
        """Tell whether the newest roster marks a key that signed a registered note."""
        office = self._trusted.roster.office(number.handle)
        signatures = self._register.get(number).signed_note().signed.parsed
        entries = (office.signing_entry(one.verify_key) for one in signatures)
        return any(entry is not None and entry.compromised is not None for entry in entries)

    def _disputed(
        self, verified: VerifiedEnvelope, before: HeldNote | None, later: HeldNote | None
    ) -> Number | None:
        """Give the dispatch before that this one passes over, or the one after that passes over this one."""
        number = verified.note.number
        if before is not None and passes_over(
            verified.copy.after, verified.note.register, before.note.number
        ):
            other = before.note.number
        elif later is not None and self._passes_over(later.note, number):
            other = later.note.number
        else:
            return None
        return None if self._is_compromised(other) else other

    def _passes_over(self, later: Note, number: Number) -> bool:
        copy = self._register.copy_for(self._register.get(later.number), self._handle)
        return copy is not None and passes_over(copy.after, later.register, number)


def _check_not_ahead(date: datetime, now: datetime) -> None:
    if date - now > CLOCK_TOLERANCE:
        raise FutureError(
            f"dated {format_date(date)}, more than a day ahead of our clock",
            hint="check the clock of this machine",
        )


class _SetAsideError(Exception):
    """A dispatch that is kept outside the register."""

    def __init__(self, state: HeldState, reason: Exception, *, is_verified: bool = True) -> None:
        super().__init__(str(reason))
        self.state = state
        self.reason = reason
        self.is_verified = is_verified
