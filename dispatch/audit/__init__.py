"""What a stranger can prove with the signed roster: no home, no key, nothing decrypted.

`run` audits a whole archive, `verify` checks files one by one. Both take the bytes of a roster file and the
fingerprint of its root, which people compare by voice.

    from pathlib import Path
    from dispatch import audit

    roster = Path("rkp.roster").read_bytes()
    pin = "SHA256:VRDR2Nv+RPQDWpfmtDxd03jqRfwnG/OgE568BUbf+GQ"
    report = audit.run([Path("post")], roster, pin)
    print(report.verdict)                               # clean, findings or broken
    for finding in report.findings:
        print(finding.severity, finding.kind, finding.subject, finding.text)
    for verdict in audit.verify([Path("post")], roster, pin):
        print(verdict.file, verdict.error or "holds")

A bad file is a finding of `run` and a verdict of `verify`; only a roster that cannot be trusted raises. The
names below are the room's door. Their modules are loaded when they are asked for, and may change.

To read the code, begin at the top:

    auditing        `run`: the whole audit, from an archive to a report
    archive         the files of an archive, and their names
    examine         one file -> what it proves, and what is wrong with it
    collect         all files -> what is known of each note
    registers       notes -> the volumes of each office, and the ids in them
    contradictions, copies, chains, receipts, circulars, duties
                    what is known of the notes -> what follows from it, and findings
    findings        the kinds of finding
    report          what an audit comes to, and its JSON
    bundle          the archive, what it was checked with, and the report, for whoever checks it again
    verdicts        `verify`: files one by one
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dispatch.audit.auditing import run
    from dispatch.audit.circulars import Text
    from dispatch.audit.findings import KINDS, NOT_PROVEN, Finding
    from dispatch.audit.report import (
        AuditReport,
        CircularStatus,
        Dispatched,
        Receipted,
        RegisterVolume,
        report_bytes,
        report_json,
    )
    from dispatch.audit.verdicts import FileVerdict, verify

__all__ = [
    "KINDS",
    "NOT_PROVEN",
    "AuditReport",
    "CircularStatus",
    "Dispatched",
    "FileVerdict",
    "Finding",
    "Receipted",
    "RegisterVolume",
    "Text",
    "report_bytes",
    "report_json",
    "run",
    "verify",
]

_MODULES = {
    "auditing": ("run",),
    "circulars": ("Text",),
    "findings": ("KINDS", "NOT_PROVEN", "Finding"),
    "report": (
        "AuditReport",
        "CircularStatus",
        "Dispatched",
        "Receipted",
        "RegisterVolume",
        "report_bytes",
        "report_json",
    ),
    "verdicts": ("FileVerdict", "verify"),
}


def __getattr__(name: str) -> Any:
    """Load the module of a name when it is asked for: checking one file must not wait for the whole audit."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"dispatch.audit.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
