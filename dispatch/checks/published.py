"""Check a message that was published with its note: anybody can, without an envelope and without a key.

The message line contains only the digest of the secrets. So whoever publishes it discloses that line and
nothing else. An auditor who is to judge duties is given the secrets line besides.
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
    """Check that a verified note commits to a message line; then check steps 9 and 10 as a receiver does.

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
