"""Receipts: who acknowledged what, and what only a receipt proves. Pure.

A thief of a key can write a note with any date. A note signed with a key that was
compromised later is proven older in two ways: an office whose own keys are sound receipted it before the
compromise, or receipted a later note of the same register, whose pinned head was recomputed from ids that
include this one.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

from dispatch.audit.findings import Finding, with_files
from dispatch.errors import FINDINGS, INTEGRITY, TRUST
from keys.codec import encode_base64
from keys.text import format_date

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from dispatch.audit.collect import Collected, NoteFacts
    from dispatch.audit.registers import Volume

TOLERANCE = timedelta(days=1)
"""How far two honest clocks may differ: a note dated further ahead is held, and not receipted."""

Receipts: TypeAlias = "Mapping[bytes, list[NoteFacts]]"
"""The notes that acknowledge each id, the earliest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What shows that a note is older than the compromise of its key.

    `receipt`: the number of another office's receipt; `date`: its date; `of`: the number of the note that it
    acknowledges, which is the note itself or a later one of its register.
    """

    receipt: str
    of: str
    date: str


def receipts_of(collected: Collected) -> dict[bytes, list[NoteFacts]]:
    """Give the notes that acknowledge each id, the earliest first."""
    found: dict[bytes, list[NoteFacts]] = defaultdict(list)
    for facts in sorted(collected.notes.values(), key=lambda one: (one.note.date, one.number, one.id)):
        for note_id in facts.note.receipts:
            found[note_id].append(facts)
    return found


def check_receipts(
    collected: Collected, receipts: Receipts, offices: Mapping[str, list[Volume]], *, partial: bool
) -> Iterator[Finding]:
    """Find receipts for notes that are not here, receipts older than what they acknowledge, and by strangers.

    `partial`: only one office's share is here, so that the note may lie elsewhere.
    """
    known = {note_id for volumes in offices.values() for volume in volumes for note_id in volume.ids}
    known.update(note_id for ids in collected.claimed.values() for note_id in ids)
    known.update(one for _, statement in collected.statements for one in statement.ids)
    unknown: dict[bytes, list[NoteFacts]] = {}
    for note_id, notes in sorted(receipts.items()):
        target = collected.notes.get(note_id)
        if target is not None:
            # who got a copy is known when all copies are here
            got = {collected.offices.names[one] for one in target.offices} if target.is_whole else None
            for receipt in notes:
                yield from _check(target, receipt, got)
        elif note_id not in known:
            unknown[note_id] = notes
    for note_id, notes in unknown.items():
        who = ", ".join(sorted({one.number.handle for one in notes}))
        found = Finding(
            kind="receipt-for-unknown-note",
            subject=encode_base64(note_id),
            text=f"receipted by {who}; no note here has this id",
            severity="not-checkable" if partial else "missing",
            code=0 if partial else FINDINGS,
        )
        yield with_files(found, (one.file for one in notes))


def _check(target: NoteFacts, receipt: NoteFacts, got: set[str] | None) -> Iterator[Finding]:
    """Compare a receipt with its note. `got`: who got a copy of that; None if some copies are not here."""
    office = receipt.number.handle
    files = tuple(sorted({receipt.file, target.file}))
    early = target.note.date - receipt.note.date
    if early > timedelta():
        is_clock = early <= TOLERANCE
        yield Finding(
            kind="receipt-before-dispatch",
            subject=str(receipt.number),
            text=f"dated {format_date(receipt.note.date)}, and {target.number}, which it acknowledges, "
            f"{format_date(target.note.date)}" + ("; clocks may differ so far" if is_clock else ""),
            severity="warning" if is_clock else "broken",
            code=FINDINGS if is_clock else INTEGRITY,
            files=files,
        )
    if got is not None and office not in got:
        yield Finding(
            kind="receipt-from-stranger",
            subject=str(receipt.number),
            text=f"it acknowledges {target.number}, of which {office} got no copy",
            code=INTEGRITY,
            files=files,
        )


def check_voids(collected: Collected, receipts: Receipts) -> Iterator[Finding]:
    """Find notes that are here or were receipted although their issuer declared them never released."""
    for facts in sorted(collected.notes.values(), key=lambda one: (one.number, one.id)):
        for note_id in facts.note.voids:
            released = collected.notes.get(note_id)
            proofs = [released] if released else receipts.get(note_id, [])
            if proofs:
                what = str(released.number) if released else encode_base64(note_id)
                found = Finding(
                    kind="voided-note-released",
                    subject=what,
                    text=f"{facts.number} says that it was never released; it is here or was receipted",
                    code=INTEGRITY,
                )
                yield with_files(found, (one.file for one in (facts, *proofs)))


def prove_older(offices: Mapping[str, list[Volume]], receipts: Receipts) -> dict[bytes, Proof | None]:
    """Find what proves each note of a compromised key older, by its id; None where nothing does."""
    found: dict[bytes, Proof | None] = {}
    for volumes in offices.values():
        for position, volume in enumerate(volumes):
            closing = volumes[position + 1].notes.get(1, []) if position + 1 < len(volumes) else []
            covers: dict[datetime, list[Proof | None]] = {}
            for facts in (one for notes in volume.notes.values() for one in notes):
                since, ordinal = facts.compromised, facts.number.ordinal
                if since is None:
                    continue
                proof = _receipt_before(facts, receipts, since)
                if proof is None and ordinal <= len(volume.ids) and volume.ids[ordinal - 1] == facts.id:
                    if since not in covers:
                        covers[since] = _covers(volume, closing, receipts, since)
                    proof = covers[since][ordinal]
                found[facts.id] = proof
    return found


def _covers(
    volume: Volume, closing: list[NoteFacts], receipts: Receipts, since: datetime
) -> list[Proof | None]:
    """Give, by ordinal, what proves a note older through a later one whose head was recomputed from its id.

    `closing`: the first notes of the next volume; `since`: the moment of the compromise.
    """
    pinning: dict[int, list[NoteFacts]] = defaultdict(list)
    for ordinal, notes in volume.notes.items():
        pinning[ordinal - 1] += notes
    for facts in closing:
        if facts.note.register.volume == volume.volume:
            pinning[facts.note.register.size].append(facts)
    found: list[Proof | None] = [None] * (len(volume.ids) + 1)
    proof = None
    for size in range(len(volume.ids), 0, -1):
        if size not in volume.wrong:
            proofs = [_receipt_before(facts, receipts, since) for facts in pinning[size]]
            proof = next((one for one in proofs if one is not None), proof)
        found[size] = proof
    return found


def _receipt_before(facts: NoteFacts, receipts: Receipts, since: datetime) -> Proof | None:
    """Give the first receipt of a note, from another office with sound keys, that is dated before `since`."""
    for receipt in receipts.get(facts.id, ()):
        is_sound = receipt.compromised is None and receipt.number.handle != facts.number.handle
        if is_sound and receipt.note.date < since:
            return Proof(
                receipt=str(receipt.number), of=str(facts.number), date=format_date(receipt.note.date)
            )
    return None


def check_compromised(
    collected: Collected, proofs: Mapping[bytes, Proof | None], *, partial: bool
) -> Iterator[Finding]:
    """Find notes of compromised keys that nothing proves older.

    `partial`: only one office's share is here, so that the proof may lie elsewhere.
    """
    for note_id, proof in sorted(proofs.items()):
        facts = collected.notes[note_id]
        if proof is None and facts.compromised is not None:
            yield Finding(
                kind="compromised-without-evidence",
                subject=str(facts.number),
                text=f"its key was compromised by {format_date(facts.compromised)}, and no receipt of "
                "another office, dated before, is here for it or for a later note of its register",
                severity="not-checkable" if partial else "missing",
                code=0 if partial else TRUST,
                files=(facts.file,),
            )
