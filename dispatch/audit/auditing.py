"""The audit of an archive: files + roster -> report. No home, no key, nothing written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatch.audit.chains import broken_chains, check_chains
from dispatch.audit.collect import collect
from dispatch.audit.contradictions import check_registers
from dispatch.audit.duties import judge_circulars
from dispatch.audit.receipts import (
    check_compromised,
    check_receipts,
    check_voids,
    prove_older,
    receipts_of,
)
from dispatch.audit.registers import volumes_of
from dispatch.audit.report import (
    AuditReport,
    Dispatched,
    Receipted,
    RegisterVolume,
    sort_findings,
)
from dispatch.formats.merkle import leaf_hash, root
from keys.codec import encode_base64
from keys.text import format_date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from dispatch.audit.archive import Archive
    from dispatch.audit.circulars import Text
    from dispatch.audit.collect import Collected, NoteFacts
    from dispatch.audit.receipts import Proof, Receipts
    from dispatch.audit.registers import Volume
    from keys.roster import Roster
    from keys.trust import TrustedRoster


def run_audit(
    pile: Archive,
    trusted: TrustedRoster,
    *,
    at: datetime,
    root: str,
    partial: bool = False,
    circulars: Iterable[Text] = (),
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> AuditReport:
    """Audit an archive. `partial`: it is one office's share, and gaps in it are no fault.

    `at`: the moment at which duties are judged; `root`: the fingerprint that was trusted, for the report;
    `circulars`: the texts of those whose duties are to be judged.
    """
    collected = collect(pile, trusted, progress)
    offices = volumes_of(collected)
    receipts = receipts_of(collected)
    breaks = broken_chains(collected)
    proofs = prove_older(offices, receipts)
    duties, of_circulars = judge_circulars(circulars, collected, receipts, trusted.roster, at=at)
    findings = [
        *collected.findings(),
        *check_registers(offices, partial=partial),
        *check_chains(breaks, pile.names(one.place for one in breaks)),
        *check_receipts(collected, receipts, offices, partial=partial),
        *check_voids(collected, receipts),
        *check_compromised(collected, proofs, partial=partial),
        *of_circulars,
    ]
    volumes = [volume for handle in sorted(offices) for volume in offices[handle]]
    return AuditReport(
        realm=trusted.roster.realm,
        roster=trusted.roster.version,
        root=root,
        at=at,
        partial=partial,
        counts=_counts(collected, sum(one.recognised for one in duties)),
        findings=sort_findings(findings),
        registers=tuple(_register(volume) for volume in volumes),
        dispatches=_dispatches(collected, receipts, proofs),
        duties=tuple(duties),
        titles=_titles(trusted.roster, offices.keys() | set(collected.offices.names)),
    )


def _titles(roster: Roster, handles: set[str]) -> dict[str, str]:
    """Give the newest title of each office, by handle."""
    return {
        one.handle: one.title_entries[-1].value
        for one in sorted(roster.offices, key=lambda one: one.handle)
        if one.handle in handles
    }


def _counts(collected: Collected, recognised: int) -> dict[str, int]:
    notes = collected.notes.values()
    return {
        "files": collected.files,
        "notes": len(collected.notes),
        "copies": collected.copies,
        "statements": len(collected.statements),
        "receipts": sum(bool(one.note.receipts) for one in notes),
        "answers": sum(len(one.note.answers) for one in notes),
        "recognised": recognised,
    }


def _register(volume: Volume) -> RegisterVolume:
    dates = sorted(one.note.date for notes in volume.notes.values() for one in notes)
    return RegisterVolume(
        office=volume.office,
        volume=volume.volume,
        size=volume.size,
        present=len(volume.notes),
        missing=tuple(volume.missing()),
        voided=tuple(sorted(volume.voided)),
        ids=tuple(map(encode_base64, volume.ids)),
        root=encode_base64(root(map(leaf_hash, volume.ids))),
        pinned=len(volume.pins),
        heads=sum(size <= len(volume.ids) for size in volume.pins) - len(volume.wrong),
        unchecked=volume.unchecked,
        statements=tuple(name for name, _ in volume.statements),
        begun=format_date(dates[0]) if dates else None,
        ended=format_date(dates[-1]) if dates else None,
    )


def _dispatches(
    collected: Collected, receipts: Receipts, proofs: Mapping[bytes, Proof | None]
) -> tuple[Dispatched, ...]:
    facts = sorted(collected.notes.values(), key=lambda one: (one.number, one.id))
    return tuple(_dispatched(one, collected, receipts.get(one.id, ()), proofs.get(one.id)) for one in facts)


def _dispatched(
    facts: NoteFacts, collected: Collected, receipts: Sequence[NoteFacts], proof: Proof | None
) -> Dispatched:
    note = facts.note
    first: dict[str, NoteFacts] = {}
    for receipt in receipts:
        first.setdefault(receipt.number.handle, receipt)
    here = {collected.offices.names[office] for office in facts.offices} - {note.number.handle}
    return Dispatched(
        number=str(note.number),
        id=encode_base64(facts.id),
        date=format_date(note.date),
        roster=note.roster.version,
        keys=facts.keys,
        content=encode_base64(note.content),
        copies=note.copies.count,
        present=len(facts.offices),
        receipts_for=len(note.receipts),
        receipts=tuple(
            Receipted(
                office=office,
                number=str(receipt.number),
                date=format_date(receipt.note.date),
                seconds=int((receipt.note.date - note.date).total_seconds()),
            )
            for office, receipt in sorted(first.items())
        ),
        silent=() if note.receipts else tuple(sorted(here - first.keys())),
        older=f"{proof.receipt} of {proof.date} receipts {proof.of}" if proof else None,
        file=facts.file,
    )
