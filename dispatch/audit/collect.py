"""A pile of files -> what is known of each note.

Each file is checked by itself (steps 1 to 5), on all cores; what is kept of a copy is eight bytes, so
that memory grows with the notes. Nothing that is wrong with one file stops the others.
"""

from __future__ import annotations

import os
import re
from array import array
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dispatch.envelope import MAX_ENVELOPE, Verifier, parse_envelope, parse_signed_note
from dispatch.errors import DispatchError, describe, exit_code
from dispatch.files import read_capped
from dispatch.parallel import map_parallel
from keys.errors import KeysError
from keys.signed import encode_signed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dispatch.note import Note, Number
    from keys.trust import TrustedRoster

    Progress = Callable[[int, int], None]

ENVELOPE, NOTE, STATEMENT = ".dispatch", ".note", ".register"
_KINDS = (ENVELOPE, NOTE, STATEMENT)
_SHOWN = 8  # files named for one note
_UNSAFE = re.compile(r"[^A-Za-z0-9._/-]|(?<![^/])\.+(?=/|$)|^/+")


class Source(NamedTuple):
    """A file of the pile, and the name by which the report calls it: safe in any archive."""

    name: str
    path: str


class FileFact(NamedTuple):
    """What one file came to. `error`: class, text and exit code; `head`: the signed note, once a worker."""

    error: tuple[str, str, int] | None
    number: str
    id: bytes
    head: bytes | None
    place: int
    to: str
    after: str


@dataclass(slots=True)
class NoteFact:
    """What is known of one note. `offices`, `afters`: of its copies here, by position in the tables."""

    note: Note
    id: bytes
    is_compromised: bool
    files: list[str] = field(default_factory=list)
    indices: bytearray = field(default_factory=bytearray)
    offices: array[int] = field(default_factory=lambda: array("I"))
    afters: array[int] = field(default_factory=lambda: array("I"))

    @property
    def number(self) -> Number:
        """The number of the note."""
        return self.note.number


@dataclass(slots=True)
class Collected:
    """Everything that a pile holds. `names`: handles and numbers by the positions that notes keep."""

    notes: dict[bytes, NoteFact] = field(default_factory=dict)
    failures: list[tuple[str, str, str, int]] = field(default_factory=list)
    statements: list[Source] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    files: int = 0
    copies: int = 0
    _positions: dict[str, int] = field(default_factory=dict)

    def position(self, name: str) -> int:
        """Give the place of a handle or number in `names`."""
        found = self._positions.get(name)
        if found is None:
            found = self._positions[name] = len(self.names)
            self.names.append(name)
        return found


def find_sources(paths: Iterable[Path]) -> tuple[list[Source], list[tuple[str, str, str, int]]]:
    """List the files of a pile: those named, and of folders the envelopes, notes and statements below.

    Links and hidden files are passed over. Gives what cannot be looked into as well.
    """
    found: list[tuple[str, str]] = []
    failures: list[tuple[str, str, str, int]] = []
    for path in paths:
        if path.is_dir():
            found += _walk(path, failures)
        else:
            found.append((path.name, str(path)))
    found.sort()
    taken: dict[str, int] = {}
    sources = []
    for name, group in groupby(found, key=itemgetter(0)):
        places = [place for _, place in group]
        if len(places) > 1:
            # by what is in them, so that the order of folders is no matter
            places.sort(key=_digest)
        for place in places:
            safe = _unused(_UNSAFE.sub("_", name) or "_", taken)
            sources.append(Source(name if safe == name else safe, place))
    return sources, sorted(failures)


def _unused(name: str, taken: dict[str, int]) -> str:
    """Give a name that no other has, whatever its case; `taken`: how often each was asked for."""
    stem, dot, ending = name.rpartition(".")
    chosen = name
    while chosen.casefold() in taken:
        taken[name.casefold()] += 1
        chosen = f"{stem}~{taken[name.casefold()]}{dot}{ending}"
    taken[chosen.casefold()] = 1
    return chosen


def _digest(place: str) -> bytes:
    try:
        return sha256(read_capped(Path(place), MAX_ENVELOPE)).digest()
    except (DispatchError, OSError):
        return b""


def _walk(top: Path, failures: list[tuple[str, str, str, int]]) -> Iterator[tuple[str, str]]:
    def failed(error: OSError) -> None:
        name = os.path.relpath(error.filename or top, top)
        failures.append((name, "unreadable", describe(error).rpartition(": ")[2], exit_code(error)))

    for folder, below, names in os.walk(top, onerror=failed, followlinks=False):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in names:
            place = os.path.join(folder, name)  # noqa: PTH118 - a pile may hold very many
            if name.startswith(".") or not name.endswith(_KINDS):
                continue
            if os.path.islink(place) or not os.path.isfile(place):  # noqa: PTH114, PTH113 - the same
                continue
            yield os.path.relpath(place, top), place


def collect(
    sources: Sequence[Source], trusted: TrustedRoster, progress: Progress = lambda _done, _total: None
) -> Collected:
    """Check every file of a pile and keep what is known of each note."""
    collected = Collected(files=len(sources))
    ordinary = [one for one in sources if not one.name.endswith(STATEMENT)]
    collected.statements = [one for one in sources if one.name.endswith(STATEMENT)]
    facts = map_parallel(read_file, Verifier(trusted), ordinary, len(ordinary), may_fork=True)
    for done, (source, fact) in enumerate(zip(ordinary, facts, strict=True), 1):
        _keep(collected, source, fact, trusted)
        progress(done, len(ordinary))
    return collected


_seen: set[bytes] = set()


def read_file(verifier: Verifier, source: Source) -> FileFact:
    """Check one file (steps 1 to 5); never raises for what is in it."""
    number, note_id = "", b""
    try:
        data = read_capped(Path(source.path), MAX_ENVELOPE)
        if source.name.endswith(NOTE):
            signed = parse_signed_note(data)
            place, to, after = 0, "", ""
        else:
            envelope = parse_envelope(data)
            signed = envelope.signed_note
            place, to = envelope.copy.index, envelope.copy.to
            after = str(envelope.copy.after or "")
        number, note_id = str(signed.note.number), signed.id
        if source.name.endswith(NOTE):
            verifier.verify_note(signed)
        else:
            verifier.verify(envelope)
    except (DispatchError, KeysError, OSError) as error:
        found = (type(error).__name__, describe(error).removeprefix(f"{source.path}: "), exit_code(error))
        return FileFact(found, number, note_id, None, 0, "", "")
    head = None
    if note_id not in _seen:
        _seen.add(note_id)
        head = encode_signed(signed.signed)
    return FileFact(None, number, note_id, head, place, to, after)


def _keep(collected: Collected, source: Source, fact: FileFact, trusted: TrustedRoster) -> None:
    if fact.error is not None:
        collected.failures.append((source.name, *fact.error))
        return
    known = collected.notes.get(fact.id)
    if known is None:
        head = fact.head if fact.head is not None else _head_of(source)
        known = collected.notes[fact.id] = _new(head, trusted)
    known.files.append(source.name)
    known.files.sort()
    del known.files[_SHOWN:]
    if not fact.place:
        return
    byte, bit = divmod(fact.place - 1, 8)
    if len(known.indices) <= byte:
        known.indices.extend(bytes(byte + 1 - len(known.indices)))
    if known.indices[byte] & 1 << bit:
        return  # the same copy from another folder
    known.indices[byte] |= 1 << bit
    known.offices.append(collected.position(fact.to))
    known.afters.append(collected.position(fact.after))
    collected.copies += 1


def _head_of(source: Source) -> bytes:
    """Read the signed note of a file that another worker, or an earlier audit of this process, saw first."""
    data = read_capped(Path(source.path), MAX_ENVELOPE)
    if source.name.endswith(NOTE):
        return data
    return encode_signed(parse_envelope(data).signed_note.signed)


def _new(head: bytes, trusted: TrustedRoster) -> NoteFact:
    signed = parse_signed_note(head)
    office = trusted.roster.office(signed.note.number.handle)
    keys = Verifier(trusted).verify_note(signed).keys
    entries = [office.signing_entry(key) for key in keys]
    return NoteFact(
        note=signed.note,
        id=signed.id,
        is_compromised=any(one is not None and one.compromised is not None for one in entries),
    )
