"""Odd places: a home that cannot be written to, folders that are gone, other file systems, other names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.torture import full
from tests.torture.house import (
    check_files,
    check_settled,
    command,
    copy_of,
    issue,
    notes,
    post,
    succeed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.forge.realm import Realm
    from tests.torture.house import Outcome


@pytest.fixture
def realm(template: Realm, arena: Path) -> Iterator[Realm]:
    realm = copy_of(template, arena / "realm")
    yield realm
    realm.close()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nobody write there: root is only stopped by the file system."""
    if full.can_mount():
        subprocess.run(["mount", "--bind", folder, folder], check=True)
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", folder], check=True)
        return
    if os.geteuid() == 0:
        pytest.skip("root can write everywhere, and nothing can be mounted here")
    folder.chmod(0o555)
    try:
        yield
    finally:
        folder.chmod(0o755)


def fails(outcome: Outcome, code: int = 1) -> None:
    """One line says what is wrong, and it is no bug."""
    errors = [line for line in outcome.text.splitlines() if line.startswith("dispatch: error: ")]
    assert (outcome.code, len(errors)) == (code, 1), outcome
    assert not {"Traceback", "unexpected", "None"} & set(outcome.text.split()), outcome


class TestReadOnly:
    def test_a_home(self, realm: Realm) -> None:
        cc = ["--home", realm.path / "cc"]
        before = notes(realm)
        succeed(realm, *cc, "roster", "group", "all", "tula")
        envelope = post(realm) / "cc-2026-1.tula.dispatch"
        with read_only(realm.path / "cc"):
            fails(command(realm, *issue(realm)))
            fails(command(realm, *cc, "receive", post(realm)))
            fails(command(realm, *cc, "roster", "sign"))
            fails(command(realm, *cc, "roster", "add", realm.path / "tula" / "card"))
            fails(command(realm, *cc, "roster", "import", realm.path / "tula" / "roster"))
            # what only reads
            succeed(realm, *cc, "card")
            succeed(realm, *cc, "keys", "show")
            succeed(realm, *cc, "roster", "show")
            succeed(realm, *cc, "roster", "export", "-o", realm.path / "exported.roster")
            succeed(realm, *cc, "verify", envelope, "--roster", realm.path / "cc" / "roster")
            succeed(realm, "--home", realm.path / "tula", "open", envelope)
        assert notes(realm) == before
        succeed(realm, *issue(realm))
        check_settled(realm, {}, before)

    def test_a_home_that_is_to_be_made(self, realm: Realm) -> None:
        closed = realm.path / "closed"
        closed.mkdir()
        words = ["--home", closed / "home", "init", "new", "--title", "T", "--no-passphrase"]
        with read_only(closed):
            fails(command(realm, *words))
        succeed(realm, *words)

    def test_the_folder_of_the_envelopes(self, realm: Realm) -> None:
        closed = realm.path / "closed"
        closed.mkdir()
        before = notes(realm)
        with read_only(closed):
            fails(command(realm, *issue(realm, folder=closed)))
            fails(command(realm, *issue(realm, folder=closed / "deeper")))
            fails(command(realm, "--home", realm.path / "cc", "export", "-o", closed))
            fails(command(realm, "--home", realm.path / "cc", "roster", "export", "-o", closed / "r"))
            fails(command(realm, "--home", realm.path / "tula", "read", "cc/2026/1", "--save", closed))
        assert notes(realm) == before, "a number was used"
        check_settled(realm, {}, before)


class TestGone:
    def test_the_outbox_and_attachments(self, realm: Realm) -> None:
        cc = ["--home", realm.path / "cc"]
        kept = realm.path / "kept"
        (realm.path / "cc" / "attachments").rename(kept)
        shutil.rmtree(realm.path / "cc" / "outbox", ignore_errors=True)
        succeed(realm, *cc, "issue", realm.path / "circular.md")
        exported = realm.path / "exported"
        fails(command(realm, *cc, "export", "-o", exported))
        assert len(list(exported.glob("*.dispatch"))) == 9, "what is there is written all the same"
        succeed(realm, *cc, "export", "--notes", "-o", realm.path / "notes")
        shutil.copytree(kept, realm.path / "cc" / "attachments", dirs_exist_ok=True)
        succeed(realm, *cc, "export", "-o", exported)
        check_files(realm, folders=[exported])

    def test_attachments_that_were_received(self, realm: Realm) -> None:
        shutil.rmtree(realm.path / "tula" / "attachments")
        tula = ["--home", realm.path / "tula"]
        fails(command(realm, *tula, "read", "cc/2026/1", "--save", realm.path / "saved"))
        succeed(realm, *tula, "receive", post(realm) / "cc-2026-1.tula.dispatch")
        succeed(realm, *tula, "read", "cc/2026/1", "--save", realm.path / "saved")

    def test_the_folder_of_an_unfinished_dispatch(self, realm: Realm) -> None:
        """It is made again; where that fails, an export elsewhere is a release as good as any."""
        away = realm.path / "away"
        succeed(realm, *issue(realm, folder=away))
        import sqlite3

        connection = sqlite3.connect(realm.home("cc").register, isolation_level=None)
        connection.execute("UPDATE notes SET state = 'signed' WHERE ordinal = 3")
        connection.close()
        shutil.rmtree(away)
        away.write_text("in the way")
        cc = ["--home", realm.path / "cc"]
        outcome = succeed(realm, *issue(realm))
        assert "warning: cc/2026/3 is signed or pending" in outcome.text
        outcome = succeed(realm, *cc, "export", "cc/2026/3", "-o", realm.path / "elsewhere")
        assert "warning: cc/2026/3" not in outcome.text
        assert "warning: cc/2026/3" not in succeed(realm, *issue(realm)).text
        assert len(list((realm.path / "elsewhere").glob("*.dispatch"))) == 3


class TestElsewhere:
    def test_another_file_system(self, realm: Realm, tmp_path: Path) -> None:
        if realm.path.stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("only one file system here")
        succeed(realm, *issue(realm, folder=tmp_path / "post"))
        check_settled(realm, {}, {}, elsewhere=[tmp_path / "post"])
        tula = ["--home", realm.path / "tula"]
        succeed(realm, *tula, "receive", tmp_path / "post")
        succeed(realm, *tula, "read", "cc/2026/3", "--save", tmp_path / "saved")
        assert len(list((tmp_path / "saved").iterdir())) == 2

    @pytest.mark.parametrize("name", ["мой дом", "two  blanks ", "'quoted\"", "%s {x} [*]", "-o", "日本\n語"])
    def test_other_names(self, template: Realm, arena: Path, name: str) -> None:
        realm = copy_of(template, arena / name)
        succeed(realm, *issue(realm))
        succeed(realm, "--home", realm.path / "cc", "issue", realm.path / "circular.md")
        succeed(realm, "--home", realm.path / "tula", "receive", post(realm))
        succeed(realm, "--home", realm.path / "cc", "roster", "group", "all", "tula")
        succeed(realm, "--home", realm.path / "cc", "roster", "sign")
        check_settled(realm, {}, {}, elsewhere=[realm.path / "cc" / "outbox"])

    @pytest.mark.skipif(sys.platform != "linux", reason="file names are Unicode there")
    def test_a_name_that_is_no_text(self, realm: Realm) -> None:
        folder = Path(os.fsdecode(os.fsencode(realm.path) + b"/\xff"))
        before = notes(realm)
        fails(command(realm, *issue(realm, folder=folder)))
        assert notes(realm) == before
        folder.mkdir()
        shutil.copy(post(realm) / "cc-2026-2.tula.dispatch", folder)
        succeed(realm, "--home", realm.path / "tula", "receive", folder)
        realm.adopt(realm.next_roster(lambda roster: roster), "cc")
        realm.close()
        succeed(realm, *issue(realm))
        shutil.copy(post(realm) / "cc-2026-3.tula.dispatch", folder)
        fails(command(realm, "--home", realm.path / "tula", "receive", folder), 6)
        succeed(realm, "--home", realm.path / "tula", "list", "--held")

    def test_a_folder_that_is_a_file(self, realm: Realm) -> None:
        file = realm.path / "circular.md"
        before = notes(realm)
        fails(command(realm, *issue(realm, folder=file)), 2)
        fails(command(realm, *issue(realm, folder=file / "deeper")))
        fails(command(realm, "--home", realm.path / "cc", "export", "-o", file / "deeper"))
        fails(command(realm, "--home", file, "list"), 2)
        fails(command(realm, "--home", file / "deeper", "init", "new", "--title", "T", "--no-passphrase"))
        fails(command(realm, "--home", realm.path / "cc", "card", "-o", realm.path))
        fails(command(realm, "--home", realm.path / "cc", "card", "-o", realm.path / "none" / "card"))
        assert notes(realm) == before

    def test_a_register_that_is_none(self, realm: Realm) -> None:
        register = realm.home("cc").register
        for path in register.parent.glob("register.db*"):
            path.unlink()
        register.touch(mode=0o600)
        register.write_bytes(bytes(range(256)) * 100)
        fails(command(realm, *issue(realm)))
        register.unlink()
        register.mkdir(mode=0o700)
        fails(command(realm, *issue(realm)))

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is none")
    @pytest.mark.parametrize("unbuffered", ["", "1"])
    def test_output_that_nobody_can_take(self, realm: Realm, unbuffered: str) -> None:
        # what stays in the buffer of Python is flushed once more when the process ends
        environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
        for words in (["list"], ["list", "--json"], ["card"], ["roster", "show"]):
            with Path("/dev/full").open("wb") as output:
                done = subprocess.run(
                    [sys.executable, "-m", "dispatch", "--home", realm.path / "cc", *words],
                    stdout=output,
                    stderr=subprocess.PIPE,
                    check=False,
                    cwd=Path(__file__).parent.parent.parent,
                    env=environment,
                )
            assert (done.returncode, done.stderr) == (1, b"dispatch: error: No space left on device\n")
