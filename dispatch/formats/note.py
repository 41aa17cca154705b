"""The note: the short public text that the originator signs (FORMAT.md, section 6).

This is the grammar only. Signatures are parsed by `envelope` and checked by `checks.verifier`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from dispatch.errors import NoteError
from dispatch.formats.merkle import EMPTY_ROOT, HASH_SIZE
from keys.codec import decode_base64, decode_decimal, encode_base64
from keys.errors import FormatError
from keys.text import format_date, parse_date, parse_handle

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

T = TypeVar("T")

MAX_NOTE = 128 * 1024
MAX_DECIMAL = 999_999_999
MAX_ANSWERS = 64
MAX_RECEIPTS = 1024
MAX_VOIDS = 64
NO_VOLUME = "0000"

_VERSION_LINE = "dispatch/v1"
_VOLUME = re.compile(r"[0-9]{4}[a-z]?")
_REPEATED = (("answers", MAX_ANSWERS), ("receipts", MAX_RECEIPTS), ("voids", MAX_VOIDS))


class Number(NamedTuple):
    """A dispatch's number, `cc/2026/17`. The numbers of one office sort in the order of issue."""

    handle: str
    volume: str
    ordinal: int

    def __str__(self) -> str:
        return f"{self.handle}/{self.volume}/{self.ordinal}"


class Head(NamedTuple):
    """The head of a register: a volume, how many notes it has, the root over their ids."""

    volume: str
    size: int
    root: bytes


FIRST_HEAD = Head(NO_VOLUME, 0, EMPTY_ROOT)


class RosterRef(NamedTuple):
    """The roster version that a note names: realm, version, SHA-256 of its text."""

    realm: str
    version: int
    digest: bytes


class Copies(NamedTuple):
    """How many copies a note has, and the Merkle root over them."""

    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody misses
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One note. Digests are 32 bytes each; `date` is in UTC, to the second."""

    number: Number
    date: datetime
    roster: RosterRef
    register: Head
    content: bytes
    copies: Copies
    answers: tuple[bytes, ...] = field(default=())
    receipts: tuple[bytes, ...] = field(default=())
    voids: tuple[bytes, ...] = field(default=())


def parse_volume(text: str) -> str:
    """Check a volume, `2026` or `2026b`. Raises FormatError."""
    if not _VOLUME.fullmatch(text):
        raise FormatError("a volume is a year and perhaps a letter")
    return text


def parse_number(text: str) -> Number:
    """Parse `HANDLE/VOLUME/ORDINAL`. Raises FormatError."""
    parts = text.split("/")
    if len(parts) != len(Number._fields):
        raise FormatError("a number reads HANDLE/VOLUME/ORDINAL")
    handle, volume, ordinal = parts
    number = Number(parse_handle(handle), parse_volume(volume), decode_decimal(ordinal, MAX_DECIMAL))
    if number.ordinal == 0 or volume.startswith(NO_VOLUME):
        raise FormatError("ordinals count from 1, volumes are years")
    return number


def note_id(text: bytes) -> bytes:
    """Give the id of a note: the SHA-256 of its text."""
    return sha256(text).digest()


def encode_note(note: Note) -> bytes:
    """Write a note as the bytes that are signed."""
    lines = [
        _VERSION_LINE,
        f"number: {note.number}",
        f"date: {format_date(note.date)}",
        f"roster: {note.roster.realm}/{note.roster.version} {encode_base64(note.roster.digest)}",
        f"register: {note.register.volume}/{note.register.size} {encode_base64(note.register.root)}",
        f"content: {encode_base64(note.content)}",
        f"copies: {note.copies.count} {encode_base64(note.copies.root)}",
    ]
    for name, _ in _REPEATED:
        lines += [f"{name}: {encode_base64(digest)}" for digest in getattr(note, name)]
    return ("\n".join(lines) + "\n").encode("ascii")


def parse_note(text: bytes) -> Note:
    """Parse a note, at most MAX_NOTE bytes. Raises NoteError, naming the line."""
    if len(text) > MAX_NOTE:
        raise NoteError(f"the note is longer than {MAX_NOTE} bytes")
    try:
        lines = text.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise NoteError("the note is not plain ASCII text") from None
    if lines.pop() != "" or not lines or lines[0] != _VERSION_LINE:
        raise NoteError(f"a note begins with {_VERSION_LINE} and ends with a newline")
    reader = _Lines(lines[1:])
    note = Note(
        number=reader.take("number", parse_number),
        date=reader.take("date", parse_date),
        roster=reader.take("roster", _parse_roster),
        register=reader.take("register", _parse_register),
        content=reader.take("content", _parse_digest),
        copies=reader.take("copies", _parse_copies),
        **{name: reader.take_all(name, maximum) for name, maximum in _REPEATED},
    )
    reader.end()
    _check(note)
    if encode_note(note) != text:
        raise NoteError("the note is not in its canonical form")
    return note


class _Lines:
    """A cursor over `name: value` lines in their fixed order."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._at = 0

    def take(self, name: str, parse: Callable[[str], T]) -> T:
        prefix = f"{name}: "
        if self._at == len(self._lines) or not self._lines[self._at].startswith(prefix):
            raise NoteError(f"the note's line {self._at + 2} should begin with {prefix!r}")
        value = self._lines[self._at][len(prefix) :]
        self._at += 1
        try:
            return parse(value)
        except FormatError as error:
            raise NoteError(f"the note's {name} line: {error}") from None

    def take_all(self, name: str, maximum: int) -> tuple[bytes, ...]:
        digests: list[bytes] = []
        while self._at < len(self._lines) and self._lines[self._at].startswith(f"{name}: "):
            if len(digests) == maximum:
                raise NoteError(f"more than {maximum} {name} lines")
            digests.append(self.take(name, _parse_digest))
            if len(digests) > 1 and digests[-2] >= digests[-1]:
                raise NoteError(f"the {name} lines are not in ascending order")
        return tuple(digests)

    def end(self) -> None:
        if self._at < len(self._lines):
            raise NoteError(f"the note's line {self._at + 2} does not belong there")


def _parse_digest(text: str) -> bytes:
    return decode_base64(text, HASH_SIZE)


def _parse_pair(text: str) -> tuple[str, bytes]:
    name, separator, digest = text.partition(" ")
    if not separator:
        raise FormatError("two fields with one space between are due")
    return name, _parse_digest(digest)


def _parse_roster(text: str) -> RosterRef:
    name, digest = _parse_pair(text)
    realm, _, version = name.partition("/")
    return RosterRef(parse_handle(realm), decode_decimal(version, MAX_DECIMAL), digest)


def _parse_register(text: str) -> Head:
    name, digest = _parse_pair(text)
    volume, _, size = name.partition("/")
    return Head(parse_volume(volume), decode_decimal(size, MAX_DECIMAL), digest)


def _parse_copies(text: str) -> Copies:
    count, digest = _parse_pair(text)
    return Copies(decode_decimal(count, MAX_DECIMAL), digest)


def _check(note: Note) -> None:
    """Check what the lines of one note say together."""
    number, head = note.number, note.register
    if int(number.volume[:4]) != note.date.year:
        raise NoteError("the year of the note's volume is not the year of its date")
    if note.copies.count == 0 or note.roster.version == 0:
        raise NoteError("a count or version in the note is zero")
    if number.ordinal > 1:
        if (head.volume, head.size) != (number.volume, number.ordinal - 1):
            raise NoteError("the note's register line should name its own volume, one short of its ordinal")
    elif head.size == 0:
        if head != FIRST_HEAD:
            raise NoteError("an empty register is 0000/0 with the root of the empty tree")
    elif head.volume.startswith(NO_VOLUME) or head.volume >= number.volume:
        raise NoteError("a first note closes a volume that comes before its own")
