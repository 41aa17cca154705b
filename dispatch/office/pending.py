"""What is pending is signed only if it is as this office composes it, and as every receiver demands it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dispatch.checks.opening import open_envelope
from dispatch.checks.verifier import Verifier
from dispatch.errors import DispatchError, RefusedError
from dispatch.formats.envelope import NOTE_NAMESPACE, Envelope, leaf_data
from dispatch.formats.merkle import leaf_hash, root
from dispatch.formats.note import FIRST_HEAD, Copies, Head, note_id, parse_note
from keys.errors import KeysError
from keys.signed import sign_text

if TYPE_CHECKING:
    from dispatch.formats.note import Note, Number
    from dispatch.office.context import OfficeContext
    from dispatch.store import Dispatch, Register


def sign_pending(context: OfficeContext, entry: Dispatch) -> bytes:
    """Sign a pending note; give the signature. Raises RefusedError for one that this office did not compose.

    Its row, head and copies have to be those of the register, and our own copy has to pass all that a
    receiver checks. Who can write in the home and knows all of that can still make a note that does.
    """
    try:
        note = parse_note(entry.text)
        signatures = sign_text(entry.text, context.signing_key(note.roster.version), NOTE_NAMESPACE)
        if not _fits_register(entry, note, context.register):
            raise RefusedError("it contradicts the register")
        _open_as_receiver(context, replace(entry, signatures=signatures))
    except (DispatchError, KeysError) as error:
        raise RefusedError(
            f"{entry.number} is pending and not as this office composes it, so it is not signed: {error}",
            hint="somebody else wrote in the register, or the roster has changed since",
        ) from error
    return signatures


def _fits_register(entry: Dispatch, note: Note, register: Register) -> bool:
    # one copy after the other, since all bodies together may be large
    leaves = [
        leaf_hash(leaf_data(copy.index, copy.to, copy.after, copy.digest)) for copy in register.copies(entry)
    ]
    said = (note_id(entry.text), note.number, note.date, note.register, note.copies)
    return said == (
        entry.id,
        entry.number,
        entry.date,
        _head_before(entry.number, register),
        Copies(len(leaves), root(leaves)),
    )


def _head_before(number: Number, register: Register) -> Head | None:
    """Give the head that a note of this number pins; None if the notes before it are not all here."""
    before = register.before(number)
    if before is None:
        return FIRST_HEAD
    handle, volume, ordinal = before.note.number
    tree = register.tree(handle, volume, ordinal)
    return Head(volume, ordinal, tree.root) if tree is not None else None


def _open_as_receiver(context: OfficeContext, entry: Dispatch) -> None:
    copy = context.register.copy_for(entry, context.handle)
    if copy is None or copy.body is None:
        raise RefusedError("it has no copy for us")
    envelope = Envelope(signed_note=entry.signed_note(), copy=copy.place(), body=copy.body)
    verified = Verifier(context.trusted).verify(envelope)
    open_envelope(verified, context.handle, context.identities(), context.roster)
