"""SSH signatures: blob, armor, signing and verifying with a namespace.

Source: OpenSSH PROTOCOL.sshsig and sshsig.c. Accepted is exactly what `ssh-keygen -Y
sign` writes for the key types of `keys.signing`: stricter than ssh-keygen's verifier.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from keys.codec import get_string, get_u32, put_string, put_u32
from keys.errors import FormatError, NamespaceError, UnlistedKeyError
from keys.opensshkey import decode_armor, encode_armor
from keys.signing import VerifyKey

if TYPE_CHECKING:
    from keys.signing import SigningKey

MAX_ARMORED = 8 * 1024
"""Cap on an armored signature, in bytes: a composite one takes 5.5 KiB."""

_LABEL = "SSH SIGNATURE"
_MAGIC = b"SSHSIG"
_VERSION = 1
_HASHES = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}
# OpenSSH takes any string; ours are plain, and foreign ones could carry terminal escapes.
_NAMESPACE = re.compile(r"[!-~]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A signature, parsed and not verified. `signature`: the SSH signature blob."""

    verify_key: VerifyKey
    namespace: str
    hash_algorithm: str
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedSignature:
    """What a signature that holds says: who signed, for what purpose, over which hash."""

    verify_key: VerifyKey
    namespace: str
    hash_algorithm: str


def sign(key: SigningKey, message: bytes, namespace: str, hash_algorithm: str = "sha512") -> bytes:
    """Sign `message` for `namespace`: armored, as `ssh-keygen -Y sign` prints it.

    `hash_algorithm`: sha512 or sha256. Raises FormatError for another, or for a
    namespace that is not 1 to 255 printable ASCII characters without spaces.
    """
    data = _signed_data(namespace, hash_algorithm, digest(message, hash_algorithm))
    return encode(
        Signature(
            verify_key=key.verify_key,
            namespace=namespace,
            hash_algorithm=hash_algorithm,
            signature=key.sign_raw(data),
        )
    )


def verify(
    signature: bytes | str, message: bytes, namespace: str, verify_key: VerifyKey
) -> VerifiedSignature:
    """Verify an armored signature by `verify_key` over `message` for `namespace`.

    Raises FormatError (ArmorError, KeyFormatError), NamespaceError, UnlistedKeyError
    if another key made it, SignatureError if it does not hold.
    """
    parsed = parse(signature)
    return verify_parsed(parsed, digest(message, parsed.hash_algorithm), namespace, verify_key)


def verify_parsed(
    signature: Signature, message_digest: bytes, namespace: str, verify_key: VerifyKey
) -> VerifiedSignature:
    """Verify a parsed signature, for who checks several over one message.

    `message_digest`: of the message, under the hash that the signature names; see
    `digest`. Raises as `verify` does.
    """
    # 1. The expected purpose, and the expected key.
    if signature.namespace != namespace:
        raise NamespaceError("a signature made for another purpose")
    if signature.verify_key != verify_key:
        raise UnlistedKeyError("a signature made by another key")
    # 2. The signed data is rebuilt from what is expected, never taken from the signature.
    data = _signed_data(namespace, signature.hash_algorithm, message_digest)
    # 3. The caller's instance verifies: it keeps its parsed key.
    verify_key.verify_raw(signature.signature, data)
    return VerifiedSignature(
        verify_key=verify_key, namespace=namespace, hash_algorithm=signature.hash_algorithm
    )


def digest(message: bytes, hash_algorithm: str = "sha512") -> bytes:
    """Hash a message as a signature demands. Raises FormatError for an unknown hash."""
    if hash_algorithm not in _HASHES:
        raise FormatError("a signature over an unsupported hash")
    return _HASHES[hash_algorithm](message).digest()


def parse(armored: bytes | str) -> Signature:
    """Parse an armored signature, at most 8 KiB, without verifying it.

    Raises ArmorError, KeyFormatError for a key type not supported, FormatError.
    """
    data = decode_armor(_LABEL, armored, MAX_ARMORED)
    if not data.startswith(_MAGIC):
        raise FormatError("not an SSH signature")
    version, rest = get_u32(data[len(_MAGIC) :])
    if version != _VERSION:
        raise FormatError("an SSH signature of an unknown version")
    blob, rest = get_string(rest)
    namespace, rest = get_string(rest)
    reserved, rest = get_string(rest)
    hash_algorithm, rest = get_string(rest)
    signature, rest = get_string(rest)
    if reserved or rest:
        raise FormatError("an SSH signature with reserved or trailing data")
    if hash_algorithm not in {b"sha256", b"sha512"}:
        raise FormatError("a signature over an unsupported hash")
    return Signature(
        verify_key=VerifyKey(blob=blob),
        namespace=_check_namespace(namespace.decode("ascii", "replace")),
        hash_algorithm=hash_algorithm.decode("ascii"),
        signature=signature,
    )


def encode(signature: Signature) -> bytes:
    """Armor a signature: base64 at 70 columns, LF line ends. Raises FormatError."""
    return encode_armor(
        _LABEL,
        _MAGIC
        + put_u32(_VERSION)
        + put_string(signature.verify_key.blob)
        + put_string(_check_namespace(signature.namespace).encode("ascii"))
        + put_string(b"")
        + put_string(signature.hash_algorithm.encode("ascii"))
        + put_string(signature.signature),
    )


def _check_namespace(namespace: str) -> str:
    if not _NAMESPACE.fullmatch(namespace):
        raise FormatError("a signature namespace that is empty or not plain ASCII")
    return namespace


def _signed_data(namespace: str, hash_algorithm: str, message_digest: bytes) -> bytes:
    """Encode what is signed (PROTOCOL.sshsig, section 3). Raises FormatError."""
    return (
        _MAGIC
        + put_string(_check_namespace(namespace).encode("ascii"))
        + put_string(b"")
        + put_string(hash_algorithm.encode("ascii"))
        + put_string(message_digest)
    )
