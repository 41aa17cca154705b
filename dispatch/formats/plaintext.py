"""The plaintext of a dispatch: the message line and the secrets line, padded (FORMAT.md, section 10)."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from dispatch.errors import MessageError
from dispatch.formats.message import Circular, Message
from keys import age
from keys.canonical import decode_canonical, encode_canonical
from keys.codec import decode_base64
from keys.errors import FormatError

MAX_SECRETS = 1024 * 1024
SMALLEST_PLAINTEXT = 1024
SLOT_KEY_SIZE = 32


class Secrets(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What only the addressees learn besides: the slot key, the attachments' identities."""

    format: Literal["dispatch-secrets/v1"]
    slot_key: str | None
    attachments: tuple[str, ...]
    padding: str


def padded_size(size: int) -> int:
    """Give the Padme size for a plaintext of `size` bytes, at least SMALLEST_PLAINTEXT.

    Nikitin et al., Reducing Metadata Leakage from Encrypted Files, 2019.
    """
    size = max(size, SMALLEST_PLAINTEXT)
    exponent = size.bit_length() - 1
    step = 1 << exponent - exponent.bit_length()
    return (size + step - 1) // step * step


def encode_secrets(secrets: Secrets, message_size: int) -> bytes:
    """Write the secrets line, padded for a message line of `message_size` bytes.

    A digest has one size, so the length of the message line is known before it.
    """
    bare = len(encode_canonical(secrets)) + message_size
    padded = Secrets(
        format=secrets.format,
        slot_key=secrets.slot_key,
        attachments=secrets.attachments,
        padding="0" * (padded_size(bare) - bare),
    )
    return encode_canonical(padded)


def parse_plaintext(plaintext: bytes) -> tuple[bytes, bytes]:
    """Split a plaintext into its message line and its secrets line. Raises MessageError."""
    end = plaintext.find(b"\n") + 1
    line, rest = plaintext[:end], plaintext[end:]
    if not line or not rest or rest.find(b"\n") != len(rest) - 1:
        raise MessageError("a plaintext is two lines, the message and the secrets")
    return line, rest


def parse_secrets(line: bytes, message: Message, message_size: int) -> Secrets:
    """Parse a secrets line and check that it fits its message. Raises MessageError."""
    if len(line) > padded_size(message_size + MAX_SECRETS) - message_size:
        raise MessageError("the secrets are too long")
    try:
        secrets = decode_canonical(line, Secrets)
        if secrets.slot_key is not None:
            decode_base64(secrets.slot_key, SLOT_KEY_SIZE)
    except FormatError as error:
        raise MessageError(f"the secrets: {error}") from None
    bare = message_size + len(line) - len(secrets.padding)
    if bare > message_size + MAX_SECRETS:
        raise MessageError("the secrets are too long")
    if secrets.padding != "0" * (padded_size(bare) - bare):
        raise MessageError("the padding is not what the length demands")
    if (secrets.slot_key is not None) != isinstance(message, Circular):
        raise MessageError("a slot key belongs to circulars, and to every circular")
    for identity in secrets.attachments:
        _check_identity(identity)
    if len(secrets.attachments) != len(message.attachments):
        raise MessageError("each attachment needs one identity")
    return secrets


def _check_identity(text: str) -> None:
    try:
        hybrid = age.parse_identity(text).kind == age.HYBRID and text.isupper()
    except FormatError:
        hybrid = False
    if not hybrid:
        raise MessageError("the identity of an attachment is none")
