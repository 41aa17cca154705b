"""The keys that a file key gives: HKDF-SHA-256 (RFC 5869) with 32 bytes of output, and the header's MAC.

`cryptography` does this too, although hashlib could: sealing a copy of a circular goes through
all of it, and switching between two OpenSSL libraries there costs more than the hashing.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_SIZE: Final = 32

_SHA256 = SHA256()


def derive_key(secret: bytes, salt: bytes, info: bytes) -> bytes:
    """Derive 32 bytes. `salt` may be empty."""
    return HKDF(_SHA256, KEY_SIZE, salt, info).derive(secret)


def header_mac(file_key: bytes, signed: bytes) -> bytes:
    """Compute the MAC of a header whose bytes up to and including `---` are `signed`."""
    mac = HMAC(derive_key(file_key, b"", b"header"), _SHA256)
    mac.update(signed)
    return mac.finalize()
