"""Signing keys in OpenSSH's forms: `ssh-ed25519` and `ssh-mldsa44-ed25519@openssh.com`.

The second is the composite of draft-ietf-lamps-pq-composite-sigs as OpenSSH 10.5 has
it (ssh-mldsa-eddsa.c): ML-DSA-44 and Ed25519 over one representative of the message,
ML-DSA first in keys and signatures; both halves must hold. Public keys and signatures
are SSH strings (RFC 8709); private keys are files as ssh-keygen writes them.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from keys.codec import decode_base64, encode_base64, encode_base64_raw, get_string, put_string, put_u32
from keys.errors import FormatError, KeyFormatError, SignatureError
from keys.opensshkey import check_padding, open_container, parse_container, seal_container

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

ED25519 = "ssh-ed25519"
COMPOSITE = "ssh-mldsa44-ed25519@openssh.com"

MAX_LINE = 8 * 1024
"""Cap on a public key line, in characters."""

_SEED = 32  # of either algorithm
_ED25519_PUBLIC = 32
_ED25519_SIGNATURE = 64
_MLDSA_PUBLIC = 1312
_MLDSA_SIGNATURE = 2420
_LABEL = b"COMPSIG-MLDSA44-Ed25519-SHA512"
_PREFIX = b"CompositeAlgorithmSignatures2025" + _LABEL + b"\x00"  # the context is empty

# RFC 8032: y is the low 255 bits; a point of order 1, 2, 4 or 8 has one of these five.
_FIELD = 2**255 - 19
_ORDER_8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022
_SMALL_ORDER = frozenset({0, 1, _FIELD - 1, _ORDER_8, _FIELD - _ORDER_8})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """The sizes of a key type in bytes, and how its public and signature blobs begin."""

    name: str
    public: int
    seed: int
    signature: int
    public_prefix: bytes
    signature_prefix: bytes


def _form(name: str, public: int, seed: int, signature: int) -> _Form:
    prefix = put_string(name.encode("ascii"))
    return _Form(
        name=name,
        public=public,
        seed=seed,
        signature=signature,
        public_prefix=prefix + put_u32(public),
        signature_prefix=prefix + put_u32(signature),
    )


_FORMS = (
    _form(ED25519, _ED25519_PUBLIC, _SEED, _ED25519_SIGNATURE),
    _form(COMPOSITE, _MLDSA_PUBLIC + _ED25519_PUBLIC, 2 * _SEED, _MLDSA_SIGNATURE + _ED25519_SIGNATURE),
)


def _form_of_blob(blob: bytes) -> _Form:
    """Tell the type of a public key blob, its length checked. Raises KeyFormatError."""
    for form in _FORMS:
        if len(blob) == len(form.public_prefix) + form.public and blob.startswith(form.public_prefix):
            return form
    try:
        name, _ = get_string(blob)
    except FormatError:
        raise KeyFormatError("not an SSH public key") from None
    if name.startswith(b"sk-"):
        raise KeyFormatError("keys held on security keys (-sk) are not supported")
    if any(name == form.name.encode("ascii") for form in _FORMS):
        raise KeyFormatError("a public key of the wrong length")
    raise KeyFormatError("not a supported key type", hint=f"use {COMPOSITE} or {ED25519}")


def _check_point(point: bytes) -> None:
    """Refuse an Ed25519 public key that libsodium would never verify under.

    That is one not in canonical form, or of small order, under which a signature can
    hold for any message. Raises KeyFormatError. The full check for the main subgroup
    costs as much as a verification, and what it adds harms only the key's owner.
    """
    y = int.from_bytes(point, "little") & (1 << 255) - 1
    if y >= _FIELD or y in _SMALL_ORDER:
        raise KeyFormatError("a weak or non-canonical Ed25519 public key")


def _representative(data: bytes) -> bytes:
    """Encode what both halves of the composite sign: prefix, label, empty context, digest."""
    return _PREFIX + hashlib.sha512(data).digest()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class VerifyKey:
    """A public key. `blob`: its SSH wire form, checked here. Raises KeyFormatError.

    Equal and hashed by `blob`. The parsed ML-DSA key is kept with the instance, so
    reuse instances.
    """

    blob: bytes
    _form: _Form = field(init=False, compare=False)
    _mldsa: Any = field(init=False, compare=False, default=None)  # MLDSA44PublicKey, loaded when needed

    def __post_init__(self) -> None:
        object.__setattr__(self, "_form", _form_of_blob(self.blob))
        _check_point(self.blob[-_ED25519_PUBLIC:])

    def __repr__(self) -> str:
        return f"<VerifyKey {self.type} {self.fingerprint()}>"

    def __reduce__(self) -> tuple[Callable[[bytes], VerifyKey], tuple[bytes]]:
        """Pickle as the blob: the parsed key cannot travel to another process."""
        return parse_public_blob, (self.blob,)

    @property
    def type(self) -> str:
        """`ED25519` or `COMPOSITE`."""
        return self._form.name

    def fingerprint(self) -> str:
        """Return `SHA256:` and 43 characters, as `ssh-keygen -l` prints it."""
        return "SHA256:" + encode_base64_raw(hashlib.sha256(self.blob).digest())

    def line(self, comment: str = "") -> str:
        """Encode as an SSH public key line, without a line end. Raises KeyFormatError."""
        _check_comment(comment)
        return f"{self.type} {encode_base64(self.blob)}" + (f" {comment}" if comment else "")

    def verify_raw(self, signature: bytes, data: bytes) -> None:
        """Verify an SSH signature blob over `data`. Raises SignatureError."""
        prefix = self._form.signature_prefix
        if len(signature) != len(prefix) + self._form.signature or not signature.startswith(prefix):
            raise SignatureError("a signature of another type or length than its key")
        if self._form.name == COMPOSITE:
            data = _representative(data)
        # The cheaper half first; the composite holds only if neither raises.
        _verify_ed25519(self.blob[-_ED25519_PUBLIC:], signature[-_ED25519_SIGNATURE:], data)
        if self._form.name == COMPOSITE:
            self._verify_mldsa(signature[len(prefix) : -_ED25519_SIGNATURE], data)

    def _verify_mldsa(self, signature: bytes, data: bytes) -> None:
        from cryptography.exceptions import InvalidSignature

        key: MLDSA44PublicKey | None = self._mldsa
        if key is None:
            from cryptography.hazmat.primitives.asymmetric import mldsa

            public = self.blob[-_ED25519_PUBLIC - _MLDSA_PUBLIC : -_ED25519_PUBLIC]
            key = mldsa.MLDSA44PublicKey.from_public_bytes(public)
            object.__setattr__(self, "_mldsa", key)
        try:
            key.verify(signature, data, _LABEL)
        except InvalidSignature:
            raise SignatureError("the ML-DSA signature does not hold") from None


def _verify_ed25519(public: bytes, signature: bytes, data: bytes) -> None:
    from nacl import bindings
    from nacl.exceptions import BadSignatureError

    try:
        bindings.crypto_sign_open(signature + data, public)
    except BadSignatureError:
        raise SignatureError("the Ed25519 signature does not hold") from None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SigningKey:
    """A private key. `seed`: 32 secret bytes, or for `COMPOSITE` 32 of ML-DSA and 32 of Ed25519.

    Equal and hashed by its public half. Raises KeyFormatError.
    """

    type: str
    seed: bytes = field(compare=False)
    verify_key: VerifyKey = field(init=False)
    _ed25519: bytes = field(init=False, compare=False)
    _mldsa: Any = field(init=False, compare=False, default=None)  # MLDSA44PrivateKey of a composite key

    def __post_init__(self) -> None:
        from nacl import bindings

        if not any(form.name == self.type and form.seed == len(self.seed) for form in _FORMS):
            raise KeyFormatError("not a supported private key")
        public, secret = bindings.crypto_sign_seed_keypair(self.seed[-_SEED:])
        object.__setattr__(self, "_ed25519", secret)
        if self.type == COMPOSITE:
            from cryptography.hazmat.primitives.asymmetric import mldsa

            key = mldsa.MLDSA44PrivateKey.from_seed_bytes(self.seed[:_SEED])
            object.__setattr__(self, "_mldsa", key)
            public = key.public_key().public_bytes_raw() + public
        blob = put_string(self.type.encode("ascii")) + put_string(public)
        object.__setattr__(self, "verify_key", VerifyKey(blob=blob))

    def __repr__(self) -> str:
        return f"<SigningKey {self.type} {self.verify_key.fingerprint()}>"

    @classmethod
    def generate(cls, key_type: str = COMPOSITE, random: Callable[[int], bytes] = os.urandom) -> SigningKey:
        """Make a new key of `ED25519` or `COMPOSITE`. Raises KeyFormatError."""
        for form in _FORMS:
            if form.name == key_type:
                return cls(type=key_type, seed=random(form.seed))
        raise KeyFormatError("not a supported key type", hint=f"use {COMPOSITE} or {ED25519}")

    def sign_raw(self, data: bytes) -> bytes:
        """Sign `data`: an SSH signature blob. ML-DSA's part differs from time to time."""
        from nacl import bindings

        signature = b""
        if self._mldsa is not None:
            data = _representative(data)
            signature = self._mldsa.sign(data, _LABEL)
        signature += bindings.crypto_sign(data, self._ed25519)[:_ED25519_SIGNATURE]
        return put_string(self.type.encode("ascii")) + put_string(signature)


def parse_public_blob(blob: bytes) -> VerifyKey:
    """Parse an SSH public key blob (RFC 8709, section 4). Raises KeyFormatError."""
    return VerifyKey(blob=blob)


def parse_public(line: str) -> VerifyKey:
    """Parse one SSH public key line: type, base64, and perhaps a comment, which is dropped.

    One LF at the end is allowed, as the file of ssh-keygen has it. Raises KeyFormatError.
    """
    if len(line) > MAX_LINE:
        raise KeyFormatError("a public key line that is too long")
    name, _, rest = line.removesuffix("\n").partition(" ")
    encoded, _, comment = rest.partition(" ")
    _check_comment(comment)
    if name.startswith("sk-"):
        raise KeyFormatError("keys held on security keys (-sk) are not supported")
    try:
        key = VerifyKey(blob=decode_base64(encoded))
    except KeyFormatError:
        raise
    except FormatError:
        raise KeyFormatError("not an SSH public key line") from None
    if key.type != name:
        raise KeyFormatError("a public key line that names another type than its key")
    return key


def _check_comment(comment: str) -> None:
    """Demand one printable line: no controls, no bidi marks. Raises KeyFormatError."""
    if not comment.isprintable():
        raise KeyFormatError("a key comment that is not printable on one line")


def parse_private(text: bytes | str, passphrase: str | None = None) -> SigningKey:
    """Parse an OpenSSH private key file, as ssh-keygen writes it; see `parse_private_commented`."""
    return parse_private_commented(text, passphrase)[0]


def parse_private_commented(text: bytes | str, passphrase: str | None = None) -> tuple[SigningKey, str]:
    """Parse an OpenSSH private key file: `(key, comment)`.

    A passphrase is ignored where none is due. The comment is not authenticated: a file
    with another comment can hold the same key. Raises KeyFormatError; PassphraseError
    if the file is protected and the passphrase missing or wrong.
    """
    container = parse_container(text)
    # The type first, before anyone is asked for a passphrase.
    verify_key = parse_public_blob(container.public)
    key, comment, rest = _get_private(verify_key, open_container(container, passphrase))
    check_padding(container, rest)
    return key, comment


def _secret(key: SigningKey) -> bytes:
    """Encode the secret half: OpenSSH appends the public key to an Ed25519 seed."""
    return key.seed if key.type == COMPOSITE else key.seed + key.verify_key.blob[-_ED25519_PUBLIC:]


def _get_private(verify_key: VerifyKey, data: bytes) -> tuple[SigningKey, str, bytes]:
    """Split private key and comment off: `(key, comment, rest)`. Raises KeyFormatError."""
    # The public half stands again before the secret one, in the form of the blob.
    if not data.startswith(verify_key.blob):
        raise KeyFormatError("a private key file whose two public keys differ")
    try:
        secret, rest = get_string(data[len(verify_key.blob) :])
        comment, rest = get_string(rest)
        text = comment.decode()
    except (FormatError, UnicodeDecodeError):
        raise KeyFormatError("a private key that is cut off, or with a comment that is not UTF-8") from None
    _check_comment(text)
    form = _form_of_blob(verify_key.blob)
    key = SigningKey(type=form.name, seed=secret[: form.seed])
    if key.verify_key != verify_key or secret != _secret(key):
        raise KeyFormatError("a private key that does not belong to its public key")
    return key, text, rest


def encode_private(
    key: SigningKey,
    comment: str = "",
    passphrase: str | None = None,
    random: Callable[[int], bytes] = os.urandom,
) -> bytes:
    """Encode as an OpenSSH private key file (PROTOCOL.key), in clear without a passphrase.

    `random`: asked for the salt of a protected file, then for the check word. Raises
    KeyFormatError (comment), PassphraseError (an empty one: in clear needs None).
    """
    _check_comment(comment)
    public = key.verify_key.blob
    fields = public + put_string(_secret(key)) + put_string(comment.encode())
    return seal_container(public, fields, passphrase, random)
