"""Registers: the volumes of each office, and the id of every note in them that can be known. Pure.

A note pins the head of the register before it: the root over the ids of all earlier notes. To recompute it,
the auditor needs all these ids, those of absent notes too. The id of an absent note is taken from a signed
list of the register. Or, if a single note is absent, ids that are known from elsewhere are tried (receipted
by others, voided by the issuer, or found in a file that fails verification): the one that yields the pinned
head is it. Two absent notes in a row cannot be found so, and every later head of the volume stays unchecked
unless a signed list gives the ids.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from dispatch.formats.merkle import CompactRange, leaf_hash
from dispatch.formats.merkle import root as merkle_root
from dispatch.formats.note import FIRST_HEAD, parse_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from dispatch.audit.collect import Collected, NoteFacts
    from dispatch.formats.statement import Statement

MAX_TRIES = 100_000
"""The limit on the ids tried for one office. Once it is used up, the next gap of a volume ends its search.

An office can invent as many volumes as it likes, so that a limit for each of them would be none.
"""

Heads: TypeAlias = "Mapping[bytes, list[str]]"
"""The roots that are pinned for one size, each with the files that pin it."""


@dataclass(slots=True, kw_only=True)
class Volume:
    """One volume of one office. Ordinals count from 1; size n means the first n notes.

    What files say: `size`, how many notes it is known to have had; `notes`, those that hold, by ordinal;
    `claimed`, the ids of notes that do not hold, by the ordinal that they claim; `unproven`, those of notes
    that are left out because nothing proves their age; `statements`, its signed lists, each with its file;
    `pins`, the pinned heads by size.

    What follows: `ids`, in order, as far as they are known without a gap; `wrong`, the sizes whose pinned
    heads the ids do not give; `voided`, ordinals of absent notes that the issuer declared void;
    `proven`, other absent ones whose id is known.
    """

    office: str
    volume: str
    size: int = 0
    notes: dict[int, list[NoteFacts]] = field(default_factory=lambda: defaultdict(list))
    claimed: dict[int, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    unproven: dict[int, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    statements: list[tuple[str, Statement]] = field(default_factory=list)
    pins: dict[int, dict[bytes, list[str]]] = field(default_factory=lambda: defaultdict(dict))
    ids: list[bytes] = field(default_factory=list)
    wrong: list[int] = field(default_factory=list)
    voided: set[int] = field(default_factory=set)
    proven: set[int] = field(default_factory=set)

    @property
    def name(self) -> str:
        """Its name as heads have it, with its office: `cc/2026`."""
        return f"{self.office}/{self.volume}"

    @property
    def unchecked(self) -> int:
        """How many sizes have a pinned head that could not be recomputed."""
        return sum(size > len(self.ids) for size in self.pins)

    def grow(self, size: int) -> None:
        """Record that it has had this many notes, or more."""
        self.size = max(self.size, size)

    def missing(self) -> list[tuple[int, int]]:
        """Give the runs of ordinals, first and last, without a note or a word that it was never released.

        The ordinals are not counted one by one: a note may say that it is the thousand millionth.
        """
        known = sorted({0, self.size + 1, *self.notes, *self.claimed, *self.unproven, *self.voided})
        return [
            (before + 1, min(after, self.size + 1) - 1)
            for before, after in pairwise(known)
            if before + 1 < after and before < self.size
        ]


def volumes_of(collected: Collected) -> dict[str, list[Volume]]:
    """Sort what was collected into the volumes of each office, in order, and find the ids of each."""
    receipted: set[bytes] = set()
    voids: dict[str, set[bytes]] = defaultdict(set)
    for facts in collected.notes.values():
        receipted.update(facts.note.receipts)
        voids[facts.number.handle].update(facts.note.voids)
    elsewhere = sorted(receipted - collected.notes.keys())
    offices: dict[str, list[Volume]] = defaultdict(list)
    tries: dict[str, int] = defaultdict(lambda: MAX_TRIES)
    for volume in _gather(collected):
        tries[volume.office] -= _find_ids(volume, elsewhere, voids[volume.office], tries[volume.office])
        offices[volume.office].append(volume)
    return offices


def _gather(collected: Collected) -> list[Volume]:
    """Sort what was collected into volumes, ordered by office and volume."""
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
    befores = {place for facts in collected.notes.values() for place in set(facts.afters)}
    for number in (parse_number(collected.befores.names[place]) for place in befores if place):
        volume(number.handle, number.volume).grow(number.ordinal)
    # a note that does not hold may stand for one that is missing, and proves no number
    for number, ids in collected.claimed.items():
        if (number.handle, number.volume) in found:
            found[number.handle, number.volume].claimed[number.ordinal] |= ids
    for facts in collected.unproven.values():
        number = facts.number
        if (number.handle, number.volume) in found:
            found[number.handle, number.volume].unproven[number.ordinal].add(facts.id)
    return [one for _, one in sorted(found.items())]


def _find_ids(volume: Volume, receipted: Sequence[bytes], voids: AbstractSet[bytes], tries: int) -> int:
    """Find the id of each ordinal as far as there is no doubt, and the pinned heads that these do not give.

    `receipted`, `voids`: ids of notes that are not here, which others acknowledged or the issuer voided.
    `tries`: how many of them may be tried. Gives how many were.
    """
    volume.statements.sort(key=lambda one: (not _is_pinned(one[1], volume), one[0]))
    elsewhere = [*receipted, *sorted(voids)]
    tried = 0
    frontier = CompactRange()
    # how many ids there are before the first that only a later head can confirm
    sure: int | None = None
    for ordinal in range(1, volume.size + 1):
        heads = volume.pins.get(ordinal, {})
        note_id = _known_id(volume, ordinal, frontier, heads)
        if note_id is None and heads and tried + len(elsewhere) <= tries:
            tried += len(elsewhere)
            note_id = id_for(heads, frontier, elsewhere)
        if note_id is None and (note_id := _unconfirmed_id(volume, ordinal, heads)):
            sure = len(volume.ids) if sure is None else sure
        if note_id is None:
            break
        frontier.append(leaf_hash(note_id))
        volume.ids.append(note_id)
        if frontier.root in heads:
            sure = None
        elif heads and sure is not None:
            break
        elif heads:
            volume.wrong.append(ordinal)
    if sure is not None:
        del volume.ids[sure:]
    without_note = {ordinal: one for ordinal, one in enumerate(volume.ids, 1) if ordinal not in volume.notes}
    volume.voided |= {ordinal for ordinal, one in without_note.items() if one in voids}
    volume.proven |= without_note.keys() - volume.voided
    return tried


def _is_pinned(statement: Statement, volume: Volume) -> bool:
    """Tell whether the newest pinned head that a signed list reaches is the head of its own ids."""
    size = max((size for size in volume.pins if size <= len(statement.ids)), default=0)
    return bool(size) and merkle_root(map(leaf_hash, statement.ids[:size])) in volume.pins[size]


def _known_id(volume: Volume, ordinal: int, frontier: CompactRange, heads: Heads) -> bytes | None:
    """Give the id that notes, signed lists or claims have for an ordinal; None if there is none.

    Where notes and lists disagree, the id that gives a pinned head counts, or else the first. What a file
    claims that does not hold, or is left out, counts only if it gives a pinned head.
    """
    ids = [facts.id for facts in volume.notes.get(ordinal, ())]
    ids += [one.ids[ordinal - 1] for _, one in volume.statements if ordinal <= len(one.ids)]
    if len(ids) == 1:
        return ids[0]
    claimed = volume.claimed.get(ordinal, set()) | volume.unproven.get(ordinal, set())
    found = id_for(heads, frontier, ids or sorted(claimed))
    return found or (ids[0] if ids else None)


def _unconfirmed_id(volume: Volume, ordinal: int, heads: Heads) -> bytes | None:
    """Give the id of the only note that was left out at an ordinal, if no head there can confirm it."""
    ids = volume.unproven.get(ordinal, set())
    return next(iter(ids)) if not heads and len(ids) == 1 else None


def id_for(heads: Heads, frontier: CompactRange, ids: Iterable[bytes]) -> bytes | None:
    """Give the one of `ids` that, appended to the ids before it, gives a pinned head; None if none does."""
    for note_id in ids:
        trial = frontier.copy()
        trial.append(leaf_hash(note_id))
        if trial.root in heads:
            return note_id
    return None
