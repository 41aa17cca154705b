"""Receipts, and what stands on keys that were compromised. What is known of notes -> findings. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from dispatch.audit.registers import covered_by
from dispatch.audit.result import Dispatched, Finding, Receipted
from dispatch.errors import FINDINGS, INTEGRITY, TRUST
from keys.codec import encode_base64
from keys.text import format_date

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from dispatch.audit.collect import Collected, NoteFact
    from dispatch.audit.registers import VolumeFacts
    from keys.roster import Roster


def receipts_of(collected: Collected) -> dict[bytes, list[NoteFact]]:
    """Give the notes that receipt each id, in order."""
    found: dict[bytes, list[NoteFact]] = defaultdict(list)
    for fact in sorted(collected.notes.values(), key=lambda one: (one.note.date, one.number, one.id)):
        for note_id in fact.note.receipts:
            found[note_id].append(fact)
    return found


def check_receipts(
    collected: Collected,
    volumes: Mapping[tuple[str, str], VolumeFacts],
    receipts: Mapping[bytes, list[NoteFact]],
    *,
    partial: bool,
) -> Iterator[Finding]:
    """Find receipts for what there is not, for what came later, and by who got no copy."""
    listed = {note_id for here in volumes.values() for note_id in here.ids.values()}
    unknown: dict[bytes, NoteFact] = {}
    for note_id, facts in sorted(receipts.items()):
        dispatched = collected.notes.get(note_id)
        if dispatched is None:
            if note_id not in listed:
                for fact in facts:
                    unknown.setdefault(fact.id, fact)
            continue
        for fact in facts:
            yield from _check(collected, dispatched, fact)
    for fact in sorted(unknown.values(), key=lambda one: (one.number, one.id)):
        yield Finding(
            kind="receipt-of-unknown",
            subject=str(fact.number),
            text="it receipts a note that is not here and in no signed list",
            severity="not-checkable" if partial else "missing",
            code=0 if partial else FINDINGS,
            files=tuple(fact.files[:1]),
        )


def _check(collected: Collected, dispatched: NoteFact, receipt: NoteFact) -> Iterator[Finding]:
    office = receipt.number.handle
    if receipt.note.date < dispatched.note.date:
        yield Finding(
            kind="receipt-before-dispatch",
            subject=str(receipt.number),
            text=f"dated before {dispatched.number}, which it receipts",
            severity="broken",
            code=INTEGRITY,
            files=tuple(sorted({*receipt.files[:1], *dispatched.files[:1]})),
        )
    complete = len(dispatched.offices) == dispatched.note.copies.count
    if complete and office not in {collected.names[one] for one in dispatched.offices}:
        yield Finding(
            kind="receipt-without-copy",
            subject=str(receipt.number),
            text=f"{office} receipts {dispatched.number}, of which it got no copy",
            severity="broken",
            code=INTEGRITY,
            files=tuple(sorted({*receipt.files[:1], *dispatched.files[:1]})),
        )


def check_voids(collected: Collected) -> Iterator[Finding]:
    """Find notes that their issuer declared never released, and that were."""
    for fact in sorted(collected.notes.values(), key=lambda one: (one.number, one.id)):
        for note_id in fact.note.voids:
            voided = collected.notes.get(note_id)
            if voided is not None:
                yield Finding(
                    kind="void-released",
                    subject=str(voided.number),
                    text=f"{fact.number} says that it was never released, and here it is",
                    severity="broken",
                    code=INTEGRITY,
                    files=tuple(sorted({*fact.files[:1], *voided.files[:1]})),
                )


def check_compromised(
    collected: Collected,
    volumes: Mapping[tuple[str, str], VolumeFacts],
    receipts: Mapping[bytes, list[NoteFact]],
    roster: Roster,
) -> Iterator[Finding]:
    """Find what stands on a compromised key and on nothing else.

    Evidence for a note is another office's receipt under a key that is not compromised, dated before
    the compromise, for it or for a later note of its volume whose pinned head is proven.
    """
    for fact in sorted(collected.notes.values(), key=lambda one: (one.number, one.id)):
        if not fact.is_compromised:
            continue
        since = compromised_since(roster, fact.number.handle)
        here = volumes[fact.number.handle, fact.number.volume]
        evidence = _evidence(fact, here, receipts, since)
        if evidence is None:
            yield Finding(
                kind="key-compromised",
                subject=str(fact.number),
                text=f"signed with a key that was compromised by {format_date(since)}, and no receipt of "
                "another office shows that it is older",
                severity="broken",
                code=TRUST,
                files=tuple(fact.files[:1]),
            )
        else:
            covered, receipt = evidence
            yield Finding(
                kind="key-compromised-later",
                subject=str(fact.number),
                text=f"older than the compromise of its key: {receipt.number} receipts {covered.number} "
                f"({encode_base64(covered.id)})",
                severity="notice",
                code=0,
                files=tuple(sorted({*fact.files[:1], *receipt.files[:1], *covered.files[:1]})),
            )


def compromised_since(roster: Roster, handle: str) -> datetime:
    """Give the earliest moment from which a key of an office may have been in other hands."""
    marks = [one.compromised for one in roster.office(handle).signing_entries if one.compromised]
    return min(marks)


def _evidence(
    fact: NoteFact, here: VolumeFacts, receipts: Mapping[bytes, list[NoteFact]], since: datetime
) -> tuple[NoteFact, NoteFact] | None:
    known = covered_by(here)
    for ordinal in range(fact.number.ordinal, here.last + 1):
        for later in here.notes.get(ordinal, ()):
            # a later note covers this one through its head, whose ids must all be known
            if later.id != fact.id and (ordinal == fact.number.ordinal or known < ordinal - 1):
                continue
            for receipt in receipts.get(later.id, ()):
                if (
                    receipt.number.handle != fact.number.handle
                    and not receipt.is_compromised
                    and receipt.note.date < since
                ):
                    return later, receipt
    return None


def describe_dispatches(
    collected: Collected, receipts: Mapping[bytes, list[NoteFact]]
) -> tuple[Dispatched, ...]:
    """Give each dispatch with who receipted it, after how long, and who did not."""
    found = []
    for fact in sorted(collected.notes.values(), key=lambda one: (one.number, one.id)):
        first: dict[str, NoteFact] = {}
        for receipt in receipts.get(fact.id, ()):
            first.setdefault(receipt.number.handle, receipt)
        offices = {collected.names[one] for one in fact.offices} - {fact.number.handle}
        found.append(
            Dispatched(
                number=str(fact.number),
                id=encode_base64(fact.id),
                date=format_date(fact.note.date),
                content=encode_base64(fact.note.content),
                copies=fact.note.copies.count,
                present=len(fact.offices),
                receipts=tuple(
                    Receipted(
                        office=office,
                        number=str(receipt.number),
                        date=format_date(receipt.note.date),
                        seconds=int((receipt.note.date - fact.note.date).total_seconds()),
                    )
                    for office, receipt in sorted(first.items())
                ),
                silent=() if fact.note.receipts else tuple(sorted(offices - first.keys())),
                is_receipt=bool(fact.note.receipts),
            )
        )
    return tuple(found)
