"""Passphrases, each recipient and identity in one (C2SP age.md, "The scrypt recipient type")."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from keys.age.header import Stanza
from keys.age.wrapping import check_body, decode_argument, open_body, seal_body
from keys.codec import decode_decimal, encode_base64_raw
from keys.errors import FormatError, HeaderError, PassphraseError

if TYPE_CHECKING:
    from collections.abc import Iterable

SCRYPT: Final = "scrypt"

DEFAULT_WORK_FACTOR: Final = 18
"""Log2 of scrypt's N: 256 MiB and about a second, as with every other age."""

MAX_WORK_FACTOR: Final = 20
"""Log2 of scrypt's N that is accepted. The file asks for it, before anything in it is authentic: 20 is
1 GiB for a few seconds, what an office machine can spare; the 22 of the stock tool would be 4 GiB."""

_SALT_SIZE = 16
_SALT_PREFIX = b"age-encryption.org/v1/scrypt"


@dataclass(frozen=True, slots=True, repr=False)
class Passphrase:
    """A passphrase, recipient and identity in one. `work_factor`: log2 of scrypt's N, for sealing."""

    text: str
    work_factor: int = DEFAULT_WORK_FACTOR
    kind: ClassVar[str] = SCRYPT

    def __post_init__(self) -> None:
        if not self.text:
            raise PassphraseError("the passphrase is empty")
        try:
            self.text.encode()
        except UnicodeEncodeError:
            raise PassphraseError("the passphrase is not Unicode text") from None
        if not 1 <= self.work_factor <= MAX_WORK_FACTOR:
            raise PassphraseError(f"a work factor outside 1 to {MAX_WORK_FACTOR}")

    def wrap(self, file_key: bytes) -> Stanza:
        """Wrap a file key of 16 bytes."""
        salt = os.urandom(_SALT_SIZE)
        body = seal_body(self._wrap_key(salt, self.work_factor), file_key)
        return Stanza(SCRYPT, (encode_base64_raw(salt), str(self.work_factor)), body)

    def unwrap(self, stanzas: Iterable[Stanza]) -> bytes | None:
        """Find the file key, or None. Raises HeaderError on a malformed stanza or too high a work factor."""
        for stanza in stanzas:
            if stanza.type != SCRYPT:
                continue
            salt, work_factor = _parse_scrypt(stanza)
            file_key = open_body(self._wrap_key(salt, work_factor), stanza.body)
            if file_key is not None:
                return file_key
        return None

    def _wrap_key(self, salt: bytes, work_factor: int) -> bytes:
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

        scrypt = Scrypt(salt=_SALT_PREFIX + salt, length=32, n=1 << work_factor, r=8, p=1)
        try:
            return scrypt.derive(self.text.encode())
        except MemoryError:
            raise PassphraseError(f"no {1 << work_factor >> 10} MiB of memory for this passphrase") from None

    def __repr__(self) -> str:
        return "Passphrase(...)"


def _parse_scrypt(stanza: Stanza) -> tuple[bytes, int]:
    check_body(stanza, 2)
    salt = decode_argument(stanza.args[0], _SALT_SIZE)
    try:
        work_factor = decode_decimal(stanza.args[1], MAX_WORK_FACTOR)
    except FormatError:
        raise HeaderError("an age stanza with a work factor that is malformed or too high") from None
    if not work_factor:
        raise HeaderError("an age stanza with a work factor of zero")
    return salt, work_factor
