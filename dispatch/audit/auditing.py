"""The audit of an archive: files and a roster in, a report out. No home, no key, and nothing is written.

Each module of the room does one part: `collect` checks every file by itself, the others draw what follows
from all of them together, and this module puts their answers into a report.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dispatch.audit.archive import Archive
from dispatch.audit.chains import broken_chains, check_chains
from dispatch.audit.collect import collect
from dispatch.audit.contradictions import check_lists, check_registers
from dispatch.audit.copies import check_copies, misplaced_copies
from dispatch.audit.duties import judge_circulars
from dispatch.audit.receipts import (
    check_receipts,
    check_unproven,
    check_voids,
    leave_out_unproven,
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
from dispatch.formats import merkle
from dispatch.system.workers import no_progress
from keys.codec import encode_base64
from keys.text import format_date
from keys.trust import check_current, parse_roster_file, trust_pinned

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from dispatch.audit.circulars import Text
    from dispatch.audit.collect import Collected, NoteFacts
    from dispatch.audit.receipts import Proof, Receipts
    from dispatch.audit.registers import Volume
    from dispatch.system.workers import Progress
    from keys.roster import Roster
    from keys.trust import TrustedRoster


def run(
    paths: Iterable[Path],
    roster: bytes,
    pin: str,
    *,
    at: datetime | None = None,
    partial: bool = False,
    circulars: Iterable[Text] = (),
    progress: Progress = no_progress,
) -> AuditReport:
    """Audit files and folders with a roster file and the root fingerprint that is trusted.

    `roster`: the bytes of the file. `pin`: `SHA256:` and 43 characters of base64. `at`: the moment, in UTC
    and whole seconds, at which the roster must be in force and duties are judged; by default now. `partial`:
    the files are one office's share, so that gaps are no fault. `circulars`: the texts of circulars whose
    duties are to be judged. `progress`: called from time to time with the number of files done, and of all.

    Whatever is wrong with a file is a finding. Raises TrustError, SignatureError, FormatError for the roster.
    """
    return run_audit(
        Archive(paths),
        trust_pinned(parse_roster_file(roster), pin),
        at=datetime.now(UTC).replace(microsecond=0) if at is None else at,
        root=pin,
        partial=partial,
        circulars=circulars,
        progress=progress,
    )


def run_audit(
    archive: Archive,
    trusted: TrustedRoster,
    *,
    at: datetime,
    root: str,
    partial: bool = False,
    circulars: Iterable[Text] = (),
    progress: Progress = no_progress,
) -> AuditReport:
    """Audit an archive as `run` does, with a roster that is trusted already.

    `root`: the root fingerprint that was trusted, which the report names. Raises ExpiredError for a roster
    that is not in force at `at`.
    """
    check_current(trusted, at)
    collected = collect(archive, trusted, progress)
    proofs = leave_out_unproven(collected)
    offices = volumes_of(collected)
    receipts = receipts_of(collected)
    breaks = broken_chains(collected)
    misplaced = misplaced_copies(collected, trusted.roster)
    names = archive.names({one.place for one in breaks} | {each for one in misplaced for each in one.places})
    duties, of_circulars = judge_circulars(circulars, collected, receipts, trusted.roster, at=at)
    findings = [
        *collected.findings(),
        *check_registers(offices, partial=partial),
        *check_lists(collected),
        *check_copies(misplaced, names),
        *check_chains(breaks, names),
        *check_receipts(collected, receipts, offices, partial=partial),
        *check_voids(collected, receipts),
        *check_unproven(collected, partial=partial),
        *of_circulars,
    ]
    return AuditReport(
        realm=trusted.roster.realm,
        roster=trusted.roster.version,
        root=root,
        at=at,
        partial=partial,
        counts=_counts(collected, sum(one.recognised for one in duties)),
        findings=sort_findings(findings),
        registers=tuple(_register(volume) for handle in sorted(offices) for volume in offices[handle]),
        dispatches=_dispatches(collected, receipts, proofs),
        duties=tuple(duties),
        titles=_titles(trusted.roster, offices.keys() | set(collected.offices.names)),
    )


def _titles(roster: Roster, handles: set[str]) -> dict[str, str]:
    """Give the newest title of each office among `handles`, by handle."""
    return {
        one.handle: one.title_entries[-1].value
        for one in sorted(roster.offices, key=lambda one: one.handle)
        if one.handle in handles
    }


def _counts(collected: Collected, recognised: int) -> dict[str, int]:
    """Count what an archive holds. `recognised`: how many answers belong to a circular that was given."""
    notes = collected.notes.values()
    return {
        "files": collected.files,
        "notes": len(collected.notes),
        "copies": sum(len(one.offices) for one in notes),
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
        root=encode_base64(merkle.root(map(merkle.leaf_hash, volume.ids))),
        pinned=len(volume.pins),
        heads=sum(size <= len(volume.ids) for size in volume.pins) - len(volume.wrong),
        unchecked=volume.unchecked,
        statements=tuple(name for name, _ in volume.statements),
        begun=format_date(dates[0]) if dates else None,
        ended=format_date(dates[-1]) if dates else None,
    )


def _dispatches(
    collected: Collected, receipts: Receipts, proofs: Mapping[bytes, Proof]
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
