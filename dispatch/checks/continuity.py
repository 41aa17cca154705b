"""Does a note agree with what we hold of its issuer's register? (FORMAT.md, section 14, step 12.) Pure.

A receiver holds what was sent to it, and seldom a whole register. What it holds must agree: dates never
decrease, and the head that a note pins is the root over the ids before it, if we hold all of these. A note
that contradicts another is registered all the same, and reported: either of the two may be the true one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol

from dispatch.errors import FutureError
from dispatch.formats.merkle import leaf_hash
from keys.soundness import check_first_arrival
from keys.text import format_date

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from dispatch.formats.merkle import CompactRange
    from dispatch.formats.note import Head, Note, Number
    from keys.soundness import Counted


CLOCK_TOLERANCE = timedelta(days=1)


class HeldNote(NamedTuple):
    """A note with its id."""

    id: bytes
    note: Note


class Contradiction(NamedTuple):
    """A contradiction. `other`: the note that says otherwise; None: some note before, nobody knows which."""

    other: Number | None
    text: str


class _Numbered(Protocol):
    @property
    def number(self) -> Number: ...


class Held(Protocol):
    """What is held of a register."""

    def after(self, number: Number) -> HeldNote | None:
        """Give the nearest note of the same office that is held and numbered after."""

    def tree(self, issuer: str, volume: str, size: int) -> CompactRange | None:
        """Give the tree over the first ids of a volume; None if not all of them are held."""

    def find_id(self, note_id: bytes) -> _Numbered | None:
        """Find a note by its id."""

    def voided_by(self, issuer: str, note_id: bytes) -> Number | None:
        """Give the note of an office that declares this one never released."""


def check_timely(note: Note, counted: Counted, now: datetime, arrived: datetime) -> None:
    """Check that a note which is not registered yet may be accepted now (steps 2 and 12).

    `counted`: its signatures that count. `arrived`: when its file was first seen, and not held because of the
    future. Raises FutureError for a note dated more than CLOCK_TOLERANCE ahead, and as `check_first_arrival`
    does.
    """
    if is_ahead(note.date, now):
        raise FutureError(
            f"dated {format_date(note.date)}, more than a day ahead of our clock",
            hint="check the clock of this machine",
        )
    check_first_arrival(counted, arrived)


def is_ahead(date: datetime, now: datetime) -> bool:
    """Tell whether a date lies so far ahead that receivers hold what has it."""
    return date - now > CLOCK_TOLERANCE


def contradictions(
    came: HeldNote, before: HeldNote | None, after: HeldNote | None, held: Held, *, is_new: bool
) -> Iterator[Contradiction]:
    """Compare a note with the nearest ones that we hold before and after it, with the tree and with voids.

    `is_new`: it came just now, so that heads of later notes can perhaps be checked that could not be before.
    """
    note = came.note
    number, head = note.number, note.register
    if before is not None and note.date < before.note.date:
        yield Contradiction(before.note.number, _backwards(before.note, note))
    if after is not None and after.note.date < note.date:
        yield Contradiction(after.note.number, _backwards(note, after.note))
    tree = held.tree(number.handle, head.volume, head.size)
    if tree is not None and tree.root != head.root:
        yield Contradiction(None, _replaced(note))
    yield from _voids(came, held)
    if is_new:
        yield from _later_heads(number, held)


def _voids(came: HeldNote, held: Held) -> Iterator[Contradiction]:
    """Find what a note declares never released and is held, and the note that declares so of this one."""
    number = came.note.number
    for note_id in came.note.voids:
        released = held.find_id(note_id)
        if released is not None:
            yield Contradiction(released.number, _released(number, released.number))
    voiding = held.voided_by(number.handle, came.id)
    if voiding is not None:
        yield Contradiction(voiding, _released(voiding, number))


def _released(voiding: Number, released: Number) -> str:
    return f"{voiding} says that {released} was never released, and it is here"


def _backwards(earlier: Note, later: Note) -> str:
    return (
        f"{later.number} is dated {format_date(later.date)}, before {earlier.number} of "
        f"{format_date(earlier.date)}: dates never decrease along a register"
    )


def _replaced(note: Note) -> str:
    return (
        f"the head that {note.number} pins is not that of the notes before it, which are all here: one of "
        "them was replaced"
    )


def _later_heads(number: Number, held: Held) -> Iterator[Contradiction]:
    """Check the heads of later notes that came earlier, as far as all ids that they pin are held now."""
    tree = held.tree(number.handle, number.volume, number.ordinal)
    if tree is None:
        return
    tree = tree.copy()
    while (later := held.after(number)) is not None:
        note = later.note
        if (note.register.volume, note.register.size) != (number.volume, tree.size):
            return
        if tree.root != note.register.root:
            yield Contradiction(note.number, _replaced(note))
        if note.number.volume != number.volume:
            return
        tree.append(leaf_hash(later.id))
        number = note.number


def passes_over(after: Number | None, head: Head, earlier: Number) -> bool:
    """Tell whether a copy passes over an `earlier` dispatch of its issuer to the same office.

    `after` of the copy or the `head` that its note pins may show that.
    """
    return after is None or after < earlier or (head.volume, head.size) < (earlier.volume, earlier.ordinal)
