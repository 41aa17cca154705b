"""Receipts: who acknowledged what, and what only a receipt proves. Pure.

A thief of a key can write a note with any date. A note that stands on a key which was compromised later is
proven older in two ways: another office whose own keys are unmarked receipted it before the compromise, or
receipted a later note of the same register, whose pinned head was recomputed from ids that include this one.
What nothing proves older is left out of the audit, and named.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

from dispatch.audit.findings import Finding, with_files
from dispatch.audit.registers import volumes_of
from dispatch.errors import FINDINGS, INTEGRITY, TRUST
from keys.codec import encode_base64
from keys.text import format_date

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from dispatch.audit.collect import Collected, NoteFacts
    from dispatch.audit.registers import Volume
    from dispatch.formats.note import Head

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
    known.update(collected.unproven)
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


def leave_out_unproven(collected: Collected) -> dict[bytes, Proof]:
    """Leave out the notes that need evidence of their age and have none; give that of the others, by id."""
    receipts = receipts_of(collected)
    proofs: dict[bytes, Proof] = {}
    for facts in [one for one in collected.notes.values() if one.forgeable_from is not None]:
        proof = _receipt_before(facts, receipts, facts.forgeable_from)
        if proof is None:
            collected.set_aside(facts.id)
        else:
            proofs[facts.id] = proof
    # what is proven may pin a head that proves more
    while covered := _covered(collected, receipts):
        proofs |= covered
        for note_id in covered:
            collected.take_back(note_id)
    return proofs


def _covered(collected: Collected, receipts: Receipts) -> dict[bytes, Proof]:
    """Find what proves notes older that have no receipt of their own, by id."""
    found: dict[bytes, Proof] = {}
    offices = volumes_of(collected) if collected.unproven else {}
    covers: dict[tuple[str, datetime], list[list[Proof | None]]] = {}
    for facts in collected.unproven.values():
        handle, since, ordinal = facts.number.handle, facts.forgeable_from, facts.number.ordinal
        volumes = offices.get(handle, [])
        for place, volume in enumerate(volumes):
            is_here = volume.volume == facts.number.volume and volume.ids[ordinal - 1 : ordinal] == [facts.id]
            if not is_here or since is None:
                continue
            if (handle, since) not in covers:
                covers[handle, since] = _covers(volumes, receipts, since)
            if proof := covers[handle, since][place][ordinal]:
                found[facts.id] = proof
    return found


def _covers(volumes: Sequence[Volume], receipts: Receipts, since: datetime) -> list[list[Proof | None]]:
    """Give, by volume and ordinal, what proves a note older through a later one whose head covers it.

    `since`: the moment from which a thief could have signed it.
    """
    found: list[list[Proof | None]] = []
    closing: list[tuple[Head, Proof | None]] = []
    for volume in reversed(volumes):
        pinning: dict[int, list[Proof | None]] = defaultdict(list)
        for ordinal, notes in volume.notes.items():
            pinning[ordinal - 1] += [_receipt_before(one, receipts, since) for one in notes]
        for head, proof in closing:
            if head.volume == volume.volume:
                pinning[head.size].append(proof)
        proofs: list[Proof | None] = [None] * (len(volume.ids) + 1)
        newest = None
        for size in range(len(volume.ids), 0, -1):
            if size not in volume.wrong:
                newest = next((one for one in pinning[size] if one is not None), newest)
            proofs[size] = newest
        # the first note of a volume closes the one before, and may be covered in its turn
        closing = [
            (
                one.note.register,
                _receipt_before(one, receipts, since) or (proofs[1] if volume.ids[:1] == [one.id] else None),
            )
            for one in volume.notes.get(1, [])
        ]
        found.append(proofs)
    return found[::-1]


def _receipt_before(facts: NoteFacts, receipts: Receipts, since: datetime | None) -> Proof | None:
    """Give the first receipt of a note, by another office with unmarked keys, dated before `since`."""
    for receipt in receipts.get(facts.id, ()):
        is_sound = receipt.forgeable_from is None and receipt.number.handle != facts.number.handle
        if is_sound and since is not None and receipt.note.date < since:
            return Proof(
                receipt=str(receipt.number), of=str(facts.number), date=format_date(receipt.note.date)
            )
    return None


def check_unproven(collected: Collected, *, partial: bool) -> Iterator[Finding]:
    """Name the notes that are left out because nothing proves them older than a thief of their keys.

    `partial`: only one office's share is here, so that the proof may lie elsewhere.
    """
    for facts in sorted(collected.unproven.values(), key=lambda one: (one.number, one.id)):
        if facts.forgeable_from is None:
            continue
        yield Finding(
            kind="compromised-without-evidence",
            subject=str(facts.number),
            text=f"its key was compromised by {format_date(facts.forgeable_from)}, and no receipt of "
            "another office, dated before, is here for it or for a later one of its register: it is left out",
            severity="not-checkable" if partial else "missing",
            code=0 if partial else TRUST,
            files=(facts.file,),
        )
