"""Each fault yields exactly its finding, named after it; the clean archive yields none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dispatch.audit.circulars import Text
from dispatch.audit.findings import KINDS
from dispatch.audit.pile import Pile
from dispatch.audit.run import run_audit
from keys.codec import encode_base64
from tests.audit.archive import END, Archive
from tests.audit.faults import FAULTS, REPORT, Fault, kinds_and_subjects

if TYPE_CHECKING:
    from pathlib import Path

    from dispatch.audit.result import Report


def run(archive: Archive, *paths: Path, roster: int | None = None, circular: bytes | None = None) -> Report:
    return run_audit(
        Pile(paths),
        archive.trusted(roster),
        at=END,
        root=archive.pin,
        circulars=[Text("circular", archive.circular if circular is None else circular)],
    )


def lay_out(fault: Fault, clean: Archive, clean_folder: Path, folder: Path) -> tuple[Archive, list[Path]]:
    """Make an archive with a fault on disk; give it, and the PATHs to audit."""
    archive = clean.copy()
    fault.make(archive)
    place = archive.write(folder / "archive", like=(clean, clean_folder))
    for link in fault.links:
        (place / link).symlink_to(place)
    for empty in fault.folders:
        (folder / empty).mkdir()
    return archive, [place, *(folder / name for name in (*fault.folders, *fault.absent))]


def test_the_clean_archive_yields_nothing(clean: Archive, clean_folder: Path) -> None:
    report = run(clean, clean_folder)
    assert report.findings == ()
    assert (report.verdict, report.code) == ("clean", 0)
    assert report.counts["files"] == len(clean.files)
    assert report.counts["notes"] == len(clean.sent)
    assert report.counts["answers"] == report.counts["recognised"]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_yields_exactly_its_finding(
    fault: Fault, clean: Archive, clean_folder: Path, tmp_path: Path
) -> None:
    archive, paths = lay_out(fault, clean, clean_folder, tmp_path)
    report = run(archive, *paths, roster=fault.roster, circular=fault.circular(archive))
    expected = [
        (kind, encode_base64(clean.sent[REPORT].id) if subject == "REPORT" else subject)
        for kind, subject in fault.findings
    ]
    assert kinds_and_subjects(report) == tuple(sorted(expected)), report.findings
    assert (report.verdict == "clean") == (not expected)
    for finding in report.findings:
        assert finding.kind in KINDS
        assert finding.files or finding.kind in ("missing-note", "missing-id-list", "nothing-to-audit")


def test_there_are_faults_enough() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 25
