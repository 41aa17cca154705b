"""Age files (C2SP age.md, v1): this module is the whole API.

    encrypt, decrypt                  bytes in, bytes out
    encrypt_stream, decrypt_stream    file to file in flat memory
    check_sealed                      what shows of a file without a key
    encode_armor, decode_armor, decode_armor_canonical, ArmorReader, ArmorWriter
    parse_recipient, parse_identity, parse_identities, passphrase
    HybridIdentity, HybridRecipient, X25519Identity, X25519Recipient, Passphrase
    HYBRID, CLASSICAL, SCRYPT         the types of their stanzas
    hybrid_size                       the size of a file that is sealed to one hybrid recipient

Everything that a hostile file can cause is a `keys.errors.KeysError`.
"""

from __future__ import annotations

import os
from hmac import compare_digest
from typing import TYPE_CHECKING

from keys.age.armor import (
    MARK,
    MAX_WHITE_SPACE,
    WHITE_SPACE,
    ArmorReader,
    ArmorWriter,
    decode_armor,
    decode_armor_canonical,
    encode_armor,
)
from keys.age.files import Rejoined, read_full, write_full
from keys.age.header import (
    MAC_SIZE,
    MAGIC,
    MAX_HEADER_SIZE,
    Header,
    encode_header,
    encode_signed,
    find_header_end,
    parse_header,
)
from keys.age.hybrid import BLANK_STANZA, HYBRID, HybridIdentity, HybridRecipient
from keys.age.hybrid import check_stanza as check_hybrid
from keys.age.kdf import header_mac
from keys.age.recipients import Identity, Recipient, parse_identities, parse_identity, parse_recipient
from keys.age.scrypt import DEFAULT_WORK_FACTOR, SCRYPT, Passphrase
from keys.age.stream import (
    MIN_PAYLOAD,
    decrypt_payload,
    decrypt_payload_stream,
    encrypt_payload,
    encrypt_payload_stream,
    payload_size,
)
from keys.age.wrapping import FILE_KEY_SIZE
from keys.age.x25519 import CLASSICAL, X25519Identity, X25519Recipient
from keys.age.x25519 import check_stanza as check_classical
from keys.errors import HeaderError, HeaderMacError, NoMatchError, PassphraseError, PayloadError, StanzaError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from keys.age.files import Readable, Writable

__all__ = [
    "CLASSICAL",
    "HYBRID",
    "MAGIC",
    "SCRYPT",
    "ArmorReader",
    "ArmorWriter",
    "HybridIdentity",
    "HybridRecipient",
    "Identity",
    "Passphrase",
    "Recipient",
    "X25519Identity",
    "X25519Recipient",
    "check_sealed",
    "decode_armor",
    "decode_armor_canonical",
    "decrypt",
    "decrypt_stream",
    "encode_armor",
    "encrypt",
    "encrypt_stream",
    "hybrid_size",
    "parse_identities",
    "parse_identity",
    "parse_recipient",
    "passphrase",
]

_READ_SIZE = 64 * 1024
_HYBRID_HEADER_SIZE = len(encode_header(encode_signed((BLANK_STANZA,)), bytes(MAC_SIZE)))


def encrypt(plaintext: bytes, recipients: Sequence[Recipient]) -> bytes:
    """Seal to one or more recipients: a binary age file.

    Raises StanzaError for no recipient, or for kinds that may not be mixed: a passphrase
    stands alone, and a classical recipient would undo what hybrid ones are for.
    Raises KeyFormatError for a recipient that turns out to be no key.
    """
    header, file_key = _make_header(recipients)
    return header + encrypt_payload(file_key, plaintext)


def encrypt_stream(source: Readable, sink: Writable, recipients: Sequence[Recipient]) -> None:
    """Seal what `source` holds, of any size, into `sink`. Raises as `encrypt` does.

    For an armored file, make the sink an ArmorWriter.
    """
    header, file_key = _make_header(recipients)
    write_full(sink, header)
    encrypt_payload_stream(file_key, source, sink)


def decrypt(data: bytes, identities: Iterable[Identity], *, only: frozenset[str] | None = None) -> bytes:
    """Open a binary or armored age file.

    `only`: the file must have exactly one stanza, of one of these types, or StanzaError is
    raised before any key is tried. Without it any mixture is opened that the format allows.
    Raises ArmorError, HeaderError, NoMatchError, PassphraseError, HeaderMacError, PayloadError.
    """
    if not data.startswith(MAGIC) and data.lstrip(WHITE_SPACE).startswith(MARK):
        data = decode_armor(data)
    header, payload = parse_header(data)
    return decrypt_payload(_open_header(header, identities, only), payload)


def decrypt_stream(
    source: Readable, sink: Writable, identities: Iterable[Identity], *, only: frozenset[str] | None = None
) -> None:
    """Open what `source` holds, binary or armored, of any size, into `sink`.

    Raises as `decrypt` does. Only authentic data is written, but all that comes before an
    error: the caller must discard the output when this raises.
    """
    start = read_full(source, MAX_WHITE_SPACE + len(MARK))
    source = Rejoined(start, source)
    if not start.startswith(MAGIC) and start.lstrip(WHITE_SPACE).startswith(MARK):
        source = ArmorReader(source)
    start = _read_header(source)
    header, payload = parse_header(start)
    file_key = _open_header(header, identities, only)
    decrypt_payload_stream(file_key, Rejoined(bytes(payload), source), sink)


def check_sealed(data: bytes, kind: str) -> None:
    """Check what shows without a key: a binary age file with one well-formed stanza, of the type `kind`.

    `kind`: HYBRID or CLASSICAL. Raises HeaderError, StanzaError, PayloadError.
    """
    header, payload = parse_header(data)
    _check_policy(header, frozenset({kind}))
    (check_hybrid if kind == HYBRID else check_classical)(header.stanzas[0])
    if len(payload) < MIN_PAYLOAD:
        raise PayloadError("an age file without a payload")


def hybrid_size(size: int) -> int:
    """Give the exact size of a binary age file that holds `size` bytes for one hybrid recipient."""
    return _HYBRID_HEADER_SIZE + payload_size(size)


def passphrase(text: str, work_factor: int = DEFAULT_WORK_FACTOR) -> Passphrase:
    """Make a passphrase to seal to and to open with.

    `work_factor`: log2 of scrypt's N, 1 to 20, for sealing. Raises PassphraseError.
    """
    return Passphrase(text, work_factor)


def _make_header(recipients: Sequence[Recipient]) -> tuple[bytes, bytes]:
    """Wrap a new file key for all: `(header, file_key)`."""
    if not recipients:
        raise StanzaError("no recipient to seal to")
    kinds = {recipient.kind for recipient in recipients}
    if SCRYPT in kinds and len(recipients) > 1:
        raise StanzaError("a passphrase beside other recipients: it must stand alone")
    if HYBRID in kinds and len(kinds) > 1:
        raise StanzaError("a classical recipient beside hybrid ones: it would undo their protection")
    file_key = os.urandom(FILE_KEY_SIZE)
    signed = encode_signed(tuple(recipient.wrap(file_key) for recipient in recipients))
    return encode_header(signed, header_mac(file_key, signed)), file_key


def _read_header(source: Readable) -> bytes:
    """Read up to the end of the header and a little beyond; parsing finds out if there is none."""
    data = b""
    while find_header_end(data) < 0 and len(data) < MAX_HEADER_SIZE:
        piece = read_full(source, _READ_SIZE)
        data += piece
        if not piece or not data.startswith(MAGIC):
            break
    return data


def _open_header(header: Header, identities: Iterable[Identity], only: frozenset[str] | None) -> bytes:
    """Find the file key. 1 policy, 2 the format's own rule, 3 the keys, 4 the MAC."""
    if only is not None:
        _check_policy(header, only)
    types = [stanza.type for stanza in header.stanzas]
    if SCRYPT in types and len(types) > 1:
        raise HeaderError("a passphrase beside other recipients: it must stand alone")
    tried = set()
    for identity in identities:
        tried.add(identity.kind)
        file_key = identity.unwrap(header.stanzas)
        if file_key is None:
            continue
        if not compare_digest(header_mac(file_key, header.signed), header.mac):
            raise HeaderMacError("the header of the age file was altered")
        return file_key
    if SCRYPT in types:
        wrong = SCRYPT in tried
        raise PassphraseError("wrong passphrase" if wrong else "the age file is sealed with a passphrase")
    raise NoMatchError("no key at hand opens this age file", hint="is it for another key, or an older one?")


def _check_policy(header: Header, only: frozenset[str]) -> None:
    """Raise StanzaError unless the file has exactly one stanza, of one of these types."""
    if len(header.stanzas) != 1 or header.stanzas[0].type not in only:
        raise StanzaError("not sealed to exactly one recipient of an allowed kind")
