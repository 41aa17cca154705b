"""Does a note whose signatures verify still stand? Steps 3 and 12 of FORMAT.md, section 14. Pure.

This is the one function that verify, open, read, receive, due, collate and audit ask. Marks and ends of keys
may come after a note was accepted, so it is asked each time, by the newest roster. An audit, which has many
notes to weigh against one another, finds its evidence in `audit/receipts.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from keys.errors import UnprovenError
from keys.soundness import Counted, count_signatures
from keys.text import format_date

if TYPE_CHECKING:
    from datetime import datetime

    from dispatch.formats.envelope import SignedNote
    from dispatch.formats.note import Number
    from keys.roster import Roster


class Evidence(Protocol):
    """What shows the age of notes."""

    def is_older(self, number: Number, note_id: bytes, moment: datetime) -> bool:
        """Tell whether a note is proven older than a moment."""


class NoEvidence:
    """What a verifier has that judges each file by itself."""

    def is_older(self, *_: object) -> bool:
        """Tell that nothing is proven."""
        return False


def check_stands(signed_note: SignedNote, roster: Roster, evidence: Evidence) -> Counted:
    """Demand that a note stands by the newest roster; give its signatures that count.

    `signed_note`: one whose signatures were verified. Raises CompromisedError, UnprovenError, EndedKeyError.
    """
    counted = count(signed_note, roster)
    moment = counted.forgeable_from
    number = signed_note.note.number
    if moment is not None and not evidence.is_older(number, signed_note.id, moment):
        raise UnprovenError(
            f"signed with a key that is compromised since {format_date(moment)}, and nothing here proves the "
            "note older: its date proves nothing"
        )
    return counted


def count(signed_note: SignedNote, roster: Roster) -> Counted:
    """Give the signatures of a note that count. Raises CompromisedError, EndedKeyError."""
    note = signed_note.note
    return count_signatures(
        roster,
        issuer=note.number.handle,
        version=note.roster.version,
        signers=(one.verify_key for one in signed_note.signed.parsed),
        date=note.date,
    )
