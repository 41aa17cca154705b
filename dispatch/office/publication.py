"""What an office gives to everybody: a published message, its note, and the signed list of its register."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatch.errors import RefusedError
from dispatch.formats.note import RosterRef
from dispatch.formats.statement import Statement
from keys.signed import encode_signed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dispatch.checks.opening import OpenedMessage
    from dispatch.store import Dispatch
    from keys.roster import Roster


def state_volume(
    entries: Sequence[Dispatch], issuer: str, volume: str | None, roster: Roster, now: datetime
) -> Statement:
    """State a volume of a register, by default the newest. `entries`: its signed notes, in order.

    Raises RefusedError for a volume that is not there, or has a hole.
    """
    volumes = sorted({entry.number.volume for entry in entries})
    chosen = volume or (volumes[-1] if volumes else None)
    if chosen is None or chosen not in volumes:
        raise RefusedError(
            f"our register has no volume {volume}" if volume else "our register is empty",
            hint=f"it has: {', '.join(volumes)}" if volumes else "it begins with the first dispatch",
        )
    listed = [entry for entry in entries if entry.number.volume == chosen]
    if [entry.number.ordinal for entry in listed] != list(range(1, len(listed) + 1)):
        raise RefusedError(
            f"a dispatch of {issuer}/{chosen} is not signed yet, and later ones are",
            hint="the next `issue` or `receive` signs it",
        )
    return Statement(
        issuer=issuer,
        volume=chosen,
        date=now,
        roster=RosterRef(roster.realm, roster.version, roster.digest),
        ids=tuple(entry.id for entry in listed),
    )


def published_names(opened: OpenedMessage) -> tuple[str, str, str, str]:
    """Name the files of a publication: message, note, page, and what an auditor gets besides."""
    number = opened.verified.note.number
    stem = f"{number.handle}-{number.volume}-{number.ordinal}"
    return f"{stem}.message", f"{stem}.note", f"{stem}.html", f"{stem}.circular"


def note_file(opened: OpenedMessage) -> bytes:
    """Give the note with its signatures."""
    return encode_signed(opened.verified.verified_note.signed_note.signed)
