"""Canonical JSON: one line, one spelling for every value.

Source: docs/FORMAT.md, section 1. Types are msgspec structs with all members required
and unknown ones forbidden. What msgspec writes is the canonical form, so a line is
accepted if and only if its value encodes to the same bytes again; that one comparison
refuses duplicate keys, reordered members, other spellings, white space, trailing data.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, TypeVar, overload

import msgspec

from keys.errors import FormatError

T = TypeVar("T")

MAX_INTEGER = 2**53 - 1
"""Cap on an integer and its negative: what every JSON reader holds exactly."""

_ENCODER = msgspec.json.Encoder()
# Where a long integer may begin; also in strings: then the slow look decides. One pattern
# for each character before it, because a search for a fixed first byte is ten times faster.
_LONG_INTEGERS = tuple(re.compile(before + rb"-?[0-9]{16}") for before in (b":", b",", rb"\["))
_MAX_REASON = 300


@lru_cache
def _decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(type_)


def encode_canonical(value: object) -> bytes:
    """Encode a struct as a line of canonical JSON, its LF included.

    Raises FormatError for what has no canonical form: a lone surrogate, an integer
    beyond `MAX_INTEGER`.
    """
    try:
        data = _ENCODER.encode(value) + b"\n"
    except (msgspec.MsgspecError, UnicodeEncodeError, OverflowError, RecursionError):
        raise FormatError("a value that has no JSON form") from None
    _check_integers(data)
    return data


@overload
def decode_canonical(data: bytes, type_: type[T]) -> T: ...
@overload
def decode_canonical(data: bytes, type_: Any) -> Any: ...
def decode_canonical(data: bytes, type_: Any) -> Any:
    """Decode a line of canonical JSON, its LF included, to a struct.

    `type_`: a struct, or a union of some; it must say what every value may be (a member of type Any would
    let a float through). The length is the caller's to cap. Raises FormatError, which
    names the place where it can.
    """
    try:
        value = _decoder(type_).decode(data)
    except msgspec.MsgspecError as error:
        raise FormatError(f"not the JSON that is due: {_printable(str(error))}") from None
    except (UnicodeDecodeError, RecursionError):
        raise FormatError("not JSON in UTF-8, or nested too deeply") from None
    if encode_canonical(value) != data:
        raise FormatError("JSON that is not canonical: a repeated or moved member, spacing, or a spelling")
    return value


def _check_integers(data: bytes) -> None:
    """Refuse integers beyond `MAX_INTEGER` anywhere in `data`, which is valid JSON."""
    if not any(pattern.search(data) for pattern in _LONG_INTEGERS):
        return
    pending: list[Any] = [msgspec.json.decode(data)]
    while pending:
        match pending.pop():
            case dict() as members:
                pending += members.values()
            case list() as items:
                pending += items
            case int() as number if abs(number) > MAX_INTEGER:
                raise FormatError("an integer beyond 2^53 - 1")


def _printable(text: str) -> str:
    """Make msgspec's words safe to show: they quote names from the data."""
    shown = "".join(character if character.isprintable() else "?" for character in text)
    return shown if len(shown) <= _MAX_REASON else shown[:_MAX_REASON] + "..."
