"""What the kinds of recipients share: the shape of their stanzas, and shares that must be refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from keys.codec import decode_base64_raw
from keys.errors import FormatError, HeaderError, KeyFormatError

if TYPE_CHECKING:
    from keys.age.header import Stanza

FILE_KEY_SIZE: Final = 16
SEED_SIZE: Final = 32
SHARE_SIZE: Final = 32

_BODY_SIZE = FILE_KEY_SIZE + 16  # with its tag

# A wrap key serves once, which is why its nonce may be fixed.
_NONCE = bytes(12)

# Every X25519 share that makes the shared secret zero, with the top bit clear: the points of small order,
# and the spellings of 0 and 1 beyond the prime.
_P = 2**255 - 19
_LOW_ORDER = frozenset(
    (
        *(u.to_bytes(SHARE_SIZE, "little") for u in (0, 1, _P - 1, _P, _P + 1)),
        bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    )
)


def sized(key: bytes, size: int) -> bytes:
    """Give `key` back if it has `size` bytes. Raises KeyFormatError."""
    if len(key) != size:
        raise KeyFormatError(f"an age key of {len(key)} bytes where {size} are due")
    return key


def is_low_order(share: bytes) -> bool:
    """Tell whether an X25519 share of 32 bytes makes every shared secret zero."""
    return share[:-1] + bytes((share[-1] & 0x7F,)) in _LOW_ORDER  # X25519 ignores the top bit


def decode_argument(text: str, size: int) -> bytes:
    """Decode a stanza argument that is base64 of `size` bytes. Raises HeaderError."""
    try:
        return decode_base64_raw(text, size)
    except FormatError:
        raise HeaderError("a malformed argument of an age stanza") from None


def check_body(stanza: Stanza, arguments: int) -> None:
    """Raise HeaderError unless the stanza has that many arguments, and a wrapped file key for its body.

    This comes before any decryption: a body that holds more than a file key could be made
    to open under several passphrases (a partitioning oracle).
    """
    if len(stanza.args) != arguments or len(stanza.body) != _BODY_SIZE:
        raise HeaderError("a malformed age stanza")


def parse_share(stanza: Stanza, size: int) -> bytes:
    """Give the one argument of a stanza, `size` bytes. Raises HeaderError."""
    check_body(stanza, 1)
    return decode_argument(stanza.args[0], size)


def seal_body(wrap_key: bytes, file_key: bytes) -> bytes:
    """Encrypt a file key with a wrap key that serves only once."""
    return ChaCha20Poly1305(wrap_key).encrypt(_NONCE, file_key, None)


def open_body(wrap_key: bytes, body: bytes) -> bytes | None:
    """Decrypt a file key, or give None if the wrap key is not the one."""
    try:
        return ChaCha20Poly1305(wrap_key).decrypt(_NONCE, body, None)
    except InvalidTag:
        return None
