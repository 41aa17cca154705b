"""Sections 6 to 9: notes, register heads, copies and their tree, envelopes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.independent.signed import Signed, armor, read_signed
from tests.independent.text import (
    DECIMAL,
    DIGEST,
    HANDLE,
    LIMITS,
    MALFORMED,
    NOT_GENUINE,
    NUMBER,
    POSITIVE,
    VOLUME,
    RefusedError,
    bytes_of,
    is_date,
    need,
    sha256,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

EMPTY_ROOT = sha256(b"")
REPEATED = {"answers": 64, "receipts": 1024, "voids": 64}
NOTE = re.compile(
    rf"""dispatch/v1
number: (?P<issuer>{HANDLE})/(?P<volume>{VOLUME})/(?P<ordinal>{POSITIVE})
date: (?P<date>[^\n]+)
roster: (?P<realm>{HANDLE})/(?P<version>{POSITIVE}) (?P<roster>{DIGEST})
register: (?P<before>{VOLUME})/(?P<size>{DECIMAL}) (?P<register>{DIGEST})
content: (?P<content>{DIGEST})
copies: (?P<count>{POSITIVE}) (?P<root>{DIGEST})
(?P<repeated>(?:(?:answers|receipts|voids): {DIGEST}\n)*)"""
)
COPY = re.compile(
    rf"""copy: (?P<index>{DECIMAL})
to: (?P<to>{HANDLE})
after: (?P<after>-|{NUMBER})
body: (?P<body>{DIGEST})
(?P<proof>(?:proof: {DIGEST}\n){{0,60}})"""
)


@dataclass(frozen=True)
class Envelope:
    """A note with its signatures and, unless it is bare, a copy of it."""

    signed: Signed
    note: dict[str, str]
    copy: dict[str, str]
    body: bytes

    @property
    def number(self) -> str:
        return "{issuer}/{volume}/{ordinal}".format(**self.note)


def order_of(number: str) -> tuple[str, int]:
    _, volume, ordinal = number.split("/")
    return volume, int(ordinal)


def read_note(text: bytes) -> dict[str, str]:
    """Read a note's fields, as they stand."""
    need(len(text) <= LIMITS["note"], MALFORMED, "the note is too large")
    found = NOTE.fullmatch(text.decode("ascii", "replace"))
    if found is None:
        raise RefusedError(MALFORMED, "not a note")
    note = found.groupdict()
    need(is_date(note["date"]) and note["date"][:4] == note["volume"][:4], MALFORMED, "wrong date or volume")
    for name in ("roster", "register", "content", "root"):
        bytes_of(note[name], 32)
    names = [line.split(": ")[0] for line in note["repeated"].splitlines()]
    need(names == sorted(names), MALFORMED, "repeated lines out of order")
    for name, most in REPEATED.items():
        digests = [bytes_of(each, 32) for each in listed(note, name)]
        need(digests == sorted({*digests}) and len(digests) <= most, MALFORMED, f"wrong {name} lines")
    check_head(note)
    return note


def listed(note: dict[str, str], name: str) -> list[str]:
    """List the digests of a repeated line."""
    lines = [line.split(": ") for line in note["repeated"].splitlines()]
    return [value for each, value in lines if each == name]


def check_head(note: dict[str, str]) -> None:
    ordinal, size, root = int(note["ordinal"]), int(note["size"]), bytes_of(note["register"])
    if ordinal > 1:
        fits = (note["before"], size) == (note["volume"], ordinal - 1)
    elif (note["before"], size) == ("0000", 0):
        fits = root == EMPTY_ROOT
    else:
        fits = "0000~" < note["before"] < note["volume"] and size > 0
    need(fits, MALFORMED, "a register head that cannot stand before this note")


def leaf_hash(data: bytes) -> bytes:
    return sha256(b"\0" + data)


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """Hash a tree as RFC 6962 section 2.1 defines it, by recursion."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1" + tree_root(leaves[:half]) + tree_root(leaves[half:]))


def root_from(leaf: bytes, index: int, count: int, proof: list[bytes]) -> bytes:
    """Follow an audit path of section 2.1.1 from its end, whose digest is the root's other child."""
    if count == 1:
        need(not proof, NOT_GENUINE, "the proof is too long")
        return leaf
    need(proof, NOT_GENUINE, "the proof is too short")
    half = 1 << (count - 1).bit_length() - 1
    if index < half:
        return sha256(b"\1" + root_from(leaf, index, half, proof[:-1]) + proof[-1])
    return sha256(b"\1" + proof[-1] + root_from(leaf, index - half, count - half, proof[:-1]))


def leaf_of(copy: dict[str, str]) -> bytes:
    """Write the four lines that the tree holds."""
    return "copy: {index}\nto: {to}\nafter: {after}\nbody: {body}\n".format(**copy).encode()


def read_copy(text: str) -> dict[str, str]:
    found = COPY.fullmatch(text)
    if found is None:
        raise RefusedError(MALFORMED, "not a copy")
    copy = found.groupdict()
    for each in [copy["body"], *proof_of(copy)]:
        bytes_of(each, 32)
    return copy


def proof_of(copy: dict[str, str]) -> list[str]:
    return [line.removeprefix("proof: ") for line in copy["proof"].splitlines()]


def read_envelope(data: bytes, *, bare: bool = False) -> Envelope:
    """Read an envelope or, if that is asked for, a bare note: step 1 of section 14."""
    need(len(data) <= LIMITS["envelope"], MALFORMED, "the envelope is too large")
    signed, rest = read_signed(data, more=not bare)
    note = read_note(signed.text)
    if bare:
        return Envelope(signed, note, {}, b"")
    text, _, armored = rest.partition("\n\n")
    body = bytes_of("".join(armored.split("\n")[1:-2]))
    need(armor("AGE ENCRYPTED FILE", body, 64) == armored, MALFORMED, "not strict armor")
    return Envelope(signed, note, read_copy(text + "\n"), body)
