"""OpenSSH's containers: the armor around keys and signatures, the private key file.

Source: OpenSSH PROTOCOL.key, sshbuf-misc.c and sshkey.c. Grammar and cipher only: what
a key is, `keys.signing` knows. Accepted is exactly what ssh-keygen writes: base64 at
70 columns, LF line ends, one key, minimal padding, nothing after it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from keys.codec import decode_base64, encode_base64, get_string, get_u32, put_string, put_u32
from keys.errors import ArmorError, FormatError, KeyFormatError, PassphraseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.ciphers import Cipher

MAX_PRIVATE = 32 * 1024
"""Cap on a private key file, in bytes."""

MAX_ROUNDS = 1024
"""Cap on the rounds of bcrypt: ssh-keygen writes 16 or 24, and a file must not hang us."""

_CHECK = 8
_COLUMNS = 70
_LABEL = "OPENSSH PRIVATE KEY"
_MAGIC = b"openssh-key-v1\0"
_ROUNDS = 24
_SALT = 16
_DEFAULT_CIPHER = b"aes256-ctr"
_KEY = 32
# Name: (block, IV, tag) in bytes; every one of them takes a key of 32 bytes.
_CIPHERS = {
    b"none": (8, 0, 0),
    b"aes256-ctr": (16, 16, 0),  # the default since OpenSSH 7.6
    b"aes256-cbc": (16, 16, 0),  # the default before
    b"aes256-gcm@openssh.com": (16, 12, 16),
}


def encode_armor(label: str, data: bytes) -> bytes:
    """Wrap `data` between the lines BEGIN and END `label`, base64 at 70 columns."""
    text = encode_base64(data)
    lines = [text[start : start + _COLUMNS] for start in range(0, len(text), _COLUMNS)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode("ascii")


def decode_armor(label: str, text: bytes | str, maximum: int) -> bytes:
    """Decode what `encode_armor` writes, and only that, of at most `maximum` bytes.

    Raises ArmorError.
    """
    if len(text) > maximum:
        raise ArmorError("armor too long")
    try:
        raw = text.encode("ascii") if isinstance(text, str) else bytes(text)
    except UnicodeEncodeError:
        raise ArmorError("armor with characters outside ASCII") from None
    begin, end = f"-----BEGIN {label}-----\n".encode("ascii"), f"\n-----END {label}-----\n".encode("ascii")
    if not (raw.startswith(begin) and raw.endswith(end)):
        raise ArmorError("armor without its BEGIN or END line")
    # A line end stands in every 71st place, not in the last one, and nowhere else. Encoding
    # again to compare would say the same, but verifying many signatures waits for this.
    body = raw[len(begin) : -len(end)]
    breaks = body[_COLUMNS :: _COLUMNS + 1]
    if breaks.strip(b"\n") or body.count(b"\n") != len(breaks) or not len(body) % (_COLUMNS + 1):
        raise ArmorError("armor that is not wrapped at 70 columns")
    try:
        return decode_base64(body.replace(b"\n", b""))
    except FormatError:
        raise ArmorError("armor that is not canonical base64") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A private key file, parsed and still locked. `public`: the key blob it names."""

    public: bytes
    cipher: bytes
    salt: bytes = field(repr=False)
    rounds: int
    sealed: bytes = field(repr=False)
    tag: bytes = field(repr=False)

    @property
    def protected(self) -> bool:
        """Whether a passphrase protects it."""
        return self.cipher != b"none"


def parse_container(text: bytes | str) -> Container:
    """Parse a private key file (PROTOCOL.key, section 1). Raises KeyFormatError."""
    try:
        return _parse_container(decode_armor(_LABEL, text, MAX_PRIVATE))
    except KeyFormatError:
        raise
    except FormatError as error:
        raise KeyFormatError(f"not an OpenSSH private key: {error}") from None


def _parse_container(data: bytes) -> Container:
    if not data.startswith(_MAGIC):
        raise KeyFormatError("not an OpenSSH private key")
    cipher, rest = get_string(data[len(_MAGIC) :])
    kdf, rest = get_string(rest)
    options, rest = get_string(rest)
    salt, rounds = _parse_kdf(cipher, kdf, options)
    count, rest = get_u32(rest)
    if count != 1:
        raise KeyFormatError("a private key file of more than one key, or none")
    public, rest = get_string(rest)
    sealed, tag = get_string(rest)
    block, _, tag_size = _CIPHERS[cipher]
    if not sealed or len(sealed) % block or len(tag) != tag_size:
        raise KeyFormatError("a private key file of the wrong length")
    return Container(public=public, cipher=cipher, salt=salt, rounds=rounds, sealed=sealed, tag=tag)


def _parse_kdf(cipher: bytes, kdf: bytes, options: bytes) -> tuple[bytes, int]:
    """Check cipher and KDF against each other: `(salt, rounds)`. Raises FormatError."""
    if cipher not in _CIPHERS:
        raise KeyFormatError(
            "a private key under an unsupported cipher",
            hint="change it with: ssh-keygen -p -Z aes256-ctr -f FILE",
        )
    if cipher == b"none":
        if kdf != b"none" or options:
            raise KeyFormatError("a private key with a KDF but no cipher")
        return b"", 0
    if kdf != b"bcrypt":
        raise KeyFormatError("a private key under an unsupported KDF")
    salt, rest = get_string(options)
    rounds, rest = get_u32(rest)
    if len(salt) != _SALT or not 1 <= rounds <= MAX_ROUNDS or rest:
        raise KeyFormatError("a private key with KDF options out of bounds")
    return salt, rounds


def open_container(container: Container, passphrase: str | None) -> bytes:
    """Unlock: what follows the check words, its padding included; see `check_padding`.

    Raises PassphraseError (none, or the wrong one) and KeyFormatError.
    """
    plain = container.sealed
    if container.protected:
        if not passphrase:
            raise PassphraseError("the private key is protected by a passphrase")
        plain = _decrypt(container, passphrase)
    if len(plain) < _CHECK or plain[: _CHECK // 2] != plain[_CHECK // 2 : _CHECK]:
        if container.protected:
            raise PassphraseError("wrong passphrase for the private key")
        raise KeyFormatError("a private key whose check words differ")
    return plain[_CHECK:]


def check_padding(container: Container, rest: bytes) -> None:
    """Demand that `rest` is the least padding 1, 2, 3 … Raises KeyFormatError."""
    block, _, _ = _CIPHERS[container.cipher]
    if len(rest) >= block or rest != bytes(range(1, len(rest) + 1)):
        raise KeyFormatError("a private key with wrong padding or trailing data")


def seal_container(
    public: bytes, fields: bytes, passphrase: str | None, random: Callable[[int], bytes]
) -> bytes:
    """Encode a private key file as ssh-keygen does: aes256-ctr, or none without a passphrase.

    `fields`: what stands between check words and padding. `random`: asked for the salt
    first and then for the check word, as OpenSSH asks. Raises PassphraseError.
    """
    protected = passphrase is not None
    cipher = _DEFAULT_CIPHER if protected else b"none"
    salt = random(_SALT) if protected else b""
    block, _, _ = _CIPHERS[cipher]
    plain = random(_CHECK // 2) * 2 + fields
    plain += bytes(range(1, -len(plain) % block + 1))
    options = put_string(salt) + put_u32(_ROUNDS) if protected else b""
    if passphrase is not None:
        key, iv = _derive(cipher, passphrase, salt, _ROUNDS)
        plain = _cipher(cipher, key, iv, b"").encryptor().update(plain)
    kdf = b"bcrypt" if protected else b"none"
    data = _MAGIC + put_string(cipher) + put_string(kdf) + put_string(options) + put_u32(1)
    return encode_armor(_LABEL, data + put_string(public) + put_string(plain))


def _derive(cipher: bytes, passphrase: str, salt: bytes, rounds: int) -> tuple[bytes, bytes]:
    """Derive `(key, IV)` by bcrypt_pbkdf (PROTOCOL.key, section 2). Raises PassphraseError."""
    import bcrypt

    try:
        secret = passphrase.encode()
    except UnicodeEncodeError:
        secret = b""
    if not secret or b"\0" in secret:  # OpenSSH would take the one for none, and cut the other
        raise PassphraseError("a passphrase that is empty or holds a NUL or a stray surrogate")
    _, size, _ = _CIPHERS[cipher]
    # ignore_few_rounds: 24 is what ssh-keygen takes; bcrypt warns below 50.
    derived = bcrypt.kdf(secret, salt, _KEY + size, rounds, ignore_few_rounds=True)
    return derived[:_KEY], derived[_KEY:]


def _cipher(name: bytes, key: bytes, iv: bytes, tag: bytes) -> Cipher[Any]:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    mode: modes.Mode
    match name:
        case b"aes256-ctr":
            mode = modes.CTR(iv)
        case b"aes256-cbc":
            mode = modes.CBC(iv)
        case _:
            mode = modes.GCM(iv, tag)
    return Cipher(algorithms.AES256(key), mode)


def _decrypt(container: Container, passphrase: str) -> bytes:
    """Decrypt the private section. Raises PassphraseError where the cipher can tell."""
    from cryptography.exceptions import InvalidTag

    key, iv = _derive(container.cipher, passphrase, container.salt, container.rounds)
    decryptor = _cipher(container.cipher, key, iv, container.tag).decryptor()
    try:
        return decryptor.update(container.sealed) + decryptor.finalize()
    except InvalidTag:
        raise PassphraseError("wrong passphrase for the private key") from None
