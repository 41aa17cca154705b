"""A signed list of what an office has issued: the ids of one volume in order (FORMAT.md, section 7).

Whoever kept the list of last year, or any note that a correspondent received, can detect a rewriting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dispatch.errors import MalformedError, ProofError
from dispatch.formats.merkle import HASH_SIZE, leaf_hash, root
from dispatch.formats.note import MAX_DECIMAL, RosterRef, parse_volume
from keys.codec import decode_base64, decode_decimal, encode_base64
from keys.errors import FormatError
from keys.signed import SignedText, encode_signed, parse_signed, sign_text
from keys.text import format_date, parse_date, parse_handle

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from keys.signing import SigningKey

REGISTER_NAMESPACE = "dispatch-register"
MAX_STATEMENT = 64 * 1024 * 1024

_VERSION_LINE = "dispatch-register/v1"
_FIELDS = ("register", "date", "roster")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """The ids of the notes of one volume, in order. `roster`: the version by which its keys are judged."""

    issuer: str
    volume: str
    date: datetime
    roster: RosterRef
    ids: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedStatement:
    """A statement with its signatures, parsed and untrusted."""

    signed: SignedText
    statement: Statement


def encode_statement(statement: Statement) -> bytes:
    """Write a statement as the bytes that are signed."""
    head, roster = root(map(leaf_hash, statement.ids)), statement.roster
    lines = [
        _VERSION_LINE,
        f"register: {statement.issuer}/{statement.volume} {len(statement.ids)} {encode_base64(head)}",
        f"date: {format_date(statement.date)}",
        f"roster: {roster.realm}/{roster.version} {encode_base64(roster.digest)}",
        *(f"id: {encode_base64(note_id)}" for note_id in statement.ids),
    ]
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def sign_statement(statement: Statement, keys: Iterable[SigningKey]) -> bytes:
    """Sign a statement; give the file."""
    text = encode_statement(statement)
    signatures = tuple(sign_text(text, key, REGISTER_NAMESPACE) for key in keys)
    return encode_signed(SignedText(text=text, signatures=signatures))


def parse_statement(data: bytes) -> SignedStatement:
    """Parse a statement, at most MAX_STATEMENT bytes. Raises MalformedError, FormatError, ProofError."""
    signed = parse_signed(data, max_text=MAX_STATEMENT)
    try:
        statement, head = _parse(signed.text.decode("ascii"))
    except FormatError as error:
        raise MalformedError(f"the statement: {error}") from None
    except ValueError:  # characters, or numbers of fields, that no statement has
        raise MalformedError("the statement: a line of another form") from None
    if head != root(map(leaf_hash, statement.ids)):
        raise ProofError("the statement's ids do not have the root that it names")
    if encode_statement(statement) != signed.text:
        raise MalformedError("the statement is not in its canonical form")
    return SignedStatement(signed=signed, statement=statement)


def _parse(text: str) -> tuple[Statement, bytes]:
    version, *lines = text.split("\n")[:-1]
    if version != _VERSION_LINE:
        raise FormatError("another first line")
    pairs = [line.partition(": ") for line in lines]
    names = [name for name, _, _ in pairs]
    if names != [*_FIELDS, *["id"] * (len(names) - len(_FIELDS))]:
        raise FormatError("its lines are register, date, roster and then ids")
    values = [value for _, _, value in pairs]
    place, size, head = values[0].split(" ")
    issuer, volume = place.split("/")
    name, digest = values[2].split(" ")
    realm, number = name.split("/")
    ids = tuple(decode_base64(value, HASH_SIZE) for value in values[len(_FIELDS) :])
    if decode_decimal(size, MAX_DECIMAL) != len(ids):
        raise FormatError("another number of ids than it says")
    return Statement(
        issuer=parse_handle(issuer),
        volume=parse_volume(volume),
        date=parse_date(values[1]),
        roster=RosterRef(
            parse_handle(realm), decode_decimal(number, MAX_DECIMAL), decode_base64(digest, HASH_SIZE)
        ),
        ids=ids,
    ), decode_base64(head, HASH_SIZE)
