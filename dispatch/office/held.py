"""What happens to a file that cannot be registered: it is refused, held or rejected.

    refused    it is no envelope, is forged or is not for us, or our own keys, disk or room do not suffice:
               it is left where it lies
    held       a newer roster, a later day or another dispatch may make it acceptable: it is kept, and tried
               again by every run, until it is registered or turns out to be wrong
    rejected   it was truly sent to us and is wrong: it is kept as evidence, and never tried again

The step that fails decides between them, see `Inbox._take`. `store/waiting.py` limits how many are kept, and
drops the oldest unverified ones.
"""

from __future__ import annotations

import os
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from dispatch.errors import (
    INTEGRITY,
    LOCKED,
    MALFORMED,
    NOT_FOR_US,
    REFUSED,
    TRUST,
    UNEXPECTED,
    DispatchError,
    RefusedError,
    exit_code,
    failure_of,
)
from dispatch.office.results import Received
from dispatch.store import Waiting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from dispatch.formats.envelope import Envelope
    from dispatch.office.context import OfficeContext
    from dispatch.store import HeldState


_HELD = "it waits for a newer roster, a later day or another dispatch: the next `receive` tries it again"
_REJECTED = {
    INTEGRITY: "it is not what was signed, it contradicts itself, or another dispatch has its number",
    NOT_FOR_US: "no key of ours opened it",
    MALFORMED: "what is sealed in it breaks its grammar",
    TRUST: "the roster speaks against it",
    REFUSED: "its issuer has no right to it, or it does not fit what it answers",
}


class Incoming(NamedTuple):
    """One file on its way in. `arrived`: when we first saw it."""

    data: bytes
    path: Path
    arrived: datetime
    envelope: Envelope


def refused(path: Path, error: Exception, envelope: Envelope | None = None) -> Received:
    """Report a file that is left where it lies. `envelope`: what it is, if it could be parsed."""
    number = envelope.signed_note.note.number if envelope is not None else None
    return Received(file=str(path), state="refused", number=number, error=failure_of(error))


def kind_of_reason(waiting: Waiting) -> str:
    """Say what can be said of a file that is kept without opening it."""
    if waiting.state == "held":
        return _HELD
    return _REJECTED.get(waiting.code, "it was wrong when it came")


class HeldFiles:
    """The files of one office that are held or were rejected."""

    def __init__(self, context: OfficeContext) -> None:
        self._context = context
        self._waiting = context.register.waiting

    def keep(self, incoming: Incoming, error: Exception, state: HeldState, *, is_verified: bool) -> Received:
        """Keep a file aside. If there is no room, it is refused, and reported with `error`.

        `is_verified`: it is truly its issuer's (steps 2 to 5).
        """
        note = incoming.envelope.signed_note.note
        outcome = refused(incoming.path, error, incoming.envelope)
        waiting = Waiting(
            digest=sha256(incoming.data).digest(),
            # a name need not be Unicode, and the register's text must
            name=os.fsencode(incoming.path.absolute()).decode("utf-8", "backslashreplace"),
            number=note.number,
            note_id=incoming.envelope.signed_note.id,
            version=note.roster.version,
            is_verified=is_verified,
            state=state,
            code=exit_code(error),
            first_seen=incoming.arrived,
        )
        try:
            self._waiting.put(waiting, incoming.data)
        except RefusedError:
            return outcome
        except DispatchError as storage_error:
            return refused(incoming.path, storage_error, incoming.envelope)
        return replace(outcome, state=state)

    def worth_trying(self) -> Iterator[Waiting]:
        """Give the held files, except unverified ones whose roster version we still lack."""
        for waiting in self._waiting.list("held"):
            if waiting.is_verified or waiting.version <= self._context.roster.version:
                yield waiting

    def file(self, waiting: Waiting) -> bytes:
        """Give the bytes of a file that is kept."""
        return self._waiting.file(waiting.digest)

    def settle(self, waiting: Waiting, outcome: Received) -> Received | None:
        """Decide about a retried file that was not registered: None to keep it silently, or what to report.

        A refused one is dropped.
        """
        if outcome.state == "held" or outcome.code == LOCKED:
            return None
        if outcome.code == UNEXPECTED:
            # a full disk, say: the next run tries again
            return replace(outcome, state="held")
        # what turned out to be forged is not kept; what was rejected is, as evidence
        if outcome.state == "refused":
            self._waiting.drop(waiting.digest)
        return outcome

    def forget(self, data: bytes) -> None:
        """Keep a file no longer, since it is registered now."""
        self._waiting.drop(sha256(data).digest())
