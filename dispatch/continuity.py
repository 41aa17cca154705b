"""Does a note go on from what is held of its issuer's register? (FORMAT.md, section 14, step 12.) Pure.

A receiver holds what was sent to it, seldom a whole register. What it holds must agree: dates do not
decrease, and the head that a note pins is the root over the ids, where all of these are held.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, Protocol

from dispatch.errors import RegisterError
from dispatch.merkle import leaf_hash
from keys.text import format_date

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dispatch.merkle import Frontier
    from dispatch.note import Head, Note, Number

_HINT = "keep the file, and compare with other offices: that office has signed what cannot both be true"


class HeldNote(NamedTuple):
    """A note with its id."""

    id: bytes
    note: Note


class Held(Protocol):
    """What is held of a register."""

    def before(self, number: Number) -> HeldNote | None:
        """Give the nearest note of the same office that is held and numbered before."""

    def after(self, number: Number) -> HeldNote | None:
        """Give the nearest one that is numbered after."""

    def tree(self, issuer: str, volume: str, size: int) -> Frontier | None:
        """Give the tree over the first ids of a volume; None if not all of them are held."""


def check_continues(new: HeldNote, held: Held) -> None:
    """Compare a note that is not held yet with those that are. Raises RegisterError."""
    number = new.note.number
    before, after = held.before(number), held.after(number)
    if before is not None:
        _check_dates(before.note, new.note)
    if after is not None:
        _check_dates(new.note, after.note)
    head = new.note.register
    tree = held.tree(number.handle, head.volume, head.size)
    if tree is not None:
        _check_head(tree, new.note)
    _check_later_heads(new, held)


def _check_dates(earlier: Note, later: Note) -> None:
    if later.date < earlier.date:
        raise RegisterError(
            f"{later.number} is dated {format_date(later.date)}, before {earlier.number} of "
            f"{format_date(earlier.date)}: dates never decrease along a register",
            hint=_HINT,
        )


def _check_head(tree: Frontier, note: Note) -> None:
    if tree.root != note.register.root:
        raise RegisterError(
            f"the head that {note.number} pins is not that of the notes before it, which are all here: one "
            "of them was replaced",
            hint=_HINT,
        )


def _check_later_heads(new: HeldNote, held: Held) -> None:
    """Check the heads of notes that are held already, as far as the new one completes what they pin."""
    number = new.note.number
    grown = held.tree(number.handle, number.volume, number.ordinal - 1)
    if grown is None:
        return
    tree = grown.copy()
    for note_id, note in chain([new], _following(number, held)):
        if note is not new.note:
            if (note.register.volume, note.register.size) != (number.volume, tree.size):
                return
            _check_head(tree, note)
        if note.number.volume != number.volume:
            return
        tree.append(leaf_hash(note_id))


def _following(number: Number, held: Held) -> Iterator[HeldNote]:
    while (later := held.after(number)) is not None:
        yield later
        number = later.note.number


def passes_over(after: Number | None, head: Head, earlier: Number) -> bool:
    """Tell whether a copy does not know of an earlier dispatch of its issuer to the same office.

    `after`, `head`: of the copy and its note; either may tell.
    """
    return after is None or after < earlier or (head.volume, head.size) < (earlier.volume, earlier.ordinal)
