"""Each fault yields exactly its finding, named after it; the clean archive yields none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dispatch.audit.archive import Archive
from dispatch.audit.auditing import run_audit
from dispatch.audit.circulars import Text
from dispatch.audit.findings import KINDS
from dispatch.formats.note import Number
from keys.codec import encode_base64
from tests.audit.faultmakers import REPORT, again_elsewhere, another_volume, edited
from tests.audit.faults import FAULTS, Fault, kinds_and_subjects, table
from tests.forge.archive import END, ForgedArchive

if TYPE_CHECKING:
    from dispatch.audit.report import AuditReport

WITHOUT_FILES = ("missing-note", "missing-id-list", "nothing-to-audit")


def run(
    archive: ForgedArchive,
    *paths: Path,
    roster: int | None = None,
    circular: bytes | None = None,
    partial: bool = False,
) -> AuditReport:
    return run_audit(
        Archive(paths),
        archive.trusted(roster),
        at=END,
        root=archive.pin,
        partial=partial,
        circulars=[Text("circular", circular)] if circular is not None else [],
    )


def lay_out(
    fault: Fault, clean: ForgedArchive, clean_folder: Path, folder: Path
) -> tuple[ForgedArchive, list[Path]]:
    """Make an archive with a fault on disk; give it, and the PATHs to audit."""
    archive = clean.copy()
    fault.make(archive)
    place = folder / "archive"
    place.mkdir()
    archive.write(place, like=(clean, clean_folder))
    for link in fault.links:
        (place / link).symlink_to(place)
    for empty in fault.folders:
        (folder / empty).mkdir()
    paths = [place, *(folder / name for name in (*fault.folders, *fault.others))]
    return archive, paths * (2 if fault.twice else 1)


def test_the_clean_archive_yields_nothing(clean: ForgedArchive, clean_folder: Path) -> None:
    report = run(clean, clean_folder, circular=clean.circular)
    assert report.findings == ()
    assert (report.verdict, report.code) == ("clean", 0)
    assert report.counts["files"] == len(clean.files)
    assert report.counts["notes"] == len(clean.sent)
    assert report.counts["answers"] == report.counts["recognised"]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_yields_exactly_its_finding(
    fault: Fault, clean: ForgedArchive, clean_folder: Path, tmp_path: Path
) -> None:
    archive, paths = lay_out(fault, clean, clean_folder, tmp_path)
    circular = fault.circular(archive) if fault.circular else None
    report = run(archive, *paths, roster=fault.roster, circular=circular, partial=fault.partial)
    expected = [
        (kind, encode_base64(clean.sent[REPORT].id) if subject == "REPORT" else subject)
        for kind, subject in fault.findings
    ]
    assert kinds_and_subjects(report) == tuple(sorted(expected)), report.findings
    if fault.severity is not None:
        assert {one.severity for one in report.findings} == {fault.severity}
    assert (report.verdict == "clean") == (report.code == 0)
    assert (report.verdict == "broken") == any(one.severity == "broken" for one in report.findings)
    assert all(finding.files or finding.kind in WITHOUT_FILES for finding in report.findings)


def test_only_what_cannot_be_known_or_was_corrected_leaves_an_archive_clean(
    clean: ForgedArchive, clean_folder: Path, tmp_path: Path
) -> None:
    for fault in FAULTS:
        if fault.findings and (fault.severity == "not-checkable" or fault.name == "slot-filled-twice"):
            folder = tmp_path / fault.name
            folder.mkdir()
            archive, paths = lay_out(fault, clean, clean_folder, folder)
            report = run(archive, *paths, circular=archive.circular, partial=fault.partial)
            assert report.code == 0, fault.name


def test_the_same_files_twice_are_counted_once(
    clean: ForgedArchive, clean_folder: Path, tmp_path: Path
) -> None:
    archive = clean.copy()
    again_elsewhere(archive)
    once = run(clean, clean_folder)
    twice = run(archive, archive.write(tmp_path, like=(clean, clean_folder)))
    assert twice.counts["files"] > once.counts["files"]
    assert twice.counts["copies"] == once.counts["copies"]
    assert [one.present for one in twice.dispatches] == [one.present for one in once.dispatches]


def test_a_finding_names_twenty_files_that_prove_it_and_counts_the_others(
    clean: ForgedArchive, tmp_path: Path
) -> None:
    """A volume that closes the year 52 notes too early, and a note edited in all its 21 copies."""
    archive = clean.copy()
    another_volume(200)(archive)
    first = Number("cc", "2026", 1)
    edited(lambda data: data.replace(b"date: 2026-01-01", b"date: 2026-01-02", 1), first, None)(archive)
    report = run(archive, archive.write(tmp_path))
    named = {one.kind: (one.subject, len(one.files), one.more) for one in report.findings}
    assert named["two-volumes-at-once"] == ("cc/2026b/1", 20, 33)
    assert named["signature-broken"] == (str(first), 20, 1)


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (("../../x/a",), ["f.note"]),
        (("../../x/a", "../../y/b"), ["a/f.note", "b/f.note"]),
        (("../../y/b", "../../x/a"), ["a/f.note", "b/f.note"]),
        (("../../x/a", "../../z/A"), ["../../x/a/f.note", "../../z/A/f.note"]),
        ((".", "../../y/b"), ["../../y/b/f.note", "./f.note"]),
        (("../../y", "../../y/../y/b"), ["b/f.note", "y/b/f.note"]),
        (("../../x/..", "../../y/b"), ["../../x/a/f.note", "../../y/b/f.note", "../../z/A/f.note"]),
    ],
)
def test_a_file_has_the_same_name_wherever_the_archive_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, paths: tuple[str, ...], names: list[str]
) -> None:
    for name in ("x/a", "y/b", "z/A"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "f.note").write_bytes(b"")
    monkeypatch.chdir(tmp_path / "x" / "a")
    assert sorted({source.name for source in Archive(map(Path, paths))}) == names


def test_every_kind_has_its_fault() -> None:
    assert {kind for fault in FAULTS for kind, _ in fault.findings} == set(KINDS)
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 100


def test_the_table_is_in_the_document() -> None:
    text = (Path(__file__).parents[2] / "docs" / "THREATS.md").read_text("utf-8")
    assert table() in text
