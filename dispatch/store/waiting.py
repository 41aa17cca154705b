"""What came in and could not be accepted: held until it may be, or rejected and kept as evidence.

It is no part of the record. A file is found by the SHA-256 of its bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from dispatch.errors import INTEGRITY, RefusedError
from dispatch.formats.note import Number, parse_number
from keys.text import format_date, parse_date

if TYPE_CHECKING:
    from datetime import datetime

    from dispatch.store.database import Database

# How many files of one issuer may be held or kept as evidence.
MAX_WAITING: Final = 1000
# How many files of nobody knows whom may be held, and of how many bytes in all, with their names.
MAX_UNVERIFIED: Final = 100
MAX_UNVERIFIED_BYTES: Final = 3 * 1024 * 1024
# How many under one number are evidence enough, where there is no more room.
MAX_TWINS: Final = 3

HeldState = Literal["held", "rejected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A file that is held or was rejected, by the SHA-256 of its bytes, with the exit code of the reason.

    Nothing here comes out of a sealed body. `note_id`: of its note. `version`: of the roster that it names.
    `is_verified`: it is truly its issuer's (steps 2 to 5).
    """

    digest: bytes
    name: str
    number: Number
    note_id: bytes | None
    version: int
    is_verified: bool
    state: HeldState
    code: int
    first_seen: datetime


class WaitingFiles:
    """The files that wait, in the register's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, waiting: Waiting, file: bytes) -> None:
        """Keep a file that is held or rejected; of the same bytes again only what is said of them changes.

        Whoever can put files into the post can have unverified ones kept: of those the newest stay, as many
        as MAX_UNVERIFIED and MAX_UNVERIFIED_BYTES let. Raises RefusedError for an unverified file that is
        longer than all of them may be, and for one more verified file of an issuer that has MAX_WAITING here,
        unless it is one of the first that prove an equivocation.
        """
        size = len(file) + len(waiting.name.encode())
        if not waiting.is_verified and size > MAX_UNVERIFIED_BYTES:
            raise RefusedError(f"it cannot be checked yet, and is longer than {MAX_UNVERIFIED_BYTES} bytes")
        with self._database.transaction():
            kept = "SELECT count(*) FROM waiting WHERE issuer = ? AND verified AND digest <> ?"
            [count] = self._database.row(kept, (waiting.number.handle, waiting.digest))
            twins = "SELECT count(*) FROM waiting WHERE number = ? AND verified AND digest <> ?"
            [same] = self._database.row(twins, (str(waiting.number), waiting.digest))
            is_evidence = waiting.code == INTEGRITY and same < MAX_TWINS
            if waiting.is_verified and count >= MAX_WAITING and not is_evidence:
                raise RefusedError(
                    f"{MAX_WAITING} files of {waiting.number.handle} are held or rejected already"
                )
            if not waiting.is_verified:
                # before the new one comes, so that it takes their place in the file
                self._make_room(waiting.digest, size)
            self._database.execute(
                "INSERT INTO waiting (digest, name, file, issuer, number, id, version, verified, state, code,"
                " first_seen) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE"
                " SET verified = excluded.verified, state = excluded.state, code = excluded.code,"
                " first_seen = excluded.first_seen",
                (
                    waiting.digest,
                    waiting.name,
                    file,
                    waiting.number.handle,
                    str(waiting.number),
                    waiting.note_id,
                    waiting.version,
                    waiting.is_verified,
                    waiting.state,
                    waiting.code,
                    format_date(waiting.first_seen),
                ),
            )

    def _make_room(self, digest: bytes, size: int) -> None:
        """Drop the oldest unverified files, so that there is room for one of this digest and size."""
        self._database.execute(
            "DELETE FROM waiting WHERE seq IN (SELECT seq FROM"
            " (SELECT seq, row_number() OVER newest AS place, sum(length(file) + length(CAST(name AS BLOB)))"
            " OVER newest AS bytes FROM waiting WHERE NOT verified AND digest <> ?"
            " WINDOW newest AS (ORDER BY seq DESC)) WHERE place >= ? OR bytes > ?)",
            (digest, MAX_UNVERIFIED, MAX_UNVERIFIED_BYTES - size),
        )

    def drop(self, digest: bytes) -> None:
        """Forget a file that is kept no longer."""
        if self._database.row("SELECT 1 FROM waiting WHERE digest = ?", (digest,)) is None:
            return
        with self._database.transaction():
            self._database.execute("DELETE FROM waiting WHERE digest = ?", (digest,))

    def has(self, number: Number) -> bool:
        """Say whether a dispatch of this number, truly its issuer's, is held or was rejected."""
        query = "SELECT 1 FROM waiting WHERE number = ? AND verified LIMIT 1"
        return self._database.row(query, (str(number),)) is not None

    def rejected_twins(self, number: Number, note_id: bytes | None) -> list[bytes]:
        """Give the digests of rejected files, truly their issuer's, of other notes with this number."""
        query = "SELECT digest FROM waiting WHERE number = ? AND verified AND state = 'rejected' AND id <> ?"
        return [bytes(row[0]) for row in self._database.rows(query, (str(number), note_id))]

    def count(self, state: HeldState) -> int:
        """Count what is held or rejected."""
        [count] = self._database.row("SELECT count(*) FROM waiting WHERE state = ?", (state,))
        return int(count)

    def first_seen(self, digest: bytes) -> datetime | None:
        """Tell since when a file is held or rejected; None if it is neither."""
        row = self._database.row("SELECT first_seen FROM waiting WHERE digest = ?", (digest,))
        return parse_date(row[0]) if row else None

    def file(self, digest: bytes) -> bytes:
        """Give the bytes of a file that is held or was rejected."""
        return bytes(self._database.row("SELECT file FROM waiting WHERE digest = ?", (digest,))[0])

    def list(self, state: HeldState) -> tuple[Waiting, ...]:
        """List what is held or rejected, oldest first."""
        rows = self._database.rows(
            "SELECT digest, name, number, id, version, verified, state, code, first_seen"
            " FROM waiting WHERE state = ? ORDER BY seq",
            (state,),
        )
        return tuple(
            Waiting(
                digest=row[0],
                name=row[1],
                number=parse_number(row[2]),
                note_id=row[3],
                version=row[4],
                is_verified=bool(row[5]),
                state=row[6],
                code=row[7],
                first_seen=parse_date(row[8]),
            )
            for row in rows
        )
