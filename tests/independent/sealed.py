"""Age files with one stanza (C2SP age.md), and age identities."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.independent.text import MALFORMED, NOT_GENUINE, NOT_OURS, RefusedError, bytes_of, need

if TYPE_CHECKING:
    from collections.abc import Iterable

SHARE_SIZES = {"X25519": 32, "mlkem768x25519": 1120}
BASE64 = rb"[A-Za-z0-9+/]"
STANZA = re.compile(rb"-> ([!-~]+(?: [!-~]+)*)\n((?:%b{64}\n)*%b{0,63}\n)" % (BASE64, BASE64))
HEADER = re.compile(
    rb"(?P<signed>age-encryption\.org/v1\n(?P<stanzas>(?:%b)+)---) (?P<mac>%b{43})\n"
    % (STANZA.pattern, BASE64)
)


def identity_of(text: str) -> tuple[str, bytes]:
    """Decode an age identity: the type of its stanza, and its 32 bytes."""
    prefix, _, data = text.lower().rpartition("1")
    kinds = {"age-secret-key-": "X25519", "age-secret-key-pq-": "mlkem768x25519"}
    alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    need(text.isupper() and prefix in kinds and {*data} <= {*alphabet}, MALFORMED, "not an age identity")
    fives = [alphabet.index(each) for each in data]
    check = 1
    for value in [*(ord(each) >> 5 for each in prefix), 0, *(ord(each) & 31 for each in prefix), *fives]:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    number = int("".join(f"{each:05b}" for each in fives[:-6]) or "0", 2)
    need(check == 1 and len(fives) == 58 and not number & 15, MALFORMED, "not an age identity")
    return kinds[prefix], (number >> 4).to_bytes(32)


def hkdf(secret: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, info).derive(secret)


def read_header(data: bytes) -> tuple[list[tuple[list[str], bytes]], bytes, bytes, bytes]:
    """Take an age file apart: stanzas (arguments, body), what the MAC is over, MAC, payload."""
    found = HEADER.match(data)
    if found is None:
        raise RefusedError(MALFORMED, "not an age file")
    parts = [
        (each[1].decode().split(" "), unpadded(each[2].replace(b"\n", b"")))
        for each in STANZA.finditer(found["stanzas"])
    ]
    return parts, found["signed"], unpadded(found["mac"]), data[found.end() :]


def unpadded(text: bytes) -> bytes:
    return bytes_of(text.decode() + "=" * (-len(text) % 4))


def unwrap(kind: str, secret: bytes, share: bytes, wrapped: bytes) -> bytes | None:
    """Open the stanza with an identity: the file key, or None if it is not for it."""
    try:
        if kind == "mlkem768x25519":
            seeds = hashlib.shake_256(secret).digest(96)
            halves = (
                MLKEM768PrivateKey.from_seed_bytes(seeds[:64]),
                X25519PrivateKey.from_private_bytes(seeds[64:]),
            )
            suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
            key = MLKEM768X25519PrivateKey(*halves)
            return suite.decrypt(share + wrapped, key, b"age-encryption.org/mlkem768x25519")
        private = X25519PrivateKey.from_private_bytes(secret)
        shared = private.exchange(X25519PublicKey.from_public_bytes(share))
        salt = share + private.public_key().public_bytes_raw()
        return ChaCha20Poly1305(hkdf(shared, salt, b"age-encryption.org/v1/X25519")).decrypt(
            bytes(12), wrapped, None
        )
    except InvalidTag:
        return None
    except ValueError as error:
        raise RefusedError(MALFORMED, "a share of low order") from error


def decrypt(data: bytes, kind: str, identities: Iterable[str]) -> bytes:
    """Open an age file that must have one stanza, of a type (step 7)."""
    stanzas, signed, mac, payload = read_header(data)
    need([arguments[0] for arguments, _ in stanzas] == [kind], NOT_GENUINE, "not one stanza of this type")
    [(arguments, wrapped)] = stanzas
    secrets = [secret for each, secret in map(identity_of, identities) if each == kind]
    need(secrets, NOT_OURS, "we have no key of this type")
    need(len(arguments) == 2 and len(wrapped) == 32, MALFORMED, "a malformed stanza")
    share = unpadded(arguments[1].encode())
    need(len(share) == SHARE_SIZES[kind], MALFORMED, "a malformed stanza")
    keys = [key for secret in secrets if (key := unwrap(kind, secret, share, wrapped))]
    need(keys, NOT_OURS, "none of our keys opens it")
    need(hmac.digest(hkdf(keys[0], b"", b"header"), signed, "sha256") == mac, NOT_GENUINE, "a wrong MAC")
    need(len(payload) >= 16, MALFORMED, "no payload")
    chunks = [payload[at : at + 65_552] for at in range(16, len(payload), 65_552)]
    need(chunks and (len(chunks) == 1 or len(chunks[-1]) > 16), NOT_GENUINE, "no last chunk")
    stream = ChaCha20Poly1305(hkdf(keys[0], payload[:16], b"payload"))
    try:
        nonces = [at.to_bytes(11) + bytes([at == len(chunks) - 1]) for at in range(len(chunks))]
        return b"".join(stream.decrypt(n, each, None) for n, each in zip(nonces, chunks, strict=True))
    except InvalidTag as error:
        raise RefusedError(NOT_GENUINE, "a wrong chunk") from error
