"""Keys as cards and rosters write them: `TYPE BASE64`, for signing and for sealing.

Source: docs/FORMAT.md, section 2. The line of a signing key is OpenSSH's, without a
comment. The line of a sealing key holds the bytes of an age recipient.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

from keys.codec import decode_base64, encode_base64, encode_base64_raw
from keys.errors import FormatError, KeyFormatError
from keys.signing import COMPOSITE, ED25519, VerifyKey

if TYPE_CHECKING:
    from keys.age import HybridRecipient, X25519Recipient

HYBRID = "mlkem768x25519"
X25519 = "X25519"

_SEALING_SIZES = {HYBRID: 1216, X25519: 32}  # bytes of the recipient, by type
_KEPT = 1024  # parsed keys; the ML-DSA half is costly to parse


def signing_type(*, classical: bool) -> str:
    """Return the type of signing key that an office must use."""
    return ED25519 if classical else COMPOSITE


def sealing_type(*, classical: bool) -> str:
    """Return the type of sealing key that an office must use."""
    return X25519 if classical else HYBRID


@lru_cache(maxsize=_KEPT)
def parse_signing(line: str) -> VerifyKey:
    """Parse the line of a signing key; the same line gives the same object. Raises KeyFormatError."""
    return _parse_signing(line)


def check_signing(line: str) -> str:
    """Check the line of a signing key fully and return its type. Raises KeyFormatError."""
    return _parse_signing(line).type


def _parse_signing(line: str) -> VerifyKey:
    kind, _, encoded = line.partition(" ")
    try:
        key = VerifyKey(blob=decode_base64(encoded))
    except KeyFormatError:
        raise
    except FormatError as error:
        raise KeyFormatError(f"not a signing key: {error}") from None
    if key.type != kind:
        raise KeyFormatError("a signing key that names another type than it is of")
    return key


def check_sealing(line: str) -> str:
    """Check the form of a sealing key's line and return its type. Raises KeyFormatError.

    Type, length and base64 only: whether the bytes are a usable key, `parse_sealing` tells.
    """
    kind, _ = _split_sealing(line)
    return kind


def _split_sealing(line: str) -> tuple[str, bytes]:
    kind, _, encoded = line.partition(" ")
    size = _SEALING_SIZES.get(kind)
    if size is None:
        raise KeyFormatError("not a supported type of sealing key", hint=f"use {HYBRID} or {X25519}")
    try:
        return kind, decode_base64(encoded, size)
    except FormatError as error:
        raise KeyFormatError(f"not a sealing key: {error}") from None


def parse_sealing(line: str) -> HybridRecipient | X25519Recipient:
    """Parse the line of a sealing key to an age recipient. Raises KeyFormatError."""
    from keys.age import HybridRecipient, X25519Recipient

    kind, data = _split_sealing(line)
    return HybridRecipient.from_bytes(data) if kind == HYBRID else X25519Recipient.from_bytes(data)


def encode_sealing(recipient: HybridRecipient | X25519Recipient) -> str:
    """Encode an age recipient as the line of a sealing key."""
    return f"{recipient.kind} {encode_base64(recipient.to_bytes())}"


def sealing_fingerprint(line: str) -> str:
    """Return `SHA256:` and 43 characters, over the line of a sealing key without LF."""
    return "SHA256:" + encode_base64_raw(hashlib.sha256(line.encode("utf-8")).digest())
