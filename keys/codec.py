"""Strict encodings: base64, bech32, decimals, SSH strings.

Pure, and canonical or an error: every decoder accepts exactly what its encoder
writes, so that one value has one spelling and nothing can be smuggled in.
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import reduce
from operator import xor

from keys.errors import FormatError

_BECH32_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32_CHECKSUM = 6
_BECH32_INVALID = 0xFF

# A hybrid age recipient has 1,959 characters: one look-up a character, and regrouping that is linear.
_BASE32_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_BASE32_TO_BECH32 = bytes.maketrans(_BASE32_ALPHABET.encode(), _BECH32_ALPHABET.encode())
_BECH32_TO_DIGIT = str.maketrans(_BECH32_ALPHABET, "0123456789abcdefghijklmnopqrstuv")
_BECH32_TO_VALUE = bytes(_BECH32_ALPHABET.find(chr(code)) & _BECH32_INVALID for code in range(256))
_BECH32_STEP = tuple(
    reduce(xor, (part for bit, part in enumerate(_BECH32_GENERATOR) if top >> bit & 1), 0)
    for top in range(32)
)
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_U32 = 4


def encode_base64(data: bytes) -> str:
    """Encode as standard, padded base64 on one line (RFC 4648, section 4)."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def decode_base64(text: str | bytes, size: int | None = None) -> bytes:
    """Decode canonical padded base64 of `size` bytes. Raises FormatError."""
    try:
        raw = text.encode("ascii") if isinstance(text, str) else text
        data = binascii.a2b_base64(raw, strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        raise FormatError("not base64") from None
    if binascii.b2a_base64(data, newline=False) != raw:
        raise FormatError("not canonical base64")
    if size is not None and len(data) != size:
        raise FormatError(f"base64 of {len(data)} bytes where {size} are due")
    return data


def encode_base64_raw(data: bytes) -> str:
    """Encode as base64 without padding, the form that age headers use."""
    return encode_base64(data).rstrip("=")


def decode_base64_raw(text: str, size: int | None = None) -> bytes:
    """Decode canonical base64 without padding. Raises FormatError."""
    if "=" in text:
        raise FormatError("base64 with padding where none is due")
    return decode_base64(text + "=" * (-len(text) % 4), size)


def decode_decimal(text: str, maximum: int) -> int:
    """Decode a decimal from 0 to `maximum`, ASCII digits without leading zeros.

    Raises FormatError: `int()` would also take `+5`, ` 7`, `1_000` and digits
    of other scripts.
    """
    if not _DECIMAL.fullmatch(text):
        raise FormatError("not a plain decimal number")
    value = int(text)
    if value > maximum:
        raise FormatError(f"number above {maximum}")
    return value


def _bech32_polymod(values: bytes) -> int:
    checksum = 1
    for value in values:
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value ^ _BECH32_STEP[checksum >> 25]
    return checksum


def _bech32_prefix(hrp: str) -> bytes:
    codes = hrp.encode("ascii")
    return bytes((*(code >> 5 for code in codes), 0, *(code & 31 for code in codes)))


def encode_bech32(hrp: str, data: bytes) -> str:
    """Encode with the BIP 173 checksum, without its length limit (C2SP age.md).

    `hrp`: the human-readable part, lower case; the caller upper-cases a secret.
    """
    text = base64.b32encode(data).rstrip(b"=").translate(_BASE32_TO_BECH32)
    values = _bech32_prefix(hrp) + text.translate(_BECH32_TO_VALUE)
    polymod = _bech32_polymod(values + bytes(_BECH32_CHECKSUM)) ^ 1
    checksum = (_BECH32_ALPHABET[polymod >> 5 * (5 - index) & 31] for index in range(_BECH32_CHECKSUM))
    return f"{hrp}1{text.decode('ascii')}{''.join(checksum)}"


def decode_bech32(text: str) -> tuple[str, bytes]:
    """Decode to `(hrp, data)`, `hrp` in lower case. Raises FormatError."""
    if not (text.isascii() and text.isprintable()) or " " in text or text not in (text.lower(), text.upper()):
        raise FormatError("not bech32: wrong characters or mixed case")
    hrp, separator, rest = text.lower().rpartition("1")
    if not separator or not hrp or len(rest) < _BECH32_CHECKSUM:
        raise FormatError("not bech32: no separator")
    values = rest.encode("ascii").translate(_BECH32_TO_VALUE)
    if _BECH32_INVALID in values:
        raise FormatError("not bech32: wrong characters")
    if _bech32_polymod(_bech32_prefix(hrp) + values) != 1:
        raise FormatError("wrong bech32 checksum: mistyped or cut off")
    # Only digits of base 32 are left here, so that int() has nothing else to be lenient about.
    bits = int(rest[:-_BECH32_CHECKSUM].translate(_BECH32_TO_DIGIT) or "0", 32)
    count = (len(values) - _BECH32_CHECKSUM) * 5
    pad = count % 8
    if pad >= 5 or bits & (1 << pad) - 1:  # noqa: PLR2004 - five bits a character
        raise FormatError("not canonical bech32")
    return hrp, (bits >> pad).to_bytes(count // 8, "big")


def put_u32(value: int) -> bytes:
    """Encode an SSH uint32 (RFC 4251, section 5)."""
    return value.to_bytes(_U32, "big")


def get_u32(data: bytes) -> tuple[int, bytes]:
    """Split an SSH uint32 off: `(value, rest)`. Raises FormatError."""
    if len(data) < _U32:
        raise FormatError("SSH data is cut off")
    return int.from_bytes(data[:_U32], "big"), data[_U32:]


def put_string(data: bytes) -> bytes:
    """Encode an SSH string (RFC 4251, section 5)."""
    return put_u32(len(data)) + data


def get_string(data: bytes) -> tuple[bytes, bytes]:
    """Split an SSH string off: `(value, rest)`. Raises FormatError."""
    size, rest = get_u32(data)
    if size > len(rest):
        raise FormatError("SSH data is cut off")
    return rest[:size], rest[size:]
