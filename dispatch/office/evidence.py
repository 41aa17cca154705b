"""What a home can prove of the age of a note: when it was registered here, and what others receipted before.

A thief of a key can write a note with any date. What came to this home before the thief had the key, or was
receipted by another office before that, no thief wrote.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING

from dispatch.checks.soundness import count
from dispatch.formats.note import parse_note
from keys.errors import KeysError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from dispatch.formats.envelope import SignedNote
    from dispatch.formats.note import Note, Number
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
        this one.
        """
        if self._is_receipted(number, note_id, moment):
            return True
        entry = self._register.find(number)
        if entry is None or entry.id != note_id:
            return False
        return entry.first_seen < moment or self._is_covered(number, moment)

    def _is_receipted(self, number: Number, note_id: bytes, moment: datetime) -> bool:
        return any(
            receipt.note.number.handle != number.handle
            and receipt.note.date < moment
            and self._is_unmarked(receipt)
            for receipt in self._receipts.get(note_id, ())
        )

    def _is_covered(self, number: Number, moment: datetime) -> bool:
        """Tell whether a later note, the head of which covers a registered one, was receipted before."""
        for entry in self._register.of(number.handle):
            later = parse_note(entry.text)
            if entry.number <= number or not self._covers(later, number):
                continue
            # the first note of the next volume closes this one, and may be covered in its turn
            is_receipted = self._is_receipted(entry.number, entry.id, moment)
            if is_receipted or (
                entry.number.volume != number.volume and self._is_covered(entry.number, moment)
            ):
                return True
        return False

    def _covers(self, later: Note, number: Number) -> bool:
        """Tell whether the head of a later note recomputes here, and is over a registered one."""
        head = later.register
        if head.volume != number.volume or head.size < number.ordinal:
            return False
        tree = self._register.tree(number.handle, head.volume, head.size)
        return tree is not None and tree.root == head.root

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
