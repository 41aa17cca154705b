"""What a home can prove of the age of a note: when it was registered here, and what others receipted before.

A thief of a key can write a note with any date. What came to this home before the thief had the key, or was
receipted by another office before that, no thief wrote.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING

from dispatch.checks.soundness import count
from dispatch.formats.merkle import leaf_hash
from dispatch.formats.note import parse_note
from keys.errors import KeysError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from dispatch.formats.envelope import SignedNote
    from dispatch.formats.note import Number
    from dispatch.store import Register
    from keys.roster import Roster


class RegisterEvidence:
    """The evidence of one register at one moment. `roster`: the newest."""

    def __init__(self, register: Register, roster: Roster) -> None:
        self._register = register
        self._roster = roster

    def is_older(self, number: Number, note_id: bytes, moment: datetime) -> bool:
        """Tell whether a note was registered here, or receipted by another office, before a moment.

        The receipt may also be for a later note of its register whose head is computed from ids that include
        this one, which need not be registered itself.
        """
        entry = self._register.find(number)
        was_here = entry is not None and entry.id == note_id and entry.first_seen < moment
        return (
            was_here
            or self._is_receipted(number, note_id, moment)
            or self._is_covered(number, note_id, moment)
        )

    def _is_receipted(self, number: Number, note_id: bytes, moment: datetime) -> bool:
        return any(
            receipt.note.number.handle != number.handle
            and receipt.note.date < moment
            and self._is_unmarked(receipt)
            for receipt in self._receipts.get(note_id, ())
        )

    def _is_covered(self, number: Number, note_id: bytes, moment: datetime) -> bool:
        """Tell whether a later note, the head of which covers this one, was receipted before."""
        for entry in self._register.of(number.handle):
            head = parse_note(entry.text).register
            if entry.number <= number or head.volume != number.volume or head.size < number.ordinal:
                continue
            is_proven = self._is_receipted(entry.number, entry.id, moment)
            if not is_proven and entry.number.volume != number.volume:
                # the first note of the next volume closes this one, and may be covered in its turn
                is_proven = self._is_covered(entry.number, entry.id, moment)
            if is_proven and self._root(number, note_id, head.size) == head.root:
                return True
        return False

    def _root(self, number: Number, note_id: bytes, size: int) -> bytes | None:
        """Compute the head of a volume with a note in its place; None if not all others are here."""
        before = self._register.tree(number.handle, number.volume, number.ordinal - 1)
        if before is None:
            return None
        tree = before.copy()
        tree.append(leaf_hash(note_id))
        for entry in self._register.of(number.handle):
            if entry.number.volume == number.volume and number.ordinal < entry.number.ordinal <= size:
                if entry.number.ordinal != tree.size + 1:
                    return None
                tree.append(leaf_hash(entry.id))
        return tree.root if tree.size == size else None

    def _is_unmarked(self, receipt: SignedNote) -> bool:
        try:
            return count(receipt, self._roster).forgeable_from is None
        except KeysError:
            return False

    @cached_property
    def _receipts(self) -> Mapping[bytes, Sequence[SignedNote]]:
        """The notes that acknowledge each id."""
        found: dict[bytes, list[SignedNote]] = defaultdict(list)
        for entry in self._register.receipting():
            signed_note = entry.signed_note()
            for note_id in signed_note.note.receipts:
                found[note_id].append(signed_note)
        return found
