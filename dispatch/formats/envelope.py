"""The file that an addressee gets, bytes <-> object (FORMAT.md, sections 8 and 9)."""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from functools import lru_cache

from dispatch.errors import EnvelopeError
from dispatch.formats.merkle import HASH_SIZE
from dispatch.formats.note import (
    MAX_DECIMAL,
    MAX_NOTE,
    Note,
    Number,
    note_id,
    parse_note,
    parse_number,
)
from keys import age
from keys.codec import decode_base64, decode_decimal, encode_base64
from keys.errors import FormatError
from keys.signed import SignedText, encode_signed, parse_signed
from keys.text import parse_handle

MAX_ENVELOPE = 8 * 1024 * 1024
NOTE_NAMESPACE = "dispatch-note"
NO_NUMBER = "-"

_COPY_FOLLOWS = b"\n\ncopy: "
_LONGEST_PROOF = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedNote:
    """A note with its signature blocks, parsed and untrusted. `id`: SHA-256 of the text."""

    signed: SignedText
    note: Note
    id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One addressee's place in the tree. `index` from 1; `body`: SHA-256 of the age file."""

    index: int
    to: str
    after: Number | None
    body: bytes
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One envelope, parsed and untrusted. `body`: the binary age file."""

    signed_note: SignedNote
    copy: Copy
    body: bytes


def file_name(number: Number, to: str | None) -> str:
    """Name an envelope `FROM-VOLUME-ORDINAL.TO.dispatch`, or a bare note `….note`."""
    stem = f"{number.handle}-{number.volume}-{number.ordinal}"
    return f"{stem}.{to}.dispatch" if to else f"{stem}.note"


def leaf_data(index: int, to: str, after: Number | None, body: bytes) -> bytes:
    """Give the four lines of a copy that the tree covers."""
    return f"copy: {index}\nto: {to}\nafter: {after or NO_NUMBER}\nbody: {encode_base64(body)}\n".encode(
        "ascii"
    )


def encode_copy(copy: Copy) -> bytes:
    """Write a copy's lines."""
    proof = "".join(f"proof: {encode_base64(digest)}\n" for digest in copy.proof)
    return leaf_data(copy.index, copy.to, copy.after, copy.body) + proof.encode("ascii")


def encode_envelope(signed: SignedText, copy: Copy, body: bytes) -> bytes:
    """Write an envelope file."""
    return b"\n".join((encode_signed(signed), encode_copy(copy), age.encode_armor(body)))


def split_envelope(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Split an envelope, at most MAX_ENVELOPE bytes, into signed note, copy and armored body.

    Raises EnvelopeError.
    """
    if len(data) > MAX_ENVELOPE:
        raise EnvelopeError(f"longer than {MAX_ENVELOPE} bytes")
    head_end = data.find(_COPY_FOLLOWS)
    if head_end < 0:
        raise EnvelopeError(
            "no copy after the signatures: cut off, or not an envelope",
            hint="a bare note has a name that ends in .note",
        )
    copy_end = data.find(b"\n\n", head_end + 2)
    if copy_end < 0:
        raise EnvelopeError("no body after the copy: the file is cut off")
    return data[: head_end + 1], data[head_end + 2 : copy_end + 1], data[copy_end + 2 :]


def parse_envelope(data: bytes) -> Envelope:
    """Step 1: parse an envelope, at most MAX_ENVELOPE bytes. Raises EnvelopeError, NoteError, FormatError."""
    head, copy, body = split_envelope(data)
    return Envelope(
        signed_note=parse_signed_note(head), copy=parse_copy(copy), body=age.decode_armor_canonical(body)
    )


@lru_cache(maxsize=8)
def parse_signed_note(data: bytes) -> SignedNote:
    """Step 1 for a bare note, or the head of an envelope. Raises NoteError, FormatError.

    Cached, because the copies of one dispatch come one after another.
    """
    signed = parse_signed(data, max_text=MAX_NOTE)
    return SignedNote(signed=signed, note=parse_note(signed.text), id=note_id(signed.text))


def parse_copy(text: bytes) -> Copy:
    """Step 1 for the lines of a copy. Raises EnvelopeError."""
    try:
        lines = [line.split(": ", 1) for line in text.decode("ascii").split("\n")[:-1]]
        names = [line[0] for line in lines]
        values = [line[1] for line in lines]
        if (
            names[:4] != ["copy", "to", "after", "body"]
            or set(names[4:]) - {"proof"}
            or len(names) > _LONGEST_PROOF
        ):
            raise EnvelopeError("a copy has the lines copy, to, after, body and then proof")
        copy = Copy(
            index=decode_decimal(values[0], MAX_DECIMAL),
            to=parse_handle(values[1]),
            after=None if values[2] == NO_NUMBER else parse_number(values[2]),
            body=decode_base64(values[3], HASH_SIZE),
            proof=tuple(_decode_digest(value) for value in values[4:]),
        )
    except (FormatError, UnicodeDecodeError, IndexError) as error:
        raise EnvelopeError(f"the copy's lines: {error}") from None
    if encode_copy(copy) != text:
        raise EnvelopeError("the copy's lines are not in their canonical form")
    return copy


def _decode_digest(text: str) -> bytes:
    """Decode a line of a proof, leniently: `parse_copy` encodes the copy again and compares."""
    try:
        digest = binascii.a2b_base64(text)
    except ValueError:  # binascii.Error is one
        raise FormatError("not base64") from None
    if len(digest) != HASH_SIZE:
        raise FormatError("a digest of another length than 32 bytes")
    return digest
