"""The audit: a pile of files and a trusted roster -> report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dispatch.audit.collect import collect, find_sources
from dispatch.audit.duties import audit_duties, disclose
from dispatch.audit.receipts import (
    check_compromised,
    check_receipts,
    check_voids,
    describe_dispatches,
    receipts_of,
)
from dispatch.audit.registers import check_registers, describe_volumes, volumes_of
from dispatch.audit.result import AuditReport, Finding
from dispatch.errors import FINDINGS, UNEXPECTED, DispatchError, exit_code
from dispatch.files import read_capped
from dispatch.statement import MAX_STATEMENT, parse_statement, verify_statement
from keys.errors import KeysError
from keys.text import format_date

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from dispatch.audit.collect import Progress, Source
    from dispatch.statement import Statement
    from keys.trust import TrustedRoster

# What went wrong with one file, by the class of its error, in the words of findings.
_KINDS = {
    "ProofError": "proof-invalid",
    "DigestError": "body-altered",
    "StatementError": "copy-contradicts-note",
    "UnknownVersionError": "roster-too-old",
    "RealmError": "other-realm",
    "ForkError": "roster-forked",
    "ExpiredError": "roster-expired",
    "UnknownOfficeError": "unknown-office",
    "CompromisedError": "key-compromised-then",
    "UnlistedKeyError": "key-not-in-force",
    "ThresholdError": "signatures-too-few",
}


def run_audit(
    paths: Iterable[Path],
    trusted: TrustedRoster,
    at: datetime,
    *,
    circulars: Sequence[tuple[str, bytes]] = (),
    partial: bool = False,
    progress: Progress = lambda _done, _total: None,
) -> AuditReport:
    """Audit a pile as of `at`. `circulars`: message and secrets lines; `partial`: gaps are expected."""
    sources, failures = find_sources(paths)
    collected = collect(sources, trusted, progress)
    failures += collected.failures
    statements, more = _statements(collected.statements, trusted)
    findings = [*map(_file_finding, failures), *more]
    if not sources and not failures:
        findings.append(
            Finding(
                kind="nothing-found",
                subject="-",
                text="no envelope, note or register statement in what was given",
                severity="missing",
                code=FINDINGS,
            )
        )
    roster = trusted.roster
    volumes = volumes_of(collected, statements)
    receipts = receipts_of(collected)
    findings += check_registers(collected, volumes, partial=partial)
    findings += check_receipts(collected, volumes, receipts, partial=partial)
    findings += check_voids(collected)
    findings += check_compromised(collected, volumes, receipts, roster)
    disclosed, more = disclose(collected, circulars)
    findings += more
    duties, more = audit_duties(collected, disclosed, receipts, roster, at)
    findings += more
    return AuditReport(
        roster={
            "realm": roster.realm,
            "version": roster.version,
            "root_fingerprint": roster.root_fingerprint(roster.version),
        },
        at=format_date(at),
        counts={
            "files": collected.files,
            "notes": len(collected.notes),
            "copies": collected.copies,
            "statements": len(statements),
            "circulars": len(disclosed),
        },
        findings=tuple(sorted(set(findings))),
        volumes=describe_volumes(volumes),
        dispatches=describe_dispatches(collected, receipts),
        duties=tuple(duties),
    )


def _statements(sources: Sequence[Source], trusted: TrustedRoster) -> tuple[list[Statement], list[Finding]]:
    found, findings = [], []
    for source in sources:
        try:
            signed = parse_statement(read_capped(Path(source.path), MAX_STATEMENT))
            found.append(verify_statement(signed, trusted))
        except (DispatchError, KeysError, OSError) as error:
            findings.append(_file_finding((source.name, type(error).__name__, str(error), exit_code(error))))
    found.sort(key=lambda one: (one.issuer, one.volume, one.date, one.ids))
    return found, findings


def _file_finding(failure: tuple[str, str, str, int]) -> Finding:
    name, error, text, code = failure
    kind = _KINDS.get(error)
    if kind is None:
        kind = {3: "signature-invalid", 5: "malformed", UNEXPECTED: "unreadable"}.get(code, "untrusted")
    return Finding(kind=kind, subject=name, text=text, severity="broken", code=code, files=(name,))
