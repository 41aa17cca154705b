"""A bundle has the same bytes whatever the order, is safe to unpack, and audits to the same findings."""

from __future__ import annotations

import json
import random
import re
import shlex
import zipfile
from typing import TYPE_CHECKING

import pytest

from dispatch.audit.archive import Archive, SafeNames
from dispatch.audit.auditing import run_audit
from dispatch.audit.bundle import write_bundle
from dispatch.audit.circulars import Text
from dispatch.audit.report import report_bytes
from dispatch.cli.main import run
from dispatch.errors import RefusedError, StorageError
from keys.text import format_date
from tests.audit.faults import FAULTS, Fault
from tests.forge.archive import BRANCHES, END, ForgedArchive, make_archive

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dispatch.audit.report import AuditReport


@pytest.fixture(scope="module")
def small() -> ForgedArchive:
    """Three branches and three months, with a few faults that survive together."""
    archive = make_archive(BRANCHES[:3], 3)
    archive.files["cc/b.dispatch"] = b"foreign"
    archive.files["губком/ц.dispatch"] = b"\x1b[31m"
    archive.files["CC/B.dispatch"] = b"the same name elsewhere"
    archive.files["con.note"] = b""
    return archive


def audit_all(archive: ForgedArchive, files: Archive, texts: Sequence[Text]) -> AuditReport:
    return run_audit(files, archive.trusted(), at=END, root=archive.pin, circulars=texts)


def bundle(archive: ForgedArchive, out: Path, *paths: Path, name: str = "c.lines") -> AuditReport:
    texts = (Text(name, archive.circular),)
    report = audit_all(archive, Archive(paths), texts)
    write_bundle(out, Archive(paths), report, roster=archive.roster_file(), circulars=texts)
    return report


def test_the_same_bytes_in_any_order(small: ForgedArchive, tmp_path: Path) -> None:
    small.write(tmp_path / "archive")
    tops = sorted((tmp_path / "archive").iterdir())
    first = None
    for seed in range(4):
        random.Random(seed).shuffle(tops)
        report = bundle(small, tmp_path / f"{seed}.zip", *tops)
        made = (report_bytes(report), (tmp_path / f"{seed}.zip").read_bytes())
        first = first or made
        assert made == first


def test_files_one_by_one_in_any_order(small: ForgedArchive, tmp_path: Path) -> None:
    files = [
        path for path in small.write(tmp_path / "archive").rglob("*.dispatch") if path.name.startswith("cc-")
    ]
    reports = set()
    for seed in range(3):
        random.Random(seed).shuffle(files)
        reports.add(report_bytes(audit_all(small, Archive([*files, *files[:3]]), ())))
    assert len(reports) == 1


def test_what_is_unpacked_audits_to_the_same_findings(
    small: ForgedArchive,
    tmp_path: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = small.write(tmp_path / "archive")
    (place / "loop").symlink_to(place)
    report = bundle(small, tmp_path / "out.zip", place, tmp_path / "absent", name="мой.txt")
    kinds = {one.kind for one in report.findings}
    assert {"link-not-followed", "unreadable-file", "foreign-file"} <= kinds
    inside = tmp_path / "inside"
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.testzip() is None
        archive.extractall(inside)
    readme = (inside / "README.txt").read_text("ascii")
    assert '- link-not-followed: "archive/loop"' in readme
    [line] = re.findall(r"^  (dispatch audit .*)$", readme, re.MULTILINE)
    monkeypatch.chdir(inside)
    code = run(shlex.split(line)[1:])
    printed = capfdbinary.readouterr().out
    assert printed == (inside / "findings.json").read_bytes()
    assert code == json.loads(printed)["code"] == 5
    assert json.loads(printed)["at"] == format_date(END)


def test_names_are_safe_to_unpack(small: ForgedArchive, tmp_path: Path) -> None:
    bundle(small, tmp_path / "out.zip", small.write(tmp_path / "archive"))
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        infos = archive.infolist()
    names = [info.filename for info in infos]
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        assert name.isascii()
        assert not name.startswith("/")
        assert not {"..", "", "."} & set(name.split("/"))
        assert "\\" not in name
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}
    assert {info.external_attr >> 16 for info in infos} == {0o644}
    assert "archive/con.note" not in names
    held = [name for name in names if name.startswith("archive/")]
    assert len(held) == len(small.files)


@pytest.mark.parametrize(
    "name",
    [
        "../x.note",
        "/x.note",
        "a/../x.note",
        "a//x.note",
        ".x.note",
        "nul.note",
        "COM1",
        "x.",
        "a\\b.note",
        "а.note",
        "x" * 300,
        "a:b.note",
        "x\n.note",
        " x.note",
        "a/" * 20 + "x.note",
    ],
)
def test_a_name_that_is_not_safe_is_numbered(name: str) -> None:
    assert SafeNames().take(name, ".note") == "renamed/000001.note"


def test_a_name_that_is_taken_is_numbered() -> None:
    names = SafeNames()
    assert names.take("a/b.note", ".note") == "a/b.note"
    # the same name, one in another case, a folder of another case, a file for a folder and the other way
    for other in ("a/b.note", "a/B.note", "A/c.note", "a", "a/b.note/c.note"):
        assert names.take(other, ".note").startswith("renamed/")
    assert names.take("a/c.note", ".note") == "a/c.note"


def test_nothing_is_written_over(small: ForgedArchive, tmp_path: Path) -> None:
    place = small.write(tmp_path / "archive")
    (tmp_path / "out.zip").write_bytes(b"mine")
    with pytest.raises(StorageError):
        bundle(small, tmp_path / "out.zip", place)
    assert {path.name for path in tmp_path.iterdir()} == {"archive", "out.zip"}
    assert (tmp_path / "out.zip").read_bytes() == b"mine"


def test_nothing_is_no_bundle(small: ForgedArchive, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RefusedError):
        bundle(small, tmp_path / "out.zip", tmp_path / "empty")


@pytest.mark.parametrize(
    "fault", [one for one in FAULTS if one.name != "nothing-at-all"], ids=lambda fault: fault.name
)
def test_every_fault_that_is_in_the_files_is_in_the_bundle(
    fault: Fault, clean: ForgedArchive, tmp_path: Path
) -> None:
    """All but what is wrong, and the files of two offices, is left out: it would take minutes."""
    archive = clean.copy()
    fault.make(archive)
    if fault.circular:
        archive.circular = fault.circular(archive)
    archive.files = {
        name: data
        for name, data in archive.files.items()
        if name.startswith(("b02/", "b03/")) or data is not clean.files.get(name)
    }
    report = bundle(archive, tmp_path / "out.zip", archive.write(tmp_path / "archive"))
    with zipfile.ZipFile(tmp_path / "out.zip") as packed:
        packed.extractall(tmp_path / "inside")
    unpacked = audit_all(
        archive, Archive([tmp_path / "inside" / "archive"]), (Text("c.lines", archive.circular),)
    )
    assert unpacked == report
    assert (tmp_path / "inside" / "findings.json").read_bytes() == report_bytes(report)
