"""What the register gives: its dispatches, their copies, and the next number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dispatch.errors import RefusedError
from dispatch.formats.envelope import Copy, SignedNote, parse_signed_note

if TYPE_CHECKING:
    from datetime import datetime

    from dispatch.formats.note import Head, Number


DispatchState = Literal["pending", "signed", "released", "received"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """One note of the record. `signatures`: the blocks one after another, or None.

    `first_seen`: when it was registered.
    """

    seq: int
    id: bytes
    number: Number
    date: datetime
    text: bytes
    signatures: bytes | None
    state: DispatchState
    directory: str | None
    first_seen: datetime

    def signed_note(self) -> SignedNote:
        """Give the note with its signatures. Raises RefusedError if it has none yet."""
        if self.signatures is None:
            raise RefusedError(
                f"{self.number} is not signed yet", hint="the next `issue` or `receive` signs it"
            )
        return parse_signed_note(self.text + b"\n" + self.signatures)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCopy:
    """One stored copy: of our own note any addressee's, of another office's note only ours.

    `body`: None if it is no longer kept.
    """

    index: int
    to: str
    after: Number | None
    digest: bytes
    proof: tuple[bytes, ...]
    body: bytes | None

    def place(self) -> Copy:
        """Give the copy's lines."""
        return Copy(index=self.index, to=self.to, after=self.after, body=self.digest, proof=self.proof)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allotment:
    """What a new dispatch gets: its number, its date, and the head that its note pins."""

    number: Number
    date: datetime
    head: Head
