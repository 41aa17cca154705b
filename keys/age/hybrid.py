"""Recipients that are safe against quantum computers, the default: HPKE with ML-KEM-768 and X25519.

C2SP age.md, "The MLKEM768-X25519 (i.e. X-Wing) hybrid post-quantum recipient type".
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from keys.age.header import Stanza
from keys.age.wrapping import SEED_SIZE, SHARE_SIZE, is_low_order, parse_share, sized
from keys.codec import encode_base64_raw, encode_bech32
from keys.errors import HeaderError, KeyFormatError

if TYPE_CHECKING:
    from collections.abc import Iterable

HYBRID: Final = "mlkem768x25519"
HYBRID_RECIPIENT_SIZE: Final = 1216
HYBRID_HRP: Final = "age1pq"
HYBRID_SECRET_HRP: Final = "age-secret-key-pq-"  # noqa: S105 - the public part of its text

_MLKEM_SIZE = 1184
_MLKEM_SEED_SIZE = 64
_ENC_SIZE = 1120  # HPKE's encapsulated key: ML-KEM ciphertext 1088, X25519 share 32
_INFO = b"age-encryption.org/mlkem768x25519"
_WRAPPED_SIZE = 32  # a file key of 16 bytes and the tag
BLANK_STANZA: Final = Stanza(HYBRID, (encode_base64_raw(bytes(_ENC_SIZE)),), bytes(_WRAPPED_SIZE))
"""A stanza that is as long as every hybrid one."""

_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


@dataclass(frozen=True, slots=True)
class HybridRecipient:
    """An ML-KEM-768 and an X25519 public key. The text form is `age1pq1...`, of 1,959 characters."""

    key: bytes
    kind: ClassVar[str] = HYBRID

    def __post_init__(self) -> None:
        sized(self.key, HYBRID_RECIPIENT_SIZE)

    @classmethod
    def from_bytes(cls, key: bytes) -> HybridRecipient:
        """Take ML-KEM key (1184 bytes) and X25519 key (32). Raises KeyFormatError on another size.

        The rest of the check is left to `check` and `wrap`, or reading a roster of ten
        thousand offices would check every key in it.
        """
        return cls(key)

    def to_bytes(self) -> bytes:
        """Give the 1216 bytes that `from_bytes` takes."""
        return self.key

    def check(self) -> None:
        """Raise KeyFormatError unless the key can be sealed to."""
        _load(self.key)

    def wrap(self, file_key: bytes) -> Stanza:
        """Wrap a file key of 16 bytes. Raises KeyFormatError if the key is none."""
        sealed = _SUITE.encrypt(file_key, _load(self.key), _INFO)
        return Stanza(HYBRID, (encode_base64_raw(sealed[:_ENC_SIZE]),), sealed[_ENC_SIZE:])

    def __str__(self) -> str:
        return encode_bech32(HYBRID_HRP, self.key)

    def __repr__(self) -> str:
        return f"HybridRecipient({str(self)[:32]}...)"


@dataclass(frozen=True, slots=True, repr=False)
class HybridIdentity:
    """A seed of 32 bytes, from which both secret keys are made. `secret_text` is its text form."""

    seed: bytes
    kind: ClassVar[str] = HYBRID
    _key: MLKEM768X25519PrivateKey = field(init=False, compare=False)
    _recipient: HybridRecipient = field(init=False, compare=False)

    def __post_init__(self) -> None:
        expanded = hashlib.shake_256(sized(self.seed, SEED_SIZE)).digest(_MLKEM_SEED_SIZE + SEED_SIZE)
        mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED_SIZE])
        x25519 = X25519PrivateKey.from_private_bytes(expanded[_MLKEM_SEED_SIZE:])
        public = mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
        object.__setattr__(self, "_key", MLKEM768X25519PrivateKey(mlkem, x25519))
        object.__setattr__(self, "_recipient", HybridRecipient(public))

    @classmethod
    def generate(cls) -> HybridIdentity:
        """Make a new identity from the system's randomness."""
        return cls(os.urandom(SEED_SIZE))

    def recipient(self) -> HybridRecipient:
        """Give the public half."""
        return self._recipient

    def secret_text(self) -> str:
        """Give the secret in its text form, `AGE-SECRET-KEY-PQ-1...`."""
        return encode_bech32(HYBRID_SECRET_HRP, self.seed).upper()

    def unwrap(self, stanzas: Iterable[Stanza]) -> bytes | None:
        """Find the file key, or None. Raises HeaderError if a hybrid stanza is malformed."""
        for stanza in stanzas:
            if stanza.type != HYBRID:
                continue
            enc = check_stanza(stanza)
            try:
                return _SUITE.decrypt(enc + stanza.body, self._key, _INFO)
            except InvalidTag:
                if is_low_order(enc[-SHARE_SIZE:]):
                    raise HeaderError("an age stanza with an X25519 share of low order") from None
        return None

    def __reduce__(self) -> tuple[type[HybridIdentity], tuple[bytes]]:
        return HybridIdentity, (self.seed,)

    def __repr__(self) -> str:
        return "HybridIdentity(...)"


def check_stanza(stanza: Stanza) -> bytes:
    """Give the encapsulated key of a hybrid stanza. Raises HeaderError if the stanza is malformed."""
    return parse_share(stanza, _ENC_SIZE)


# Loading takes a fifth of the time of sealing, so that many files to one recipient gain by the cache;
# a loaded key takes 7 KB, so that the recipients of a large roster must not all keep theirs.
@lru_cache(maxsize=64)
def _load(key: bytes) -> MLKEM768X25519PublicKey:
    try:
        mlkem = MLKEM768PublicKey.from_public_bytes(key[:_MLKEM_SIZE])
    except ValueError:
        raise KeyFormatError("not an ML-KEM-768 key") from None
    if is_low_order(key[_MLKEM_SIZE:]):
        raise KeyFormatError("an X25519 key of low order, to which nothing can be sealed")
    return MLKEM768X25519PublicKey(mlkem, X25519PublicKey.from_public_bytes(key[_MLKEM_SIZE:]))
