"""Classical recipients: X25519 (C2SP age.md, "The X25519 recipient type")."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from keys.age.header import Stanza
from keys.age.kdf import derive_key
from keys.age.wrapping import SEED_SIZE, SHARE_SIZE, is_low_order, open_body, parse_share, seal_body, sized
from keys.codec import encode_base64_raw, encode_bech32
from keys.errors import HeaderError, KeyFormatError

if TYPE_CHECKING:
    from collections.abc import Iterable

CLASSICAL: Final = "X25519"
CLASSICAL_RECIPIENT_SIZE: Final = 32
CLASSICAL_HRP: Final = "age"
CLASSICAL_SECRET_HRP: Final = "age-secret-key-"  # noqa: S105 - the public part of its text

_INFO = b"age-encryption.org/v1/X25519"


@dataclass(frozen=True, slots=True)
class X25519Recipient:
    """An X25519 public key. The text form is `age1...`, of 62 characters."""

    key: bytes
    kind: ClassVar[str] = CLASSICAL

    def __post_init__(self) -> None:
        sized(self.key, CLASSICAL_RECIPIENT_SIZE)

    @classmethod
    def from_bytes(cls, key: bytes) -> X25519Recipient:
        """Take 32 bytes. Raises KeyFormatError on another size; `check` and `wrap` check the rest."""
        return cls(key)

    def to_bytes(self) -> bytes:
        """Give the 32 bytes that `from_bytes` takes."""
        return self.key

    def check(self) -> None:
        """Raise KeyFormatError unless the key can be sealed to."""
        if is_low_order(self.key):
            raise KeyFormatError("an X25519 key of low order, to which nothing can be sealed")

    def wrap(self, file_key: bytes) -> Stanza:
        """Wrap a file key of 16 bytes. Raises KeyFormatError if the key is of low order."""
        self.check()
        ephemeral = X25519PrivateKey.generate()
        share = ephemeral.public_key().public_bytes_raw()
        secret = ephemeral.exchange(X25519PublicKey.from_public_bytes(self.key))
        wrap_key = derive_key(secret, share + self.key, _INFO)
        return Stanza(CLASSICAL, (encode_base64_raw(share),), seal_body(wrap_key, file_key))

    def __str__(self) -> str:
        return encode_bech32(CLASSICAL_HRP, self.key)

    def __repr__(self) -> str:
        return f"X25519Recipient({self})"


@dataclass(frozen=True, slots=True, repr=False)
class X25519Identity:
    """An X25519 secret key of 32 bytes. `secret_text` is its text form."""

    seed: bytes
    kind: ClassVar[str] = CLASSICAL
    _key: X25519PrivateKey = field(init=False, compare=False)
    _recipient: X25519Recipient = field(init=False, compare=False)

    def __post_init__(self) -> None:
        key = X25519PrivateKey.from_private_bytes(sized(self.seed, SEED_SIZE))
        object.__setattr__(self, "_key", key)
        object.__setattr__(self, "_recipient", X25519Recipient(key.public_key().public_bytes_raw()))

    @classmethod
    def generate(cls) -> X25519Identity:
        """Make a new identity from the system's randomness."""
        return cls(os.urandom(SEED_SIZE))

    def recipient(self) -> X25519Recipient:
        """Give the public half."""
        return self._recipient

    def secret_text(self) -> str:
        """Give the secret in its text form, `AGE-SECRET-KEY-1...`."""
        return encode_bech32(CLASSICAL_SECRET_HRP, self.seed).upper()

    def unwrap(self, stanzas: Iterable[Stanza]) -> bytes | None:
        """Find the file key, or None. Raises HeaderError if an X25519 stanza is malformed."""
        for stanza in stanzas:
            if stanza.type != CLASSICAL:
                continue
            share = check_stanza(stanza)
            secret = self._key.exchange(X25519PublicKey.from_public_bytes(share))
            wrap_key = derive_key(secret, share + self._recipient.key, _INFO)
            file_key = open_body(wrap_key, stanza.body)
            if file_key is not None:
                return file_key
        return None

    def __reduce__(self) -> tuple[type[X25519Identity], tuple[bytes]]:
        return X25519Identity, (self.seed,)

    def __repr__(self) -> str:
        return "X25519Identity(...)"


def check_stanza(stanza: Stanza) -> bytes:
    """Give the share of an X25519 stanza. Raises HeaderError if the stanza is malformed."""
    share = parse_share(stanza, SHARE_SIZE)
    if is_low_order(share):
        raise HeaderError("an age stanza with an X25519 share of low order")
    return share
