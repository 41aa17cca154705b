"""The room's door: what a caller finds in `dispatch.audit`, and that it costs no more than is asked for."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING

import pytest

from dispatch import audit
from keys.errors import ExpiredError, FormatError, UnpinnedRootError
from tests.forge.archive import BRANCHES, END, ForgedArchive, make_archive
from tests.forge.dispatches import DAY

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def small() -> ForgedArchive:
    return make_archive(BRANCHES[:3], 2)


@pytest.fixture(scope="module")
def folder(small: ForgedArchive, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small.write(tmp_path_factory.mktemp("door"))


def loaded(code: str) -> set[str]:
    """Run a program; give the modules of dispatch that it loaded."""
    code += "\nimport sys; print(*[name for name in sys.modules if name.startswith('dispatch')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_an_archive_is_audited_with_the_bytes_of_a_roster_and_a_pin(
    small: ForgedArchive, folder: Path
) -> None:
    report = audit.run([folder], small.roster_file(), small.pin, at=END)
    assert (report.verdict, report.findings) == ("clean", ())
    assert (report.root, report.at, report.partial) == (small.pin, END, False)
    assert report.counts["notes"] == len(small.sent)
    assert report.duties == ()


def test_all_that_the_command_can_ask_for_has_its_option(small: ForgedArchive, tmp_path: Path) -> None:
    archive = small.copy()
    for name in [one for one in archive.files if not one.endswith(".b02.dispatch")]:
        del archive.files[name]
    seen: list[tuple[int, int]] = []
    share = audit.run(
        [archive.write(tmp_path)],
        small.roster_file(),
        small.pin,
        at=END,
        partial=True,
        circulars=[audit.Text("c", small.circular)],
        progress=lambda done, total: seen.append((done, total)),
    )
    assert (share.partial, share.verdict) == (True, "clean")
    assert [str(one.case.number) for one in share.duties] == ["cc/2025/1"]
    assert seen[0] == (0, share.counts["files"])
    whole = audit.run([tmp_path], small.roster_file(), small.pin, at=END)
    assert "missing-note" in {finding.kind for finding in whole.findings}


def test_files_are_verified_one_by_one(small: ForgedArchive, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "x.dispatch").write_bytes(b"?")
    verdicts = list(audit.verify([folder, str(tmp_path)], small.roster_file(), small.pin, at=END))
    assert len(verdicts) == len(small.files) + 1
    assert [one.code for one in verdicts[:-1]] == [0] * len(small.files)
    assert {one.number for one in verdicts[:-1]} == set(map(str, small.sent))
    assert (verdicts[-1].code, verdicts[-1].number) == (5, None)


def test_now_is_the_moment_unless_another_is_given(folder: Path, small: ForgedArchive) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    report = audit.run([folder], small.roster_file(), small.pin)
    assert before <= report.at <= before + timedelta(minutes=5)
    assert report.at.microsecond == 0
    assert next(audit.verify([folder], small.roster_file(), small.pin)).error == ""


@pytest.mark.parametrize("check", [audit.run, audit.verify])
def test_a_roster_that_cannot_be_trusted_raises(small: ForgedArchive, folder: Path, check: object) -> None:
    assert callable(check)
    roster, expires = small.roster_file(), small.trusted().roster.expires
    with pytest.raises(UnpinnedRootError):
        check([folder], roster, "SHA256:" + "A" * 43, at=END)
    with pytest.raises(FormatError):
        check([folder], roster[:-2], small.pin, at=END)
    with pytest.raises(ExpiredError):
        check([folder], roster, small.pin, at=expires)
    check([folder], roster, small.pin, at=expires - DAY)


def test_every_name_of_the_door_is_there() -> None:
    for name in audit.__all__:
        assert getattr(audit, name) is not None
    with pytest.raises(AttributeError, match="run_all"):
        attrgetter("run_all")(audit)


def test_the_door_loads_what_is_asked_for_and_no_more() -> None:
    assert not {name for name in loaded("import dispatch.audit") if name.startswith("dispatch.audit.")}
    one_by_one = loaded("from dispatch.audit import verify")
    assert "dispatch.audit.verdicts" in one_by_one
    assert not {"dispatch.audit.auditing", "dispatch.audit.duties", "dispatch.formats.message"} & one_by_one
    assert "dispatch.audit.auditing" in loaded("from dispatch import audit; audit.run")
