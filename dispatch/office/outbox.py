"""The way out: message -> note -> copies -> register -> envelope files.

    outbox.issue(outgoing, ...)
        1  ready?      every addressee has a key, we have the right: or nothing is sealed
        2  attach      each attachment is sealed once, to a key of its own
        3  number      in one transaction of the register: the next number, the message,
                       a sealed copy for each addressee, the tree over them, the note: pending
        4  sign        outside it, if it is as we compose it: signed
        5  release     the envelope files: released

A crash after 3 loses nothing: `finish`, which `issue`, `receive` and `export` call, carries on from what the
register holds, with the same bytes.
"""

from __future__ import annotations

import os
from errno import EACCES
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dispatch.carriers.folder import unfinished_prefix, write_many
from dispatch.checks.continuity import is_ahead
from dispatch.errors import DispatchError, MessageError, StorageError
from dispatch.formats.envelope import (
    encode_envelope,
    file_name,
    leaf_data,
)
from dispatch.formats.merkle import Tree, leaf_hash
from dispatch.formats.message import (
    DIGEST_SIZE,
    MAX_ATTACHMENTS,
    SALT_SIZE,
    Circular,
    content_digest,
    encode_message,
)
from dispatch.formats.note import (
    Copies,
    Note,
    Number,
    RosterRef,
    encode_note,
    note_id,
    parse_note,
)
from dispatch.formats.plaintext import SLOT_KEY_SIZE, Secrets, encode_secrets
from dispatch.office.compose import message_of
from dispatch.office.pending import sign_pending
from dispatch.office.readiness import refuse_unless_ready
from dispatch.office.results import Issued
from dispatch.store import Allotment, StoredCopy
from dispatch.store.attachments import discard, seal_attachment, sealed_name, sealed_sizes, sweep, take_along
from dispatch.system.files import locked, make_folder
from dispatch.system.workers import map_parallel, no_progress
from keys import age
from keys.codec import decode_base64, encode_base64
from keys.errors import KeysError
from keys.signed import encode_signed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dispatch.office.compose import Outgoing
    from dispatch.office.context import OfficeContext
    from dispatch.store import Dispatch
    from dispatch.store.attachments import SealedAttachment
    from dispatch.system.workers import Progress
    from keys.age.recipients import Recipient


class Outbox:
    """The way out of one office's home, at one moment."""

    def __init__(self, context: OfficeContext) -> None:
        self._context = context
        self._register = context.register
        # what the last `finish` could not release; the next run tries again
        self.failed: dict[Number, DispatchError | KeysError | OSError] = {}
        # what `finish` has released of other runs' numbers: whoever repeats a killed `issue` has to know
        self.resumed: dict[Number, Issued] = {}
        self._numbered: set[Number] = set()

    def issue(
        self,
        outgoing: Outgoing,
        attachments: Sequence[Path],
        directory: Path,
        progress: Progress = no_progress,
    ) -> Issued:
        """Seal, number, sign and release one dispatch. Raises as its steps do."""
        recipients = refuse_unless_ready(outgoing, self._context)
        if len(attachments) > MAX_ATTACHMENTS:
            raise MessageError(f"more than {MAX_ATTACHMENTS} attachments")
        self._demand_ready(directory)
        sealed: list[SealedAttachment] = []
        try:
            for path in attachments:
                sealed += [seal_attachment(path, self._context.home.attachments)]
            number = self._number(outgoing, recipients, sealed, directory, progress)
        except BaseException:
            for item in sealed:
                discard(item, self._context.home.attachments)
            raise
        finished = self.finish()
        if number in finished:
            return finished[number]
        if number in self.failed:
            raise self.failed.pop(number)
        # another process of this home finished our dispatch; we write its files again and report them
        with locked(self._context.home.lock):
            return self._finish(self._register.get(number))

    def number(self, outgoing: Outgoing, directory: Path) -> Number:
        """Seal and number one dispatch; `finish` signs and releases it. Raises as these steps do."""
        recipients = refuse_unless_ready(outgoing, self._context)
        self._demand_ready(directory)
        return self._number(outgoing, recipients, (), directory, no_progress)

    def _demand_ready(self, directory: Path) -> None:
        """Raise, before anything is sealed or numbered, if our key or the folder cannot be used."""
        # a key that the roster does not list, or a wrong passphrase
        self._context.signing_key(self._context.roster.version)
        # a folder that cannot be written to
        _demand_text(directory)
        make_folder(directory)
        if not os.access(directory, os.W_OK):
            raise PermissionError(EACCES, os.strerror(EACCES), str(directory))

    def finish(self) -> dict[Number, Issued]:
        """Sign and release every unfinished dispatch, those of killed runs too.

        One that fails does not stop the others: its error goes into `failed`.
        """
        finished: dict[Number, Issued] = {}
        self.failed = {}
        if not self._register.unfinished():
            return finished
        # a passphrase is asked for before others have to wait for us
        self._context.signing_key(self._context.roster.version)
        with locked(self._context.home.lock):
            sweep(self._context.home.attachments, self._context.now)
            for entry in self._register.unfinished():
                try:
                    finished[entry.number] = self._finish(entry)
                except (DispatchError, KeysError, OSError) as error:
                    self.failed[entry.number] = error
        self.resumed |= {number: done for number, done in finished.items() if number not in self._numbered}
        return finished

    def export(self, numbers: Sequence[Number], directory: Path, *, notes: bool) -> tuple[Path, ...]:
        """Make the envelopes again, or bare notes; of all our own dispatches if no number is given.

        Every one is tried. Raises the first StorageError or OSError at the end.
        """
        self.finish()
        failed = None
        entries = [self._register.get(number) for number in numbers] or self._register.own()
        paths: list[Path] = []
        # one process of a home writes files at a time, see `write_many`
        with locked(self._context.home.lock):
            for entry in entries:
                try:
                    if notes:
                        bare = (file_name(entry.number, None), encode_signed(entry.signed_note().signed))
                        paths += write_many(directory, [bare], self._context.handle)
                        continue
                    paths += release(self._context, entry, directory)
                    # what could not be written where it was to go is out now
                    self._register.mark_released(entry.id)
                    self.failed.pop(entry.number, None)
                except (StorageError, OSError) as error:
                    failed = failed or error
        if failed:
            raise failed
        return tuple(paths)

    def _number(
        self,
        outgoing: Outgoing,
        recipients: dict[str, Recipient],
        sealed: Sequence[SealedAttachment],
        directory: Path,
        progress: Progress,
    ) -> Number:
        with self._register.transaction():
            allotment = self._register.allot(self._context.handle, self._context.now)
            message, plaintext = self._compose(outgoing, allotment, sealed)
            note_seq, first_copy = self._register.reserve()
            digests: list[bytes] = []
            jobs = list(recipients.values())
            for body in map_parallel(_seal, plaintext, jobs, len(jobs)):
                self._register.store_body(first_copy + len(digests), body)
                digests.append(sha256(body).digest())
                progress(len(digests), len(recipients))
            copies = self._copies(tuple(recipients), digests)
            tree = Tree(leaf_hash(leaf_data(copy.index, copy.to, copy.after, copy.digest)) for copy in copies)
            text = encode_note(self._note(outgoing, allotment, message, Copies(len(copies), tree.root)))
            self._register.store_note(
                seq=note_seq,
                note_id=note_id(text),
                number=allotment.number,
                date=allotment.date,
                text=text,
                signatures=None,
                state="pending",
                directory=str(directory.absolute()),
                now=self._context.now,
            )
            self._register.store_copies(note_seq, first_copy, _with_proofs(copies, tree))
            self._register.store_attachments(note_seq, [decode_base64(item.entry.sealed) for item in sealed])
            self._register.settle_receipts(outgoing.receipts)
        self._numbered.add(allotment.number)
        return allotment.number

    def _compose(
        self, outgoing: Outgoing, allotment: Allotment, sealed: Sequence[SealedAttachment]
    ) -> tuple[bytes, bytes]:
        """Write the message line and the whole plaintext."""
        blank = encode_base64(bytes(DIGEST_SIZE))
        message = message_of(
            outgoing,
            allotment.number,
            allotment.date,
            salt=encode_base64(self._context.random(SALT_SIZE)),
            secrets=blank,
            attachments=tuple(item.entry for item in sealed),
        )
        secrets = Secrets(
            format="dispatch-secrets/v1",
            slot_key=encode_base64(self._context.random(SLOT_KEY_SIZE))
            if isinstance(message, Circular)
            else None,
            attachments=tuple(item.identity for item in sealed),
            padding="",
        )
        secrets_line = encode_secrets(secrets, len(encode_message(message)))
        line = encode_message(replace(message, secrets=encode_base64(sha256(secrets_line).digest())))
        return line, line + secrets_line

    def _copies(self, handles: tuple[str, ...], digests: list[bytes]) -> list[StoredCopy]:
        return [
            StoredCopy(
                index=index,
                to=handle,
                after=self._register.previous_to(self._context.handle, handle),
                digest=digest,
                proof=(),
                body=None,
            )
            for index, (handle, digest) in enumerate(zip(handles, digests, strict=True), 1)
        ]

    def _note(self, outgoing: Outgoing, allotment: Allotment, line: bytes, copies: Copies) -> Note:
        roster = self._context.roster
        return Note(
            number=allotment.number,
            date=allotment.date,
            roster=RosterRef(roster.realm, roster.version, roster.digest),
            register=allotment.head,
            content=content_digest(line),
            copies=copies,
            answers=outgoing.answers,
            receipts=outgoing.receipts,
        )

    def _finish(self, entry: Dispatch) -> Issued:
        if entry.state == "pending":
            self._register.store_signatures(entry.id, sign_pending(self._context, entry))
            entry = self._register.get(entry.number)
        files = release(self._context, entry, Path(entry.directory or self._context.home.outbox))
        self._register.mark_released(entry.id)
        note = parse_note(entry.text)
        return Issued(
            number=entry.number,
            id=entry.id,
            note=note,
            files=files,
            is_ahead=is_ahead(note.date, self._context.now),
        )


def _demand_text(directory: Path) -> None:
    """Raise StorageError for a folder that the register cannot name."""
    try:
        str(directory.absolute()).encode()
    except UnicodeEncodeError:
        raise StorageError(
            f"{directory}: the name of this folder is not text", hint="choose another folder with -o"
        ) from None


def release(context: OfficeContext, entry: Dispatch, directory: Path) -> tuple[Path, ...]:
    """Write the envelopes of a signed note from what the register holds, its attachments beside them.

    The bytes are the same each time. Gives the paths of the envelopes. Raises StorageError, the envelopes
    being written, if an attachment is no longer in the home. Raises StorageError or OSError, all else being
    written, if something is in the way of an envelope or attachment.
    """
    register, store = context.register, context.home.attachments
    signed = entry.signed_note().signed
    files = (
        (file_name(entry.number, copy.to), encode_envelope(signed, copy.place(), copy.body))
        for copy in register.copies(entry)
        if copy.body is not None
    )
    owner = entry.number.handle
    sizes, prefix = sealed_sizes(register.attachments(entry), store), unfinished_prefix(owner)
    try:
        paths = tuple(write_many(directory, files, owner))
    except (StorageError, OSError):
        take_along(sizes, store, directory, prefix=prefix)
        raise
    missing = take_along(sizes, store, directory, prefix=prefix)
    if missing:
        raise StorageError(
            f"{entry.number}: the attachment {store / sealed_name(missing[0])} is gone",
            hint="its envelopes are written; put the file back, an addressee has it too, and try again",
        )
    return paths


def _with_proofs(copies: list[StoredCopy], tree: Tree) -> Iterator[StoredCopy]:
    for copy in copies:
        yield StoredCopy(
            index=copy.index,
            to=copy.to,
            after=copy.after,
            digest=copy.digest,
            proof=tree.proof(copy.index - 1),
            body=None,
        )


def _seal(plaintext: bytes, recipient: Recipient) -> bytes:
    return age.encrypt(plaintext, [recipient])
