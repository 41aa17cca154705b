"""The three kinds of recipients and identities of age files (C2SP age.md, "Native recipient types").

    mlkem768x25519   HPKE with ML-KEM-768 and X25519; safe against quantum computers; the default
    X25519           the classical kind
    scrypt           a passphrase

A recipient wraps a file key into a stanza; an identity unwraps it. Both are frozen, can
be pickled, and show no secret in `repr`.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from keys.age.header import Stanza
from keys.age.kdf import derive_key
from keys.codec import (
    decode_base64_raw,
    decode_bech32,
    decode_decimal,
    encode_base64_raw,
    encode_bech32,
)
from keys.errors import FormatError, HeaderError, KeyFormatError, PassphraseError

if TYPE_CHECKING:
    from collections.abc import Iterable

HYBRID: Final = "mlkem768x25519"
CLASSICAL: Final = "X25519"
SCRYPT: Final = "scrypt"

FILE_KEY_SIZE: Final = 16
HYBRID_RECIPIENT_SIZE: Final = 1216
CLASSICAL_RECIPIENT_SIZE: Final = 32
SEED_SIZE: Final = 32

DEFAULT_WORK_FACTOR: Final = 18
"""Log2 of scrypt's N: 256 MiB and about a second, as with every other age."""

MAX_WORK_FACTOR: Final = 20
"""Log2 of scrypt's N that is accepted. The file asks for it, before anything in it is authentic: 20 is
1 GiB for a few seconds, what an office machine can spare; the 22 of the stock tool would be 4 GiB."""

_MLKEM_SIZE = 1184
_ENC_SIZE = 1120  # HPKE's encapsulated key: ML-KEM ciphertext 1088, X25519 share 32
_SHARE_SIZE = 32
_BODY_SIZE = FILE_KEY_SIZE + 16  # with its tag
_SALT_SIZE = 16
_MLKEM_SEED_SIZE = 64

_HYBRID_HRP, _HYBRID_SECRET_HRP = "age1pq", "AGE-SECRET-KEY-PQ-"
_CLASSICAL_HRP, _CLASSICAL_SECRET_HRP = "age", "AGE-SECRET-KEY-"

_HYBRID_INFO = b"age-encryption.org/mlkem768x25519"
_CLASSICAL_INFO = b"age-encryption.org/v1/X25519"
_SCRYPT_SALT = b"age-encryption.org/v1/scrypt"

_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)

# A wrap key serves once, which is why its nonce may be fixed.
_WRAP_NONCE = bytes(12)

# Every X25519 share that makes the shared secret zero, with the top bit clear: the points of order
# 4 and 2 and 8 (RFC 7748's curve has these), and the spellings of 0 and 1 beyond the prime.
_P = 2**255 - 19
_LOW_ORDER = frozenset(
    (
        *(u.to_bytes(_SHARE_SIZE, "little") for u in (0, 1, _P - 1, _P, _P + 1)),
        bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    )
)


class Recipient(Protocol):
    """What a file can be sealed to. `kind`: the type of its stanza."""

    kind: ClassVar[str]

    def wrap(self, file_key: bytes) -> Stanza:
        """Wrap a file key of 16 bytes. Raises KeyFormatError if the key turns out to be unusable."""
        ...


class Identity(Protocol):
    """What a file can be opened with. `kind`: the type of its stanza."""

    kind: ClassVar[str]

    def unwrap(self, stanzas: Iterable[Stanza]) -> bytes | None:
        """Find the file key, or None if no stanza is for this identity.

        Raises HeaderError if a stanza of this kind is malformed.
        """
        ...


@dataclass(frozen=True, slots=True)
class HybridRecipient:
    """An ML-KEM-768 and an X25519 public key. The text form is `age1pq1...`, of 1,959 characters."""

    key: bytes
    kind: ClassVar[str] = HYBRID

    @classmethod
    def from_bytes(cls, key: bytes) -> HybridRecipient:
        """Take ML-KEM key (1184 bytes) and X25519 key (32). Raises KeyFormatError on another size.

        The rest of the check is left to `check` and `wrap`, or reading a roster of ten
        thousand offices would check every key in it.
        """
        return cls(_sized(key, HYBRID_RECIPIENT_SIZE))

    def to_bytes(self) -> bytes:
        """Give the 1216 bytes that `from_bytes` takes."""
        return self.key

    def check(self) -> None:
        """Raise KeyFormatError unless the key can be sealed to."""
        _load_hybrid(self.key)

    def wrap(self, file_key: bytes) -> Stanza:
        """Wrap a file key of 16 bytes. Raises KeyFormatError if the key is none."""
        sealed = _SUITE.encrypt(file_key, _load_hybrid(self.key), _HYBRID_INFO)
        return Stanza(HYBRID, (encode_base64_raw(sealed[:_ENC_SIZE]),), sealed[_ENC_SIZE:])

    def __str__(self) -> str:
        return encode_bech32(_HYBRID_HRP, self.key)

    def __repr__(self) -> str:
        return f"HybridRecipient({str(self)[:32]}...)"


@dataclass(frozen=True, slots=True)
class X25519Recipient:
    """An X25519 public key. The text form is `age1...`, of 62 characters."""

    key: bytes
    kind: ClassVar[str] = CLASSICAL

    @classmethod
    def from_bytes(cls, key: bytes) -> X25519Recipient:
        """Take 32 bytes. Raises KeyFormatError on another size; `check` and `wrap` check the rest."""
        return cls(_sized(key, CLASSICAL_RECIPIENT_SIZE))

    def to_bytes(self) -> bytes:
        """Give the 32 bytes that `from_bytes` takes."""
        return self.key

    def check(self) -> None:
        """Raise KeyFormatError unless the key can be sealed to."""
        if _is_low_order(self.key):
            raise KeyFormatError("an X25519 key of low order, to which nothing can be sealed")

    def wrap(self, file_key: bytes) -> Stanza:
        """Wrap a file key of 16 bytes. Raises KeyFormatError if the key is of low order."""
        self.check()
        ephemeral = X25519PrivateKey.generate()
        share = ephemeral.public_key().public_bytes_raw()
        secret = ephemeral.exchange(X25519PublicKey.from_public_bytes(self.key))
        wrap_key = derive_key(secret, share + self.key, _CLASSICAL_INFO)
        body = ChaCha20Poly1305(wrap_key).encrypt(_WRAP_NONCE, file_key, None)
        return Stanza(CLASSICAL, (encode_base64_raw(share),), body)

    def __str__(self) -> str:
        return encode_bech32(_CLASSICAL_HRP, self.key)

    def __repr__(self) -> str:
        return f"X25519Recipient({self})"


@dataclass(frozen=True, slots=True, repr=False)
class HybridIdentity:
    """A seed of 32 bytes, from which both secret keys are made. `secret_text` is its text form."""

    seed: bytes
    kind: ClassVar[str] = HYBRID
    _key: MLKEM768X25519PrivateKey = field(init=False, compare=False)
    _recipient: HybridRecipient = field(init=False, compare=False)

    def __post_init__(self) -> None:
        expanded = hashlib.shake_256(_sized(self.seed, SEED_SIZE)).digest(_MLKEM_SEED_SIZE + SEED_SIZE)
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
        return encode_bech32(_HYBRID_SECRET_HRP.lower(), self.seed).upper()

    def unwrap(self, stanzas: Iterable[Stanza]) -> bytes | None:
        """Find the file key, or None. Raises HeaderError if a hybrid stanza is malformed."""
        for stanza in stanzas:
            if stanza.type != HYBRID:
                continue
            enc = _parse_share(stanza, _ENC_SIZE)
            try:
                return _SUITE.decrypt(enc + stanza.body, self._key, _HYBRID_INFO)
            except InvalidTag:
                if _is_low_order(enc[-_SHARE_SIZE:]):
                    raise HeaderError("an age stanza with an X25519 share of low order") from None
        return None

    def __reduce__(self) -> tuple[type[HybridIdentity], tuple[bytes]]:
        return HybridIdentity, (self.seed,)

    def __repr__(self) -> str:
        return "HybridIdentity(...)"


@dataclass(frozen=True, slots=True, repr=False)
class X25519Identity:
    """An X25519 secret key of 32 bytes. `secret_text` is its text form."""

    seed: bytes
    kind: ClassVar[str] = CLASSICAL
    _key: X25519PrivateKey = field(init=False, compare=False)
    _recipient: X25519Recipient = field(init=False, compare=False)

    def __post_init__(self) -> None:
        key = X25519PrivateKey.from_private_bytes(_sized(self.seed, SEED_SIZE))
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
        return encode_bech32(_CLASSICAL_SECRET_HRP.lower(), self.seed).upper()

    def unwrap(self, stanzas: Iterable[Stanza]) -> bytes | None:
        """Find the file key, or None. Raises HeaderError if an X25519 stanza is malformed."""
        for stanza in stanzas:
            if stanza.type != CLASSICAL:
                continue
            share = _parse_share(stanza, _SHARE_SIZE)
            if _is_low_order(share):
                raise HeaderError("an age stanza with an X25519 share of low order")
            secret = self._key.exchange(X25519PublicKey.from_public_bytes(share))
            wrap_key = derive_key(secret, share + self._recipient.key, _CLASSICAL_INFO)
            file_key = _unwrap(wrap_key, stanza.body)
            if file_key is not None:
                return file_key
        return None

    def __reduce__(self) -> tuple[type[X25519Identity], tuple[bytes]]:
        return X25519Identity, (self.seed,)

    def __repr__(self) -> str:
        return "X25519Identity(...)"


@dataclass(frozen=True, slots=True, repr=False)
class Passphrase:
    """A passphrase, recipient and identity in one. `work_factor`: log2 of scrypt's N, for sealing."""

    text: str
    work_factor: int = DEFAULT_WORK_FACTOR
    kind: ClassVar[str] = SCRYPT

    def __post_init__(self) -> None:
        if not self.text:
            raise PassphraseError("the passphrase is empty")
        if not 1 <= self.work_factor <= MAX_WORK_FACTOR:
            raise PassphraseError(f"a work factor outside 1 to {MAX_WORK_FACTOR}")

    def wrap(self, file_key: bytes) -> Stanza:
        """Wrap a file key of 16 bytes."""
        salt = os.urandom(_SALT_SIZE)
        body = ChaCha20Poly1305(self._wrap_key(salt, self.work_factor)).encrypt(_WRAP_NONCE, file_key, None)
        return Stanza(SCRYPT, (encode_base64_raw(salt), str(self.work_factor)), body)

    def unwrap(self, stanzas: Iterable[Stanza]) -> bytes | None:
        """Find the file key, or None. Raises HeaderError on a malformed stanza or too high a work factor."""
        for stanza in stanzas:
            if stanza.type != SCRYPT:
                continue
            salt, work_factor = _parse_scrypt(stanza)
            file_key = _unwrap(self._wrap_key(salt, work_factor), stanza.body)
            if file_key is not None:
                return file_key
        return None

    def _wrap_key(self, salt: bytes, work_factor: int) -> bytes:
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

        try:
            secret = self.text.encode()
        except UnicodeEncodeError:
            raise PassphraseError("the passphrase is not Unicode text") from None
        return Scrypt(salt=_SCRYPT_SALT + salt, length=32, n=1 << work_factor, r=8, p=1).derive(secret)

    def __repr__(self) -> str:
        return "Passphrase(...)"


def parse_recipient(text: str) -> HybridRecipient | X25519Recipient:
    """Parse `age1pq1...` or `age1...`, and check the key. Raises KeyFormatError."""
    hrp, data = _decode_key(text)
    recipient: HybridRecipient | X25519Recipient
    match hrp, text.islower():
        case "age1pq", True:
            recipient = HybridRecipient.from_bytes(data)
        case "age", True:
            recipient = X25519Recipient.from_bytes(data)
        case _:
            raise KeyFormatError("not an age recipient of a kind supported here", hint="they begin with age1")
    recipient.check()
    return recipient


def parse_identity(text: str) -> HybridIdentity | X25519Identity:
    """Parse `AGE-SECRET-KEY-PQ-1...` or `AGE-SECRET-KEY-1...`. Raises KeyFormatError."""
    hrp, data = _decode_key(text)
    match hrp, text.isupper():
        case "age-secret-key-pq-", True:
            return HybridIdentity(data)
        case "age-secret-key-", True:
            return X25519Identity(data)
        case _:
            raise KeyFormatError("not an age identity of a kind supported here")


def parse_identities(text: str) -> tuple[HybridIdentity | X25519Identity, ...]:
    """Parse an identity file: one a line, blank lines and lines that begin with `#` skipped.

    Raises KeyFormatError, which names the line and never quotes it.
    """
    identities = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            identities.append(parse_identity(line.strip()))
        except KeyFormatError as error:
            raise KeyFormatError(f"line {number}: {error}", hint=error.hint) from None
    if not identities:
        raise KeyFormatError("no age identity in the file")
    return tuple(identities)


# Loading takes a fifth of the time of sealing, so that many files to one recipient gain by the cache;
# a loaded key takes 7 KB, so that the recipients of a large roster must not all keep theirs.
@lru_cache(maxsize=64)
def _load_hybrid(key: bytes) -> MLKEM768X25519PublicKey:
    try:
        mlkem = MLKEM768PublicKey.from_public_bytes(key[:_MLKEM_SIZE])
    except ValueError:
        raise KeyFormatError("not an ML-KEM-768 key") from None
    if _is_low_order(key[_MLKEM_SIZE:]):
        raise KeyFormatError("an X25519 key of low order, to which nothing can be sealed")
    return MLKEM768X25519PublicKey(mlkem, X25519PublicKey.from_public_bytes(key[_MLKEM_SIZE:]))


def _is_low_order(share: bytes) -> bool:
    return share[:-1] + bytes((share[-1] & 0x7F,)) in _LOW_ORDER  # X25519 ignores the top bit


def _sized(key: bytes, size: int) -> bytes:
    if len(key) != size:
        raise KeyFormatError(f"an age key of {len(key)} bytes where {size} are due")
    return key


def _decode_key(text: str) -> tuple[str, bytes]:
    try:
        return decode_bech32(text)
    except FormatError as error:
        raise KeyFormatError(f"the key is {error}") from None


def _decode_argument(text: str, size: int) -> bytes:
    try:
        return decode_base64_raw(text, size)
    except FormatError:
        raise HeaderError("a malformed argument of an age stanza") from None


def _check_body(stanza: Stanza, arguments: int) -> None:
    # The body's size comes before any decryption: a body that holds more than a file key could
    # be made to open under several passphrases (a partitioning oracle).
    if len(stanza.args) != arguments or len(stanza.body) != _BODY_SIZE:
        raise HeaderError("a malformed age stanza")


def _parse_share(stanza: Stanza, size: int) -> bytes:
    _check_body(stanza, 1)
    return _decode_argument(stanza.args[0], size)


def _parse_scrypt(stanza: Stanza) -> tuple[bytes, int]:
    _check_body(stanza, 2)
    salt = _decode_argument(stanza.args[0], _SALT_SIZE)
    try:
        work_factor = decode_decimal(stanza.args[1], MAX_WORK_FACTOR)
    except FormatError:
        raise HeaderError("an age stanza with a work factor that is malformed or too high") from None
    if not work_factor:
        raise HeaderError("an age stanza with a work factor of zero")
    return salt, work_factor


def _unwrap(wrap_key: bytes, body: bytes) -> bytes | None:
    try:
        return ChaCha20Poly1305(wrap_key).decrypt(_WRAP_NONCE, body, None)
    except InvalidTag:
        return None
