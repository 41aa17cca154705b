"""All files of an archive -> what is known of each note. Files are checked one by one, on all cores.

One bad file is a fault of its own and stops nothing. Of a copy only three numbers are kept, twelve bytes, so
that memory grows with the notes and hardly with the copies. The signatures of a note are checked once in each
process, however many copies it has.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from itertools import tee
from typing import TYPE_CHECKING

from dispatch.audit.examine import Examiner, Fault, NoteText, Seen
from dispatch.audit.findings import MAX_FILES, Finding
from dispatch.errors import FINDINGS
from dispatch.formats.note import parse_note
from dispatch.system.workers import map_parallel, no_progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from dispatch.audit.archive import Archive, Source
    from dispatch.formats.note import Note, Number
    from dispatch.formats.statement import Statement
    from dispatch.system.workers import Progress
    from keys.trust import TrustedRoster


@dataclass(slots=True, kw_only=True)
class NoteFacts:
    """One note that holds, and its copies that are here.

    `keys`: the fingerprints of those that signed; `forgeable_from`: the moment from which too few of
    them are unmarked, or None; `file`: the name of the first file that holds the note. `indexes`: one bit for
    each copy, set if it is here. `offices`, `afters` and `places` have one number for each copy that is here,
    in the order of the copies: its addressee and the dispatch before it, as places in `Collected.offices` and
    `Collected.befores`, and the place of its file in the archive.
    """

    note: Note
    id: bytes
    keys: tuple[str, ...]
    forgeable_from: datetime | None
    file: str
    indexes: bytearray = field(default_factory=bytearray)
    offices: array[int] = field(default_factory=lambda: array("I"))
    afters: array[int] = field(default_factory=lambda: array("I"))
    places: array[int] = field(default_factory=lambda: array("I"))

    @property
    def number(self) -> Number:
        """The number of the note."""
        return self.note.number

    @property
    def is_whole(self) -> bool:
        """Tell whether every copy of it is here."""
        return len(self.offices) == self.note.copies.count

    def add_signatures(self, other: NoteText) -> None:
        """Take in that another file has the same note with other signatures; the soundest of them count."""
        self.keys = tuple(sorted({*self.keys, *other.keys}))
        moments = (self.forgeable_from, other.forgeable_from)
        self.forgeable_from = None if None in moments else max(one for one in moments if one is not None)

    def has(self, index: int) -> bool:
        """Tell whether a copy is here already. `index`: its place among the copies, from 1."""
        byte, bit = divmod(index - 1, 8)
        return byte < len(self.indexes) and bool(self.indexes[byte] & 1 << bit)

    def add(self, index: int, office: int, after: int, place: int) -> None:
        """Keep a copy. `index`: its place among the copies, from 1; the others as in the class."""
        byte, bit = divmod(index - 1, 8)
        self.indexes.extend(bytes(max(0, byte + 1 - len(self.indexes))))
        before = int.from_bytes(self.indexes[: byte + 1], "little") & (1 << (index - 1)) - 1
        at = before.bit_count()
        self.indexes[byte] |= 1 << bit
        self.offices.insert(at, office)
        self.afters.insert(at, after)
        self.places.insert(at, place)

    def present(self) -> Iterator[int]:
        """Give the place of each copy that is here among the copies, from 1, in order."""
        for at, byte in enumerate(self.indexes):
            yield from (8 * at + bit + 1 for bit in range(8) if byte >> bit & 1)


class Interned:
    """Names that are kept once each, so that a copy needs only their numbers."""

    __slots__ = ("_places", "names")

    def __init__(self, *names: str) -> None:
        self.names: list[str] = []
        self._places: dict[str, int] = {}
        for name in names:
            self.place(name)

    def place(self, name: str) -> int:
        """Give the place of a name, and add it if it is new."""
        place = self._places.setdefault(name, len(self.names))
        if place == len(self.names):
            self.names.append(name)
        return place


@dataclass(slots=True, kw_only=True)
class Evidence:
    """The files that prove one fault, and how many more there are."""

    files: list[str] = field(default_factory=list)
    more: int = 0

    def add(self, name: str) -> None:
        """Keep the name of a file, or count it if there are MAX_FILES already. Files come in order."""
        if len(self.files) < MAX_FILES:
            self.files.append(name)
        else:
            self.more += 1


@dataclass(slots=True, kw_only=True)
class Collected:
    """All that an archive holds.

    `notes`: those that hold, by id; `unproven`: those that need evidence that they are older than a thief of
    their keys, and have none; `statements`: the signed lists of registers that hold, each with its
    file; `faults`: what is wrong with single files; `claimed`: the ids of notes that do not hold, by the
    number that they claim. `offices`: the addressees of copies; `befores`: the dispatches that copies name as
    the one before, the first of which is empty. `files`: how many were read; `copies`: how many hold.
    """

    notes: dict[bytes, NoteFacts] = field(default_factory=dict)
    unproven: dict[bytes, NoteFacts] = field(default_factory=dict)
    statements: list[tuple[str, Statement]] = field(default_factory=list)
    faults: dict[Fault, Evidence] = field(default_factory=dict)
    claimed: dict[Number, set[bytes]] = field(default_factory=dict)
    offices: Interned = field(default_factory=Interned)
    befores: Interned = field(default_factory=lambda: Interned(""))
    files: int = 0
    copies: int = 0

    def set_aside(self, note_id: bytes) -> None:
        """Leave out a note that has no evidence."""
        self.unproven[note_id] = self.notes.pop(note_id)

    def take_back(self, note_id: bytes) -> None:
        """Take in a note for which there is evidence after all."""
        self.notes[note_id] = self.unproven.pop(note_id)

    def findings(self) -> list[Finding]:
        """Give what is wrong with single files; the same fault of several files is one finding."""
        return [
            Finding(
                kind=fault.kind,
                subject=fault.subject,
                text=fault.text,
                severity=fault.severity,
                code=fault.code,
                files=tuple(sorted(evidence.files)),
                more=evidence.more,
            )
            for fault, evidence in self.faults.items()
        ]


def collect(archive: Archive, trusted: TrustedRoster, progress: Progress = no_progress) -> Collected:
    """Check every file and gather what is known. `progress`: called with files done, and all."""
    collected = Collected()
    total = archive.count()
    # one walk gives the files twice: to the workers, and to us beside their answers, which come later
    handed, named = tee(archive)
    seen = map_parallel(_examine, Examiner(trusted), handed, total, may_fork=True)
    for place, (source, one) in enumerate(zip(named, seen, strict=True)):
        _take(collected, place, source, one)
        if not place % 256:
            progress(place, total)
    for label in archive.empty():
        fault = Fault(
            "nothing-to-audit",
            label,
            "no envelope, note or statement in it",
            FINDINGS,
            "missing",
        )
        collected.faults[fault] = Evidence()
    return collected


def _examine(examiner: Examiner, source: Source) -> Seen:
    return examiner.examine(source)


def _take(collected: Collected, place: int, source: Source, seen: Seen) -> None:
    """Take in what one file came to. `place`: of the file in the archive."""
    is_read = seen.fault is None or seen.fault.kind not in ("unreadable-file", "link-not-followed")
    collected.files += is_read
    if seen.fault is not None:
        fault = seen.fault
        if fault.number is not None:
            collected.claimed.setdefault(fault.number, set()).add(fault.id)
            fault = fault._replace(number=None, id=b"")
        collected.faults.setdefault(fault, Evidence()).add(source.name)
    if seen.statement is not None:
        collected.statements.append((source.name, seen.statement))
    if not seen.id:
        return
    facts = collected.notes.get(seen.id)
    if facts is None:
        # each process gives the note with the first file in which it sees it, and answers come in order
        assert seen.note is not None  # noqa: S101 - the comment above says why, and mypy cannot know
        facts = NoteFacts(
            note=parse_note(seen.note.text),
            id=seen.id,
            keys=seen.note.keys,
            forgeable_from=seen.note.forgeable_from,
            file=source.name,
        )
        collected.notes[seen.id] = facts
    elif seen.note is not None:
        facts.add_signatures(seen.note)
    if seen.place is not None and not facts.has(seen.place.number):
        office = collected.offices.place(seen.place.to)
        facts.add(seen.place.number, office, collected.befores.place(seen.place.after), place)
        collected.copies += 1
