"""HKDF-SHA-256 (RFC 5869) with 32 bytes of output: the only key derivation of age headers and payloads."""

from __future__ import annotations

import hmac

KEY_SIZE = 32

_NO_SALT = bytes(KEY_SIZE)


def derive_key(secret: bytes, salt: bytes, info: bytes) -> bytes:
    """Derive 32 bytes. `salt` may be empty, which RFC 5869 defines as 32 zero bytes.

    One block of output needs one round of Expand, so two HMACs are all of it;
    the one-shot `hmac.digest` costs a tenth of an HKDF object.
    """
    extracted = hmac.digest(salt or _NO_SALT, secret, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")
