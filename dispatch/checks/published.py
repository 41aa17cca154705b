"""Disclosure: a message as it was signed, with its note, for anybody to check.

The message line holds the digest of the secrets, and none of them: who publishes it discloses that
line and no more. An auditor who is to judge duties gets the secrets line too, by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dispatch.checks.opening import check_right, check_said, copies_of
from dispatch.errors import DigestError
from dispatch.formats.message import content_digest, parse_message

if TYPE_CHECKING:
    from dispatch.checks.verifier import VerifiedNote
    from dispatch.formats.message import Message
    from keys.roster import Roster


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A message that a verified note commits to."""

    verified: VerifiedNote
    message: Message


def verify_content(line: bytes, verified: VerifiedNote, roster: Roster) -> Published:
    """Check that a message line is what a verified note commits to, and steps 9 and 10 as a receiver does.

    Raises DigestError, MessageError, StatementError, RefusedError.
    """
    note = verified.signed_note.note
    if content_digest(line) != note.content:
        raise DigestError(f"this text is not the one that {note.number} commits to")
    message = parse_message(line)
    check_said(message, note)
    copies_of(message, note, roster)
    check_right(message, note, roster)
    return Published(verified=verified, message=message)
