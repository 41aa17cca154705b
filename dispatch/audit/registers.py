"""Registers: the volumes of each office, and the id of every note in them that can be known. Pure.

Where a note is not here, its id may still be known: from a signed statement, or because, of the ids that
others receipted, that the issuer voided, or that files which do not hold claim, exactly one gives the next
head.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise, permutations
from math import perm
from typing import TYPE_CHECKING

from dispatch.formats.merkle import CompactRange, leaf_hash
from dispatch.formats.note import FIRST_HEAD, parse_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dispatch.audit.collect import Collected, NoteFacts
    from dispatch.formats.statement import Statement

MAX_TRIES = 20_000
"""How many ways to fill one gap are tried before its ids count as unknown."""
MAX_ALL_TRIES = 500_000
"""The same of all gaps together, in the order of the registers."""


@dataclass(slots=True, kw_only=True)
class Volume:
    """One volume of one office. `notes`: by ordinal; `size`: how many it is known to have had.

    `ids`: by ordinal, so far as they are known without a gap; `pins`: size -> root -> the files that pin it;
    `wrong`: sizes whose pinned heads the ids do not give; `voided`, `proven`: ordinals that are not here, and
    whose ids the issuer voided, or another proves.
    """

    office: str
    volume: str
    size: int = 0
    notes: dict[int, list[NoteFacts]] = field(default_factory=lambda: defaultdict(list))
    claimed: dict[int, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    statements: list[tuple[str, Statement]] = field(default_factory=list)
    pins: dict[int, dict[bytes, list[str]]] = field(default_factory=lambda: defaultdict(dict))
    ids: list[bytes] = field(default_factory=list)
    wrong: list[int] = field(default_factory=list)
    voided: set[int] = field(default_factory=set)
    proven: set[int] = field(default_factory=set)

    @property
    def name(self) -> str:
        """Name it as heads do, with its office."""
        return f"{self.office}/{self.volume}"

    @property
    def unchecked(self) -> int:
        """How many sizes are pinned and could not be recomputed."""
        return sum(size > len(self.ids) for size in self.pins)

    def grow(self, size: int) -> None:
        """Note that it has had so many."""
        self.size = max(self.size, size)

    def missing(self) -> list[tuple[int, int]]:
        """Give the runs of ordinals, first and last, without a note or a word that it was never released.

        Not one by one: a note may say that it is the thousand millionth.
        """
        known = sorted({0, self.size + 1, *self.notes, *self.claimed, *self.voided})
        return [
            (before + 1, min(after, self.size + 1) - 1)
            for before, after in pairwise(known)
            if before + 1 < after and before < self.size
        ]


def volumes_of(collected: Collected) -> dict[str, list[Volume]]:
    """Sort what was collected into the volumes of each office, in order, and settle their ids."""
    found: dict[tuple[str, str], Volume] = {}

    def volume(office: str, name: str) -> Volume:
        return found.setdefault((office, name), Volume(office=office, volume=name))

    for facts in sorted(collected.notes.values(), key=lambda one: (one.number, one.id)):
        number, head = facts.number, facts.note.register
        here = volume(number.handle, number.volume)
        here.notes[number.ordinal].append(facts)
        here.grow(number.ordinal)
        if head != FIRST_HEAD:
            pinned = volume(number.handle, head.volume)
            pinned.grow(head.size)
            pinned.pins[head.size].setdefault(head.root, []).append(facts.file)
    for name, statement in collected.statements:
        here = volume(statement.issuer, statement.volume)
        here.statements.append((name, statement))
        here.grow(len(statement.ids))
    for number in map(parse_number, collected.befores.names[1:]):
        volume(number.handle, number.volume).grow(number.ordinal)
    # what does not hold may stand for a note that is missing, and proves no number
    for number, ids in collected.claimed.items():
        if (number.handle, number.volume) in found:
            found[number.handle, number.volume].claimed[number.ordinal] |= ids
    settling = _Settling(collected)
    offices: dict[str, list[Volume]] = defaultdict(list)
    for (office, _), one in sorted(found.items()):
        settling.settle(one)
        offices[office].append(one)
    return offices


class _Settling:
    """Finds the ids of volumes. What was receipted or voided, and is not here, may fill a gap."""

    def __init__(self, collected: Collected) -> None:
        receipted: set[bytes] = set()
        self._voids: dict[str, set[bytes]] = defaultdict(set)
        for facts in collected.notes.values():
            receipted.update(facts.note.receipts)
            self._voids[facts.number.handle].update(facts.note.voids)
        self._receipted = receipted - collected.notes.keys()
        self._tries = MAX_ALL_TRIES

    def settle(self, volume: Volume) -> None:
        """Find the id of each ordinal, as far as there is no doubt, and the heads that these do not give."""
        volume.statements.sort(key=lambda one: (not _is_pinned(one[1], volume), one[0]))
        voids = self._voids.get(volume.office, set())
        frontier = CompactRange()
        ordinal = 1
        while ordinal <= volume.size:
            chosen = _choose(frontier, volume.pins.get(ordinal, {}), volume, ordinal)
            run = (chosen,) if chosen else self._fill(volume, frontier, ordinal)
            if not run:
                return
            for note_id in run:
                frontier.append(leaf_hash(note_id))
                volume.ids.append(note_id)
                if frontier.size in volume.pins and frontier.root not in volume.pins[frontier.size]:
                    volume.wrong.append(frontier.size)
                if ordinal not in volume.notes:
                    (volume.voided if note_id in voids else volume.proven).add(ordinal)
                ordinal += 1

    def _fill(self, volume: Volume, frontier: CompactRange, first: int) -> Sequence[bytes]:
        """Fill a gap with ids that give the next pinned head, the only ones that can; empty if none do."""
        voids = self._voids.get(volume.office)
        spare = self._receipted | voids if voids else self._receipted
        last = first
        while last < volume.size and last not in volume.pins:
            last += 1
            if _listed(volume, last) or last - first >= len(spare):
                return ()  # ids after the gap, before a head: too many ways to be sure
        pinned = volume.pins.get(last)
        ways = perm(len(spare), last - first + 1)
        if not pinned or ways > min(MAX_TRIES, self._tries):
            return ()
        self._tries -= ways
        runs = permutations(sorted(spare), last - first + 1)
        return next((run for run in runs if _root_with(frontier, run) in pinned), ())


def _is_pinned(statement: Statement, volume: Volume) -> bool:
    """Tell whether the newest head that is pinned within a statement is its own."""
    size = max((size for size in volume.pins if size <= len(statement.ids)), default=0)
    return bool(size) and _root_with(CompactRange(), statement.ids[:size]) in volume.pins[size]


def _listed(volume: Volume, ordinal: int) -> list[bytes]:
    """Give the ids that notes and statements have for an ordinal."""
    ids = [facts.id for facts in volume.notes.get(ordinal, ())]
    return ids + [one.ids[ordinal - 1] for _, one in volume.statements if ordinal <= len(one.ids)]


def _choose(
    frontier: CompactRange, pinned: Mapping[bytes, object], volume: Volume, ordinal: int
) -> bytes | None:
    """Choose the id that gives a pinned head; without one the first that a note or statement has."""
    ids = _listed(volume, ordinal)
    if len(ids) == 1:
        return ids[0]
    # what a file claims that does not hold counts only where a head bears it out
    for note_id in ids or sorted(volume.claimed.get(ordinal, ())):
        if _root_with(frontier, (note_id,)) in pinned:
            return note_id
    return ids[0] if ids else None


def _root_with(frontier: CompactRange, ids: Iterable[bytes]) -> bytes:
    trial = frontier.copy()
    for note_id in ids:
        trial.append(leaf_hash(note_id))
    return trial.root
