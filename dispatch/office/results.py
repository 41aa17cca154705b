"""What an office gives to who calls it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from dispatch.errors import INTEGRITY, Failure

if TYPE_CHECKING:
    from pathlib import Path

    from dispatch.duties.case import Case
    from dispatch.duties.slots import Slot, Standing
    from dispatch.formats.message import Message
    from dispatch.formats.note import Note, Number
    from dispatch.store import Dispatch


class Enrolment(NamedTuple):
    """A roster file with new offices in it, and the root fingerprint that people compare by voice."""

    roster: bytes
    root_fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """What became of each file, how many were for others, the receipts sent, and why some were not."""

    received: tuple[Received, ...]
    for_others: int
    receipts: tuple[Issued, ...]
    failures: tuple[Exception, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One line of the register. `message` is None for what is not signed yet or no key opens."""

    entry: Dispatch
    message: Message | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CircularDuties:
    """What is owed under one circular, as far as we would know of it.

    `sees_all`: its reports come to us, because it is ours or for our information. Otherwise `slots` and
    `standings` are our own alone.
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


ReceivedState = Literal["new", "known", "held", "rejected", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What became of one file.

    `state`: `new` or `known` (it is registered), `held` or `rejected` (it is kept aside), `refused` (it is
    left where it lies). `kind`, `subject`: of the message, if it was registered. `error`: why it was not.
    `after`: the number of the dispatch before this one, if we never got that. `disputed`: the number of
    another registered dispatch, if the later of the two does not know of the earlier. `contradiction`: what
    this one and registered ones of its issuer cannot both mean, or empty. `missing`: SHA-256 of the sealed
    attachments that are not here yet.
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
