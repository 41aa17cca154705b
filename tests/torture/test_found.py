"""What the tortures found, each by itself."""

from __future__ import annotations

import errno
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from dispatch.carriers.folder import write_many
from dispatch.errors import StorageError
from dispatch.store import attachments as attachment
from dispatch.system.files import make_folder, sync_directory, write_whole
from keys.errors import KeyFileError
from keys.keyfile import generate, read_keyfile, write_keyfile
from tests.torture.house import check_settled, command, copy_of, issue, notes, post, start, succeed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.forge.realm import Realm


@pytest.fixture
def realm(template: Realm, arena: Path) -> Iterator[Realm]:
    realm = copy_of(template, arena / "realm")
    yield realm
    realm.close()


def _no_links(*_: object, **__: object) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


class TestWithoutHardLinks:
    """As on a memory stick: the name is reserved by an empty file, which a killed run may leave."""

    @pytest.fixture(autouse=True)
    def _on_a_stick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "link", _no_links)

    def test_a_reservation_is_taken_over(self, tmp_path: Path) -> None:
        path = tmp_path / "card"
        path.touch()
        write_whole(path, b"card")
        assert path.read_bytes() == b"card"
        with pytest.raises(StorageError, match="another file is there"):
            write_whole(path, b"another")
        assert list(tmp_path.iterdir()) == [path]

    def test_so_is_that_of_a_key_file(self, tmp_path: Path) -> None:
        path = tmp_path / "office.key"
        path.touch()
        keys = generate()
        write_keyfile(path, keys, None)
        assert read_keyfile(path, str).signing_keys[0].verify_key == keys.signing_keys[0].verify_key
        with pytest.raises(KeyFileError, match="never overwritten"):
            write_keyfile(path, generate(), None)

    def test_an_office_is_made_after_all(self, realm: Realm) -> None:
        home = realm.home("new")
        home.path.mkdir(mode=0o700)
        home.office_key.touch(mode=0o600)
        succeed(realm, "--home", home.path, "init", "new", "--title", "T", "--no-passphrase")


def test_an_empty_file_with_hard_links_is_somebodys(tmp_path: Path) -> None:
    (tmp_path / "card").touch()
    with pytest.raises(StorageError, match="another file is there"):
        write_whole(tmp_path / "card", b"card")
    assert list(tmp_path.iterdir()) == [tmp_path / "card"]


def test_an_attachment_that_was_half_beside_its_envelopes_is_swept(realm: Realm) -> None:
    """Killed while it copied: nothing is left in the folder of the envelopes but a hidden file."""

    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def prepare() -> None:
        copy = attachment._copy  # noqa: SLF001

        def half(*details: Any) -> bool:
            attachment._Hashing.write = die  # type: ignore[assignment,method-assign]  # noqa: SLF001
            return copy(*details)

        attachment._copy = half  # type: ignore[assignment]  # noqa: SLF001

    assert start(realm, issue(realm), prepare).wait().code == -signal.SIGKILL
    assert [path for path in post(realm).iterdir() if path.name.startswith(".")] != []
    succeed(realm, *issue(realm))
    assert check_settled(realm, {}, {}) == 4


def test_what_a_killed_run_left_in_a_home_is_swept(realm: Realm) -> None:
    """Half a key, half a roster: gone with the next change of the roster."""
    for name in (".key-abc", ".roster.abc", ".roster.pending.abc", ".card.abc"):
        (realm.path / "cc" / name).write_bytes(b"half")
    succeed(realm, "--home", realm.path / "cc", "roster", "group", "all", "tula")
    assert list((realm.path / "cc").glob(".*")) == []


def test_errors_name_the_file_that_was_to_be_written(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        write_whole(tmp_path / "none" / "card", b"card")
    assert caught.value.filename == str(tmp_path / "none" / "card")
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r".") as at_file:
        list(write_many(tmp_path / "file" / "deeper", [("name", b"")], "cc"))
    assert str(tmp_path / "file") in str(at_file.value.filename)


def test_a_disk_that_fails_to_sync_names_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    code = errno.EINVAL
    sync_directory(tmp_path)
    code = errno.EIO
    with pytest.raises(OSError, match="Input/output error"):
        sync_directory(tmp_path)
    with pytest.raises(OSError, match="Input/output error"):
        make_folder(tmp_path / "a" / "b")


def test_output_to_a_device_goes_there(realm: Realm) -> None:
    """And the device is not replaced by a file."""
    pipe = realm.path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    for force in ([], ["--force"]):
        succeed(realm, "--home", realm.path / "tula", "card", "-o", pipe, *force)
        assert os.read(reader, 100_000) == (realm.path / "tula" / "card").read_bytes()
    os.close(reader)
    assert pipe.is_fifo()


def test_a_number_is_not_used_where_nothing_can_be_written(realm: Realm) -> None:
    before = notes(realm)
    assert command(realm, *issue(realm, folder=realm.path / "circular.md" / "deeper")).code == 1
    assert notes(realm) == before
