"""The register: every dispatch that an office issued or accepted, by number.

A dispatch of ours goes through three states, each stored in one transaction:

    pending     number allotted, note and copies stored, no signature yet
    signed      enough signatures stored, its files not all written yet
    released    every envelope file has been written once

After a crash a dispatch is in one of these states, and `unfinished` lists those to be finished.
What came in is `received`. Held and rejected files are not part of the register, see `waiting`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from dispatch.checks.continuity import HeldNote
from dispatch.errors import EquivocationError, RefusedError
from dispatch.formats.merkle import CompactRange, leaf_hash, root
from dispatch.formats.note import FIRST_HEAD, Head, Number, parse_note, parse_number
from dispatch.store.database import Database
from dispatch.store.records import Allotment, Dispatch, DispatchState, StoredCopy
from dispatch.store.waiting import WaitingFiles
from keys.text import format_date, parse_date

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from dispatch.checks.verifier import VerifiedEnvelope


class Register:
    """The register file at `path`, made if it is not there. Close it, or use it in `with`."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path)
        self._trees: dict[tuple[str, str], CompactRange] = {}
        self._voids: dict[str, tuple[int, dict[bytes, Number]]] = {}
        self.waiting = WaitingFiles(self._database)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def transaction(self) -> AbstractContextManager[None]:
        """Hold the register alone; everything inside is stored at the end, or nothing."""
        return self._database.transaction()

    # The way out

    def allot(self, issuer: str, now: datetime) -> Allotment:
        """Give the next number of `issuer`, inside a transaction; a new year begins a new volume.

        If the clock is behind the last dispatch, its date is used, since dates never decrease.
        """
        last = self._database.execute(
            "SELECT volume, ordinal, date FROM notes WHERE issuer = ? ORDER BY seq DESC LIMIT 1", (issuer,)
        ).fetchone()
        if last is None:
            return Allotment(number=Number(issuer, f"{now.year:04}", 1), date=now, head=FIRST_HEAD)
        volume, ordinal, date = last[0], last[1], max(now, parse_date(last[2]))
        head = Head(volume, ordinal, self.volume_root(issuer, volume))
        if int(volume[:4]) == date.year:
            return Allotment(number=Number(issuer, volume, ordinal + 1), date=date, head=head)
        return Allotment(number=Number(issuer, f"{date.year:04}", 1), date=date, head=head)

    def volume_root(self, issuer: str, volume: str) -> bytes:
        """Compute the root over the ids of a volume."""
        ids = self._database.execute(
            "SELECT id FROM notes WHERE issuer = ? AND volume = ? ORDER BY ordinal", (issuer, volume)
        )
        return root(leaf_hash(row[0]) for row in ids)

    def previous_to(self, issuer: str, handle: str) -> Number | None:
        """Give the number of the last dispatch of `issuer` to `handle`."""
        row = self._database.execute(
            "SELECT n.volume, n.ordinal FROM copies c JOIN notes n ON n.seq = c.note"
            " WHERE c.handle = ? AND n.issuer = ? ORDER BY c.note DESC LIMIT 1",
            (handle, issuer),
        ).fetchone()
        return Number(issuer, row[0], row[1]) if row else None

    def reserve(self) -> tuple[int, int]:
        """Give the row numbers of the next note and its first copy, inside a transaction."""
        note = self._database.execute("SELECT coalesce(max(seq), 0) + 1 FROM notes").fetchone()[0]
        copy = self._database.execute("SELECT coalesce(max(seq), 0) + 1 FROM copies").fetchone()[0]
        return note, copy

    def store_body(self, copy_seq: int, body: bytes) -> None:
        """Store one sealed body, inside the transaction that stores its note."""
        self._database.execute("INSERT INTO bodies (copy, data) VALUES (?, ?)", (copy_seq, body))

    def store_note(
        self,
        *,
        seq: int,
        note_id: bytes,
        number: Number,
        date: datetime,
        text: bytes,
        signatures: bytes | None,
        state: DispatchState,
        directory: str | None,
        now: datetime,
    ) -> None:
        """Store one note, inside a transaction."""
        self._database.execute(
            "INSERT INTO notes (seq, id, issuer, volume, ordinal, date, text, signatures, state, directory,"
            " first_seen) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (seq, note_id, *number, format_date(date), text, signatures, state, directory, format_date(now)),
        )

    def store_copies(self, note_seq: int, first_copy: int, copies: Iterable[StoredCopy]) -> None:
        """Store the copies of a note; their rows count from `first_copy`."""
        self._database.execute_many(
            "INSERT INTO copies (seq, note, position, handle, after, digest, proof)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    first_copy + copy.index - 1,
                    note_seq,
                    copy.index,
                    copy.to,
                    str(copy.after) if copy.after else None,
                    copy.digest,
                    b"".join(copy.proof),
                )
                for copy in copies
            ),
        )

    def store_attachments(self, note_seq: int, sealed: Iterable[bytes]) -> None:
        """Store which attachments belong to a note, by the SHA-256 of their age files."""
        rows = ((note_seq, digest) for digest in sealed)
        self._database.execute_many("INSERT OR IGNORE INTO attachments (note, sealed) VALUES (?, ?)", rows)

    def settle_receipts(self, ids: Iterable[bytes]) -> None:
        """Record that a dispatch of ours receipts these, inside the transaction that stores it."""
        self._database.execute_many(
            "DELETE FROM unreceipted WHERE note = (SELECT seq FROM notes WHERE id = ?)",
            ((note_id,) for note_id in ids),
        )

    def store_signatures(self, note_id: bytes, signatures: bytes) -> None:
        """Store the signatures of a pending note, which is then signed. Stored ones are not replaced."""
        with self.transaction():
            self._database.execute(
                "UPDATE notes SET signatures = ?, state = 'signed' WHERE id = ? AND state = 'pending'",
                (signatures, note_id),
            )

    def mark_released(self, note_id: bytes) -> None:
        """Record that every file of a signed note has been written."""
        with self.transaction():
            self._database.execute(
                "UPDATE notes SET state = 'released' WHERE id = ? AND state = 'signed'", (note_id,)
            )

    def unfinished(self) -> tuple[Dispatch, ...]:
        """List our notes that are pending or signed but not released, oldest first."""
        return self._entries("state IN ('pending', 'signed') ORDER BY seq")

    # The way in

    def receive(
        self,
        verified: VerifiedEnvelope,
        signatures: bytes,
        attachments: tuple[bytes, ...],
        now: datetime,
        *,
        wants_receipt: bool,
    ) -> bool:
        """Store a verified envelope, and if `wants_receipt` that a receipt is owed. True if it is new.

        Raises EquivocationError if another note has its number.
        """
        note, copy = verified.note, verified.copy
        with self.transaction():
            if self.has(note.number, verified.id):
                return False
            seq, copy_seq = self.reserve()
            self.store_note(
                seq=seq,
                note_id=verified.id,
                number=note.number,
                date=note.date,
                text=verified.verified_note.signed_note.signed.text,
                signatures=signatures,
                state="received",
                directory=None,
                now=now,
            )
            stored = StoredCopy(
                index=copy.index, to=copy.to, after=copy.after, digest=copy.body, proof=copy.proof, body=None
            )
            self.store_copies(seq, copy_seq - copy.index + 1, [stored])
            self.store_body(copy_seq, verified.body)
            self.store_attachments(seq, attachments)
            if wants_receipt:
                self._database.execute("INSERT INTO unreceipted (note) VALUES (?)", (seq,))
        return True

    def has(self, number: Number, note_id: bytes) -> bool:
        """Say whether a note is here. Raises EquivocationError if another note has its number."""
        known = self.find(number)
        if known is not None and known.id != note_id:
            raise EquivocationError(
                f"{number} was received before with another text: both are kept",
                hint="that office signed two dispatches with one number: compare with other offices",
            )
        return known is not None

    def before(self, number: Number) -> HeldNote | None:
        """Give the nearest note of the same office that is numbered before."""
        return self._held("(volume, ordinal) < (?, ?) ORDER BY volume DESC, ordinal DESC", number)

    def after(self, number: Number) -> HeldNote | None:
        """Give the nearest note of the same office that is numbered after."""
        return self._held("(volume, ordinal) > (?, ?) ORDER BY volume, ordinal", number)

    def _held(self, condition: str, number: Number) -> HeldNote | None:
        entries = self._entries(f"issuer = ? AND {condition} LIMIT 1", *number)
        return HeldNote(entries[0].id, parse_note(entries[0].text)) if entries else None

    def tree(self, issuer: str, volume: str, size: int) -> CompactRange | None:
        """Give the tree over the first ids of a volume; None if not all of them are here.

        What has been stored stays as it is, so that the tree need only grow.
        """
        tree = self._trees.get((issuer, volume))
        if tree is None or tree.size > size:
            tree = self._trees[issuer, volume] = CompactRange()
        query = (
            "SELECT ordinal, id FROM notes WHERE issuer = ? AND volume = ? AND ordinal > ? AND ordinal <= ?"
            " ORDER BY ordinal"
        )
        with self._database.translated():
            for ordinal, note_id in self._database.execute(query, (issuer, volume, tree.size, size)):
                if ordinal != tree.size + 1:
                    return None
                tree.append(leaf_hash(note_id))
        return tree if tree.size == size else None

    def unreceipted(self) -> tuple[Dispatch, ...]:
        """List what came in and no dispatch of ours has receipted yet, by issuer and number."""
        return self._entries("seq IN (SELECT note FROM unreceipted) ORDER BY issuer, volume, ordinal")

    # Looking things up

    def find(self, number: Number) -> Dispatch | None:
        """Find a note by number."""
        entries = self._entries("issuer = ? AND volume = ? AND ordinal = ?", *number)
        return entries[0] if entries else None

    def find_id(self, note_id: bytes) -> Dispatch | None:
        """Find a note by its id."""
        entries = self._entries("id = ?", note_id)
        return entries[0] if entries else None

    def voided_by(self, issuer: str, note_id: bytes) -> Number | None:
        """Give the note of an office that declares this one of its own never released.

        Its notes are read once, and then only those that have come since.
        """
        last, voids = self._voids.get(issuer, (0, {}))
        for entry in self._entries(
            "issuer = ? AND seq > ? AND instr(text, ?) ORDER BY seq", issuer, last, b"\nvoids: "
        ):
            last = entry.seq
            voids.update(dict.fromkeys(parse_note(entry.text).voids, entry.number))
        self._voids[issuer] = (last, voids)
        return voids.get(note_id)

    def get(self, number: Number) -> Dispatch:
        """Find a note by number. Raises RefusedError if it is not there."""
        entry = self.find(number)
        if entry is None:
            raise RefusedError(f"the register has no {number}", hint="`dispatch list` shows what it has")
        return entry

    def newest(self, limit: int, *, ours: bool | None = None) -> tuple[Dispatch, ...]:
        """List the newest notes first; only our own, only others', or (None) both."""
        condition = {None: "1", True: "state <> 'received'", False: "state = 'received'"}[ours]
        return self._entries(f"{condition} ORDER BY seq DESC LIMIT ?", limit)

    def all(self) -> tuple[Dispatch, ...]:
        """List every note that has been signed, in the order in which they were stored."""
        return self._entries("state <> 'pending' ORDER BY seq")

    def of(self, issuer: str) -> tuple[Dispatch, ...]:
        """List every signed note of one office, in order of number."""
        return self._entries("issuer = ? AND state <> 'pending' ORDER BY volume, ordinal", issuer)

    def receipting(self) -> tuple[Dispatch, ...]:
        """List every signed note that acknowledges others, in the order in which they were stored."""
        return self._entries("state <> 'pending' AND instr(text, ?) ORDER BY seq", b"\nreceipts: ")

    def own(self) -> tuple[Dispatch, ...]:
        """List all notes of ours that have been signed, oldest first."""
        return self._entries("state IN ('signed', 'released') ORDER BY seq")

    def copies(self, entry: Dispatch) -> Iterator[StoredCopy]:
        """Give the copies of a note in order, one at a time."""
        with self._database.translated():
            rows = self._database.execute(
                "SELECT c.position, c.handle, c.after, c.digest, c.proof, b.data FROM copies c"
                " LEFT JOIN bodies b ON b.copy = c.seq WHERE c.note = ? ORDER BY c.position",
                (entry.seq,),
            )
            for row in rows:
                yield _stored_copy(row)

    def copy_for(self, entry: Dispatch, handle: str) -> StoredCopy | None:
        """Give one office's copy of a note."""
        row = self._database.row(
            "SELECT c.position, c.handle, c.after, c.digest, c.proof, b.data FROM copies c"
            " LEFT JOIN bodies b ON b.copy = c.seq WHERE c.handle = ? AND c.note = ?",
            (handle, entry.seq),
        )
        return _stored_copy(row) if row else None

    def attachments(self, entry: Dispatch) -> tuple[bytes, ...]:
        """Give the SHA-256 of each age file that belongs to a note."""
        rows = self._database.rows("SELECT sealed FROM attachments WHERE note = ?", (entry.seq,))
        return tuple(row[0] for row in rows)

    def _entries(self, condition: str, *values: object) -> tuple[Dispatch, ...]:
        # every condition is a literal of this module
        columns = "seq, id, issuer, volume, ordinal, date, text, signatures, state, directory, first_seen"
        query = f"SELECT {columns} FROM notes WHERE {condition}"  # noqa: S608 - see above
        return tuple(
            Dispatch(
                seq=row[0],
                id=row[1],
                number=Number(row[2], row[3], row[4]),
                date=parse_date(row[5]),
                text=row[6],
                signatures=row[7],
                state=row[8],
                directory=row[9],
                first_seen=parse_date(row[10]),
            )
            for row in self._database.rows(query, values)
        )


def _stored_copy(row: tuple[int, str, str | None, bytes, bytes, bytes | None]) -> StoredCopy:
    proof = row[4]
    return StoredCopy(
        index=row[0],
        to=row[1],
        after=parse_number(row[2]) if row[2] else None,
        digest=row[3],
        proof=tuple(proof[start : start + 32] for start in range(0, len(proof), 32)),
        body=row[5],
    )
