"""Recipients and identities of age files, and their text forms (C2SP age.md, "Native recipient types").

    mlkem768x25519   hybrid.py   safe against quantum computers; the default
    X25519           x25519.py   classical
    scrypt           scrypt.py   a passphrase

A recipient wraps a file key into a stanza; an identity unwraps it. Both are frozen, can
be pickled, and show no secret in `repr`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

from keys.age.hybrid import HYBRID_HRP, HYBRID_SECRET_HRP, HybridIdentity, HybridRecipient
from keys.age.x25519 import CLASSICAL_HRP, CLASSICAL_SECRET_HRP, X25519Identity, X25519Recipient
from keys.codec import decode_bech32
from keys.errors import FormatError, KeyFormatError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keys.age.header import Stanza


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


def parse_recipient(text: str) -> HybridRecipient | X25519Recipient:
    """Parse `age1pq1...` or `age1...`, and check the key. Raises KeyFormatError."""
    hrp, data = _decode_key(text)
    recipient: HybridRecipient | X25519Recipient
    if hrp == HYBRID_HRP and text.islower():
        recipient = HybridRecipient.from_bytes(data)
    elif hrp == CLASSICAL_HRP and text.islower():
        recipient = X25519Recipient.from_bytes(data)
    else:
        raise KeyFormatError("not an age recipient of a kind supported here", hint="they begin with age1")
    recipient.check()
    return recipient


def parse_identity(text: str) -> HybridIdentity | X25519Identity:
    """Parse `AGE-SECRET-KEY-PQ-1...` or `AGE-SECRET-KEY-1...`. Raises KeyFormatError."""
    hrp, data = _decode_key(text)
    if hrp == HYBRID_SECRET_HRP and text.isupper():
        return HybridIdentity(data)
    if hrp == CLASSICAL_SECRET_HRP and text.isupper():
        return X25519Identity(data)
    raise KeyFormatError(
        "not an age identity of a kind supported here", hint="they begin with AGE-SECRET-KEY"
    )


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


def _decode_key(text: str) -> tuple[str, bytes]:
    try:
        return decode_bech32(text)
    except FormatError as error:
        raise KeyFormatError(f"the key is {error}") from None
