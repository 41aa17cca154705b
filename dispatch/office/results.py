"""What an office gives to who calls it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from dispatch.errors import INTEGRITY, Failure

if TYPE_CHECKING:
    from pathlib import Path

    from dispatch.duties.case import Case
    from dispatch.duties.slots import Slot
    from dispatch.duties.standings import Standing
    from dispatch.formats.message import Message
    from dispatch.formats.note import Note, Number
    from dispatch.store import Dispatch, HeldState


class Enrolment(NamedTuple):
    """A roster file with new offices in it, and the root fingerprint that people compare by voice."""

    roster: bytes
    root_fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """What a run of `receive` did.

    `received`: what became of each file for us. `for_others`: how many copies were for other offices.
    `receipts`: those that were sent. `failures`: why others could not be sent. `held`: how many files are
    held now.
    """

    received: tuple[Received, ...]
    for_others: int
    receipts: tuple[Issued, ...]
    failures: tuple[Exception, ...]
    held: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One dispatch of the register. `message`: None if it is not signed yet, or no key of ours opens it."""

    entry: Dispatch
    message: Message | None


class LeftOut(NamedTuple):
    """A dispatch of the register that no longer stands, and why. `due` and `collate` do without it."""

    number: Number
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CircularDuties:
    """What is owed under one circular, as far as this office can know.

    `case`: the circular and what answers it. `slots`: the reports that are expected, and their state.
    `standings`: what each addressee replied. `sees_all`: all reports come to us, because the circular is ours
    or for our information; otherwise `slots` and `standings` are our own alone.
    """

    case: Case
    slots: tuple[Slot, ...]
    standings: tuple[Standing, ...]
    sees_all: bool

    @property
    def is_overdue(self) -> bool:
        """Whether a report or a reply is overdue."""
        return any(one.state == "overdue" for one in self.slots) or any(
            one.is_overdue for one in self.standings
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A dispatch of ours whose files have been written.

    `is_ahead`: receivers hold it until its date, since a clock once ran ahead and dates never decrease.
    """

    number: Number
    id: bytes
    note: Note
    files: tuple[Path, ...]
    is_ahead: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A file that is held or was rejected: its path when it came, the exit code and the reason."""

    file: str
    number: Number
    state: HeldState
    code: int
    reason: str


ReceivedState = Literal["new", "known", "held", "rejected", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What became of one file.

    `state`: `new` or `known` (it is registered), `held` or `rejected` (the home keeps the file), `refused`
    (the file is left where it lies). `kind`, `subject`: of the message, if it was registered. `error`: why it
    was not or, if it was, what failed after that. `after`: the number of the dispatch to us before this one,
    if that never came. `disputed`: the number of another registered dispatch, if the later of the two does
    not know of the earlier. `contradiction`: why this one and another of its issuer cannot both be true, or
    empty. `missing`: SHA-256 of the sealed attachments that are not here yet.
    """

    file: str
    state: ReceivedState
    number: Number | None = None
    id: bytes | None = None
    kind: str | None = None
    subject: str | None = None
    error: Failure | None = None
    after: Number | None = None
    disputed: Number | None = None
    contradiction: str = ""
    missing: tuple[bytes, ...] = ()

    @property
    def code(self) -> int:
        """The exit code of its error, or of what it contradicts; 0 without either."""
        if self.error is not None:
            return self.error.code
        return INTEGRITY if self.contradiction else 0
