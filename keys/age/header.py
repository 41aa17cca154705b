"""The header of an age file: its grammar, and no cryptography (C2SP age.md, "Header").

    age-encryption.org/v1
    -> TYPE ARGUMENT...
    body in unpadded base64, lines of 64, the last one shorter
    --- MAC

A parsed header is canonical: encoded again, it gives the bytes it was read from.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from typing import Final

from keys.codec import decode_base64_raw, encode_base64_raw
from keys.errors import FormatError, HeaderError

MAGIC: Final = b"age-encryption.org/"
"""What every binary age file begins with, whatever its version."""

MAX_HEADER_SIZE: Final = 256 * 1024
"""Bytes. Room for 160 hybrid recipients of 1.6 KB each, and for 2,000 classical ones; a reader of
hostile files needs some bound, and whoever seals to more gives each a file of its own."""

MAC_SIZE: Final = 32

_VERSION_LINE = MAGIC + b"v1\n"
_VERSION_TEXT = _VERSION_LINE.decode("ascii")
_END_MARK = "---"
_STANZA_MARK = "-> "
_CHARACTERS = bytes(range(0x20, 0x7F)) + b"\n"
_COLUMNS = 64


@dataclass(frozen=True, slots=True)
class Stanza:
    """The file key, wrapped for one recipient. `type` and `args`: printable ASCII without spaces."""

    type: str
    args: tuple[str, ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Header:
    """A parsed header. `signed`: the bytes under the MAC, up to and including the mark `---`."""

    stanzas: tuple[Stanza, ...]
    signed: bytes
    mac: bytes


def encode_signed(stanzas: tuple[Stanza, ...]) -> bytes:
    """Encode all that the MAC covers. Raises HeaderError on arguments outside the grammar."""
    text = [_VERSION_TEXT]
    for stanza in stanzas:
        text.append("->")
        for argument in (stanza.type, *stanza.args):
            if not argument or " " in argument or "\n" in argument:
                raise HeaderError("a stanza argument that age headers cannot hold")
            text += (" ", argument)
        body = encode_base64_raw(stanza.body)
        # A body that fills its last line is followed by an empty one: a short line ends every stanza.
        for start in range(0, len(body) + 1, _COLUMNS):
            text += ("\n", body[start : start + _COLUMNS])
        text.append("\n")
    text.append(_END_MARK)
    signed = "".join(text).encode("utf-8", "surrogatepass")
    if signed.translate(None, _CHARACTERS):
        raise HeaderError("a stanza argument that age headers cannot hold")
    return signed


def encode_header(signed: bytes, mac: bytes) -> bytes:
    """Encode a header from `encode_signed` and its MAC. Raises HeaderError above MAX_HEADER_SIZE."""
    header = b"".join((signed, b" ", encode_base64_raw(mac).encode("ascii"), b"\n"))
    if len(header) > MAX_HEADER_SIZE:
        raise HeaderError("too many recipients for one age file", hint="seal to fewer at a time")
    return header


def find_header_end(data: bytes) -> int:
    """Count the bytes of the header that `data` begins with, or give -1 if its end is not among them.

    Neither base64 nor `->` holds a `---`, so the first line that begins so ends the header.
    """
    mark = data.find(b"\n---", 0, MAX_HEADER_SIZE)
    return -1 if mark < 0 else data.find(b"\n", mark + 1, MAX_HEADER_SIZE) + 1 or -1


def parse_header(data: bytes) -> tuple[Header, memoryview]:
    """Split the header off an age file: `(header, payload)`. Raises HeaderError."""
    if not data.startswith(_VERSION_LINE):
        is_age = data.startswith(MAGIC)
        raise HeaderError("an age version not supported here" if is_age else "not an age file")
    size = find_header_end(data)
    if size < 0:
        raise HeaderError(f"an age header without an end within {MAX_HEADER_SIZE} bytes")
    try:
        *lines, end = data[len(_VERSION_LINE) : size - 1].decode("ascii").split("\n")
        mac = decode_base64_raw(end.removeprefix("--- "), MAC_SIZE)
    except (UnicodeDecodeError, FormatError):
        raise HeaderError("the last line of the age header is malformed") from None
    stanzas = _parse_stanzas(lines)
    signed = encode_signed(stanzas)
    if encode_header(signed, mac) != data[:size]:
        raise HeaderError("the age header is not canonical")
    return Header(stanzas, signed, mac), memoryview(data)[size:]


def _parse_stanzas(lines: list[str]) -> tuple[Stanza, ...]:
    """Parse stanzas; characters, base64 and line lengths are left to the final comparison."""
    stanzas = []
    position = 0
    while position < len(lines):
        arguments = lines[position]
        if not arguments.startswith(_STANZA_MARK):
            raise HeaderError("a stanza of the age header is malformed")
        kind, *rest = arguments[len(_STANZA_MARK) :].split(" ")
        start = position = position + 1
        while position < len(lines) and len(lines[position]) == _COLUMNS:
            position += 1
        if position == len(lines):
            raise HeaderError("a stanza of the age header has no short last line")
        position += 1
        stanzas.append(Stanza(kind, tuple(rest), _decode_body("".join(lines[start:position]))))
    if not stanzas:
        raise HeaderError("an age header without recipients")
    return tuple(stanzas)


def _decode_body(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)
    except (binascii.Error, ValueError):
        raise HeaderError("the body of an age stanza is not base64") from None
