"""Open a verified copy, and check that message and note agree: FORMAT.md, section 14, steps 6 to 10."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from dispatch.checks.addressees import expand
from dispatch.checks.outside import check_is_age, demanded_stanza
from dispatch.errors import DigestError, NotForUsError, RefusedError, StatementError
from dispatch.formats.message import content_digest, parse_message
from dispatch.formats.plaintext import parse_plaintext, parse_secrets
from keys import age
from keys.codec import decode_base64, encode_base64
from keys.text import format_date

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dispatch.checks.addressees import Addressees
    from dispatch.checks.verifier import VerifiedEnvelope
    from dispatch.formats.message import Message
    from dispatch.formats.note import Note
    from dispatch.formats.plaintext import Secrets
    from keys.roster import Right, Roster


RIGHTS: Final[Mapping[str, Right]] = {"circular": "issue", "decision": "issue", "report": "report"}
"""The right that a kind of message needs; the others need none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedMessage:
    """What a verified envelope says, after steps 6 to 10. `line` and `secrets_line` are as signed."""

    verified: VerifiedEnvelope
    message: Message
    secrets: Secrets
    line: bytes
    secrets_line: bytes = field(repr=False)


def open_envelope(
    verified: VerifiedEnvelope, us: str, identities: Sequence[age.Identity], roster: Roster
) -> OpenedMessage:
    """Check steps 6 to 10, and of step 11 what needs no other dispatch; give the message.

    Raises NotForUsError, NoMatchError, StanzaError, HeaderMacError, PayloadError,
    DigestError, StatementError, MessageError, RefusedError.
    """
    note, copy = verified.note, verified.copy
    # 6: to is us
    if copy.to != us:
        raise NotForUsError(f"this copy is for {copy.to}, not for {us}")
    # 7: decrypts, exactly one stanza of the allowed type
    check_is_age(verified.body)
    only = frozenset({demanded_stanza(us, note.roster.version, roster)})
    plaintext = age.decrypt(verified.body, identities, only=only)
    # 8: both digests, then grammar
    line, secrets_line = parse_plaintext(plaintext)
    if content_digest(line) != note.content:
        raise DigestError("the text is not the one that was signed")
    message = parse_message(line)
    if encode_base64(sha256(secrets_line).digest()) != message.secrets:
        raise DigestError("the secrets are not those of this message")
    secrets = parse_secrets(secrets_line, message, len(line))
    # 9: message and note agree; the copies are exactly to, info and the issuer
    check_said(message, note)
    if copies_of(message, note, roster).copies[copy.index - 1] != copy.to:
        raise StatementError("the copies are not exactly those for the message's addressees")
    # 10: the issuer's right
    check_right(message, note, roster)
    # 11: the one rule that needs no other dispatch; the rest is in `answers`
    _check_receipts(message, note)
    return OpenedMessage(
        verified=verified, message=message, secrets=secrets, line=line, secrets_line=secrets_line
    )


def check_said(message: Message, note: Note) -> None:
    """Check that a message has the number, date and issuer of its note. Raises StatementError."""
    said = (message.number, message.date, message.from_)
    if said != (str(note.number), format_date(note.date), note.number.handle):
        raise StatementError("the message has another number or date than its note")


def copies_of(message: Message, note: Note, roster: Roster) -> Addressees:
    """Give who gets a message, as many as its note has copies. Raises StatementError."""
    try:
        found = expand(message.to, message.info, message.from_, roster, note.roster.version)
    except RefusedError as error:
        raise StatementError(f"the message's addressees: {error}") from None
    if note.copies.count != len(found.copies):
        raise StatementError("the copies are not exactly those for the message's addressees")
    return found


def check_right(message: Message, note: Note, roster: Roster) -> None:
    """Check that the issuer may send such a message, as of the version that its note names.

    Raises RefusedError.
    """
    right, issuer = RIGHTS.get(message.kind), note.number.handle
    if right is not None and right not in roster.office(issuer).rights(note.roster.version):
        raise RefusedError(f"{issuer} has no right to {right}")


def _check_receipts(message: Message, note: Note) -> None:
    listed = tuple(decode_base64(item.id) for item in message.items) if message.kind == "receipt" else ()
    if listed != note.receipts:
        raise RefusedError("the note's receipts are not those of its message")
