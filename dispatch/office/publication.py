"""What an office gives to everybody: a published message, its note, and the signed list of its register."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dispatch.errors import RefusedError
from dispatch.formats.note import RosterRef, parse_number
from dispatch.formats.statement import Statement, sign_statement
from keys.signed import encode_signed
from keys.trust import check_current

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dispatch.checks.opening import OpenedMessage
    from dispatch.formats.message import Message
    from dispatch.office.context import OfficeContext
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
        # like a note's date: a clock that runs behind uses the last one
        date=max(now, listed[-1].date),
        roster=RosterRef(roster.realm, roster.version, roster.digest),
        ids=tuple(entry.id for entry in listed),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What is disclosed of one dispatch. `title`: its issuer's, when it was issued.

    `line`: the message as it was signed. `note`: with its signatures. `audit`: for an auditor alone, the
    message and its secrets, with which the answers to a circular are recognised.
    """

    message: Message
    content: bytes
    copies: int
    title: str
    line: bytes
    note: bytes
    audit: bytes = field(repr=False)

    def name(self, ending: str) -> str:
        """Name a file of it: the `message`, the `note`, the `html` page, the `circular` for an auditor."""
        number = parse_number(self.message.number)
        return f"{number.handle}-{number.volume}-{number.ordinal}.{ending}"


def publish(opened: OpenedMessage, roster: Roster) -> Publication:
    """Take out of an opened dispatch what can be disclosed."""
    verified = opened.verified
    note = verified.note
    return Publication(
        message=opened.message,
        content=note.content,
        copies=note.copies.count,
        title=roster.office(opened.message.from_).title(note.roster.version),
        line=opened.line,
        note=encode_signed(verified.verified_note.signed_note.signed),
        audit=opened.line + opened.secrets_line,
    )


def signed_list(context: OfficeContext, volume: str | None) -> bytes:
    """Give the signed list of the ids of a volume of ours, by default the newest. Raises RefusedError."""
    check_current(context.trusted, context.now)
    entries = context.register.of(context.handle)
    statement = state_volume(entries, context.handle, volume, context.roster, context.now)
    return sign_statement(statement, [context.signing_key(context.roster.version)])
