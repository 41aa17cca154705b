"""Sections 2 and 3: keys, signatures, signed texts."""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from tests.independent.text import (
    LIMITS,
    MALFORMED,
    NOT_GENUINE,
    RefusedError,
    base64_of,
    bytes_of,
    differ,
    need,
    sha256,
)

SIGNING = {True: "ssh-ed25519", False: "ssh-mldsa44-ed25519@openssh.com"}  # by `classical`
SEALING = {True: "X25519", False: "mlkem768x25519"}
KEY_SIZES = {"ssh-ed25519": 32, "ssh-mldsa44-ed25519@openssh.com": 1344, "X25519": 32, "mlkem768x25519": 1216}
# Section 2, Ed25519: the points of order 1, 2, 4 and 8, and both signs of those that have two.
FIELD = 2**255 - 19
ORDER_8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
SMALL_ORDER = {0, 1, FIELD - 1, ORDER_8, FIELD - ORDER_8}
SIGNATURE_SIZES = {"ssh-ed25519": 64, "ssh-mldsa44-ed25519@openssh.com": 2484}
LABEL = b"COMPSIG-MLDSA44-Ed25519-SHA512"
BEGIN, END = "-----BEGIN SSH SIGNATURE-----\n", "-----END SSH SIGNATURE-----\n"
BLOCK = re.compile(rf"{BEGIN}(?:[A-Za-z0-9+/=]{{1,70}}\n)+{END}")


def ssh_string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def ssh_strings(data: bytes, count: int) -> list[bytes]:
    """Split into exactly so many SSH strings."""
    found = []
    for _ in range(count):
        need(len(data) >= 4, MALFORMED, "an SSH string is cut off")
        size = 4 + int.from_bytes(data[:4])
        need(len(data) >= size, MALFORMED, "an SSH string is cut off")
        found.append(data[4:size])
        data = data[size:]
    need(not data, MALFORMED, "data after the last SSH string")
    return found


def is_signing_key(value: Any) -> bool:
    kind, _, encoded = str(value).partition(" ")
    if not isinstance(value, str) or kind not in SIGNING.values():
        return False
    named, key = ssh_strings(bytes_of(encoded), 2)
    return named == kind.encode() and len(key) == KEY_SIZES[kind] and is_strong_point(key[-32:])


def is_strong_point(point: bytes) -> bool:
    y = int.from_bytes(point, "little") & (1 << 255) - 1
    return y < FIELD and y not in SMALL_ORDER


def is_sealing_key(value: Any) -> bool:
    kind, _, encoded = str(value).partition(" ")
    return isinstance(value, str) and kind in SEALING.values() and bool(bytes_of(encoded, KEY_SIZES[kind]))


def fingerprint(key: str) -> str:
    """Take the fingerprint of a signing or of a sealing key (section 4)."""
    kind, _, encoded = key.partition(" ")
    data = bytes_of(encoded) if kind in SIGNING.values() else key.encode()
    return "SHA256:" + base64_of(sha256(data)).rstrip("=")


@dataclass(frozen=True)
class Signature:
    """One SSH SIGNATURE block."""

    key: str
    namespace: bytes
    hash_name: bytes
    value: bytes

    def verify(self, text: bytes, namespace: str) -> None:
        """Verify, over the bytes rebuilt with the namespace that is expected here."""
        kind, _, encoded = self.key.partition(" ")
        prefix = ssh_string(kind.encode()) + struct.pack(">I", SIGNATURE_SIZES[kind])
        value = self.value.removeprefix(prefix)
        need(self.namespace == namespace.encode(), NOT_GENUINE, "a signature for another purpose")
        need(self.hash_name == b"sha512", NOT_GENUINE, "a signature over another hash")
        alike = self.value.startswith(prefix) and len(value) == SIGNATURE_SIZES[kind]
        need(alike, NOT_GENUINE, "a signature of another type than its key")
        need(is_strong_point(value[-64:-32]), NOT_GENUINE, "a weak signature")
        fields = [namespace.encode(), b"", b"sha512", hashlib.sha512(text).digest()]
        signed = b"SSHSIG" + b"".join(map(ssh_string, fields))
        key = ssh_strings(bytes_of(encoded), 2)[1]
        try:
            if kind == SIGNING[False]:
                signed = b"CompositeAlgorithmSignatures2025" + LABEL + b"\0" + hashlib.sha512(signed).digest()
                MLDSA44PublicKey.from_public_bytes(key[:1312]).verify(value[:2420], signed, LABEL)
            Ed25519PublicKey.from_public_bytes(key[-32:]).verify(value[-64:], signed)
        except InvalidSignature as error:
            raise RefusedError(NOT_GENUINE, "a signature does not verify") from error


def armor(name: str, data: bytes, width: int) -> str:
    encoded = base64_of(data)
    lines = [encoded[at : at + width] for at in range(0, len(encoded), width)]
    return "\n".join([f"-----BEGIN {name}-----", *lines, f"-----END {name}-----", ""])


def read_block(block: str) -> Signature:
    data = bytes_of(block.removeprefix(BEGIN).removesuffix(END).replace("\n", ""))
    need(armor("SSH SIGNATURE", data, 70) == block, MALFORMED, "a signature is not in lines of 70")
    need(len(block) <= LIMITS["signature"], MALFORMED, "a signature is too large")
    need(data[:10] == b"SSHSIG\0\0\0\1", MALFORMED, "not SSHSIG version 1")
    key, namespace, reserved, hash_name, value = ssh_strings(data[10:], 5)
    need(
        hash_name in {b"sha512", b"sha256"} and not reserved, MALFORMED, "no known hash, or a reserved field"
    )
    need(re.fullmatch(rb"[!-~]{1,255}", namespace), MALFORMED, "no namespace")
    kind, _ = ssh_strings(key, 2)
    line = f"{kind.decode('ascii', 'replace')} {base64_of(key)}"
    need(is_signing_key(line), MALFORMED, "a signature by a key of no known type")
    return Signature(line, namespace, hash_name, value)


@dataclass(frozen=True)
class Signed:
    """A text and the signatures below it."""

    text: bytes
    signatures: list[Signature]

    def verify(self, namespace: str) -> list[str]:
        """Verify every signature and name their keys, which must differ."""
        for each in self.signatures:
            each.verify(self.text, namespace)
        keys = [each.key for each in self.signatures]
        need(differ(keys), NOT_GENUINE, "two signatures by one key")
        return keys


def read_signed(data: bytes, *, more: bool = False) -> tuple[Signed, str]:
    """Read a signed text, and what stands after it if something may."""
    head, _, tail = data.partition(b"\n\n")
    try:
        rest = tail.decode("ascii")
    except UnicodeDecodeError as error:
        raise RefusedError(MALFORMED, "not ASCII after the text") from error
    blocks = []
    while found := BLOCK.match(rest):
        blocks.append(read_block(found[0]))
        rest = rest[found.end() :]
    need(1 <= len(blocks) <= 16, MALFORMED, "not 1 to 16 signatures")
    need(rest.startswith("\n") if more else not rest, MALFORMED, "not what stands after signatures")
    return Signed(head + b"\n", blocks), rest[1:]
