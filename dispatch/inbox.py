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
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dispatch.attachment import take_along
from dispatch.envelope import (
    MAX_ENVELOPE,
    Envelope,
    OpenedMessage,
    VerifiedEnvelope,
    Verifier,
    open_envelope,
    parse_envelope,
)
from dispatch.errors import (
    LOCKED,
    UNEXPECTED,
    DispatchError,
    FutureError,
    NotForUsError,
    RefusedError,
    StorageError,
    exit_code,
)
from dispatch.files import read_capped
from dispatch.message import Circular, Letter
from dispatch.register import Waiting
from keys.codec import decode_base64
from keys.errors import KeyFileError, KeysError, PassphraseError, TrustError, UnknownVersionError
from keys.text import format_date
from keys.trust import check_current, check_first_arrival

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from dispatch.message import Message
    from dispatch.note import Number
    from dispatch.register import Register
    from keys.age.recipients import Identity
    from keys.trust import TrustedRoster

CLOCK_TOLERANCE = timedelta(days=1)

State = Literal["new", "known", "held", "rejected", "refused"]

_NOT_BUILT = "this version cannot file such a {} yet: it demands, answers or changes something"
_ADDRESSEE = re.compile(rb"\n\ncopy: [0-9]{1,9}\nto: ([a-z0-9][a-z0-9-]{0,62})\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What became of one file.

    `state`: new or known (registered), held or rejected (kept aside), refused (left where it lies).
    `after`: the dispatch before this one, if we never got it. `missing`: attachments not here yet.
    """

    file: str
    state: State
    number: Number | None = None
    opened: OpenedMessage | None = None
    error: Exception | None = None
    after: Number | None = None
    missing: tuple[bytes, ...] = ()

    @property
    def code(self) -> int:
        """The exit code of its error; 0 without one."""
        return exit_code(self.error) if self.error else 0


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
        home: Path,
        now: datetime,
    ) -> None:
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
        ours: list[tuple[Number, Path]] = []
        for_others = 0
        for path, named in _find(paths):
            try:
                data = read_capped(path, MAX_ENVELOPE)
                if not named and self._is_for_others(data):
                    for_others += 1
                    continue
                ours.append((parse_envelope(data).signed_note.note.number, path))
            except (DispatchError, KeysError, OSError) as error:
                outcomes.append(Received(file=str(path), state="refused", error=error))
        for _, path in sorted(ours):
            try:
                outcomes.append(self._take(read_capped(path, MAX_ENVELOPE), path))
            except (DispatchError, KeysError, OSError) as error:
                outcomes.append(Received(file=str(path), state="refused", error=error))
        return Batch(received=tuple(map(self._with_gap, outcomes)), for_others=for_others)

    def receive_data(self, data: bytes, name: str) -> Received:
        """Take in one envelope that is no file; attachments are looked for in the current folder."""
        try:
            return self._with_gap(self._take(data, Path(name)))
        except (DispatchError, KeysError) as error:
            return Received(file=name, state="refused", error=error)

    def retry_held(self) -> tuple[Received, ...]:
        """Try again what is held; give what is held no longer."""
        outcomes = []
        for waiting in self._register.waiting("held"):
            outcome = self._take(waiting.file, Path(waiting.name))
            if outcome.state == "held" or outcome.code == LOCKED:
                continue
            if outcome.code == UNEXPECTED:
                # a full disk, say: the next run tries again
                outcomes.append(replace(outcome, state="held"))
                continue
            outcomes.append(outcome)
            # what turned out to be forged is not kept; what was rejected is, as evidence
            if outcome.state == "refused":
                self._register.drop_waiting(sha256(waiting.file).digest())
        return tuple(map(self._with_gap, outcomes))

    def _is_for_others(self, data: bytes) -> bool:
        found = _ADDRESSEE.search(data)
        return found is not None and found[1] != self._handle.encode()

    def _take(self, data: bytes, path: Path) -> Received:
        envelope = parse_envelope(data)
        outcome = Received(file=str(path), state="refused", number=envelope.signed_note.note.number)
        digest = sha256(data).digest()
        try:
            outcome = self._register_or_raise(envelope, path, outcome)
            self._register.drop_waiting(digest)
        except _SetAsideError as error:
            outcome = replace(outcome, state=error.state, error=error.reason)
        except (DispatchError, KeysError, OSError) as error:
            return replace(outcome, error=error)
        if outcome.error is None:
            return outcome
        waiting = Waiting(
            name=str(path.absolute()),
            file=data,
            number=str(outcome.number),
            state="held" if outcome.state == "held" else "rejected",
            code=outcome.code,
            reason=str(outcome.error),
        )
        try:
            self._register.put_waiting(digest, waiting, self._now)
        except DispatchError as error:
            return replace(outcome, state="refused", error=error)
        return outcome

    def _register_or_raise(self, envelope: Envelope, path: Path, outcome: Received) -> Received:
        verified = self._verify_or_hold(envelope)
        try:
            opened = open_envelope(verified, self._handle, self._identities(), self._trusted.roster)
            if _is_built(opened.message):
                return self._store(opened, path, outcome)
        except (PassphraseError, KeyFileError, StorageError, OSError):
            raise
        except (DispatchError, KeysError) as error:
            raise _SetAsideError("rejected", error) from error
        raise _SetAsideError("held", RefusedError(_NOT_BUILT.format(opened.message.kind)))

    def _store(self, opened: OpenedMessage, path: Path, outcome: Received) -> Received:
        verified = opened.verified
        if verified.note.number.handle == self._handle and self._register.find(verified.note.number) is None:
            raise RefusedError(
                f"{verified.note.number} is a number of ours that our register does not have",
                hint="was this home restored from an old backup? Do not issue from it",
            )
        sealed = tuple(decode_base64(entry.sealed) for entry in opened.message.attachments)
        signatures = b"".join(verified.verified_note.signed_note.signed.signatures)
        new = self._register.receive(verified, signatures, sealed, self._now)
        missing = take_along(sealed, path.parent, self._home / "attachments")
        return replace(outcome, state="new" if new else "known", opened=opened, missing=missing)

    def _verify_or_hold(self, envelope: Envelope) -> VerifiedEnvelope:
        """Check steps 2 to 5, and what makes a dispatch wait."""
        try:
            verified = self._verifier.verify(envelope)
        except UnknownVersionError as error:
            self._check_addressee(envelope)
            raise _SetAsideError("held", error) from error
        self._check_addressee(envelope)
        note = verified.note
        try:
            check_current(self._trusted, self._now)
            known = self._register.find(note.number)
            if known is None or known.id != verified.id:
                _check_not_ahead(note.date, self._now)
                check_first_arrival(self._trusted, note.number.handle, verified.verified_note.keys, self._now)
        except (FutureError, TrustError) as error:
            raise _SetAsideError("held", error) from error
        return verified

    def _check_addressee(self, envelope: Envelope) -> None:
        if envelope.copy.to != self._handle:
            raise NotForUsError(f"this copy is for {envelope.copy.to}, not for {self._handle}")

    def _with_gap(self, outcome: Received) -> Received:
        """Add the dispatch before this one, if it never came."""
        if outcome.opened is None:
            return outcome
        after = outcome.opened.verified.copy.after
        if after is None or self._register.find(after) or self._is_kept(after):
            return outcome
        return replace(outcome, after=after)

    def _is_kept(self, number: Number) -> bool:
        """Say whether a dispatch of this number is held or was rejected, and truly its issuer's.

        One that names a roster to come is held unseen, and may be anybody's.
        """
        for file in self._register.waiting_files(number):
            with suppress(DispatchError, KeysError):
                self._verifier.verify(parse_envelope(file))
                return True
        return False


def _is_built(message: Message) -> bool:
    """Say whether this version knows what to do about all that a message says."""
    match message:
        case Letter():
            return not message.relations
        case Circular():
            return not (message.relations or message.promises or message.obligations or message.forms)
        case _:
            return False


def _check_not_ahead(date: datetime, now: datetime) -> None:
    if date > now + CLOCK_TOLERANCE:
        raise FutureError(
            f"dated {format_date(date)}, more than a day ahead of our clock",
            hint="check the clock of this machine",
        )


class _SetAsideError(Exception):
    """A dispatch that is kept outside the register. `state`: held or rejected."""

    def __init__(self, state: State, reason: Exception) -> None:
        super().__init__(str(reason))
        self.state = state
        self.reason = reason


def _find(paths: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    """List files, and whether each was named; a folder's *.dispatch files in order, links not followed."""
    for path in paths:
        if not path.is_dir():
            yield path, True
            continue
        for folder, folders, names in os.walk(path):
            # hidden folders hold what is being written
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                file = Path(folder, name)
                if not name.endswith(".dispatch") or name.startswith("."):
                    continue
                # a pipe would make us wait for ever
                if file.is_file() and not file.is_symlink():
                    yield file, False
