"""Files: whole or not there, and never over another's."""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dispatch.carriers.folder import write_many
from dispatch.errors import MalformedError, StorageError
from dispatch.system.files import current_umask, locked, move_new, read_capped, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class TestReadCapped:
    def test_at_the_limit_and_over_it(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        path.write_bytes(b"12345")
        assert read_capped(path, 5) == b"12345"
        with pytest.raises(MalformedError, match="longer than 4 bytes"):
            read_capped(path, 4)

    def test_standard_input_at_the_limit_and_over_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"12345")))
        assert read_capped(Path("-"), 5) == b"12345"
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"12345")))
        with pytest.raises(MalformedError, match="longer than 4 bytes"):
            read_capped(Path("-"), 4)

    def test_what_never_ends_is_not_read_to_its_end(self) -> None:
        with pytest.raises(MalformedError):
            read_capped(Path("/dev/zero"), 1000)

    def test_a_pipe_is_not_waited_for_where_a_regular_file_is_due(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
            with pytest.raises(StorageError, match="not a regular file"):
                read_capped(path, 1, regular=True)
        (tmp_path / "file").write_bytes(b"1")
        assert read_capped(tmp_path / "file", 1, regular=True) == b"1"


class TestWriteWhole:
    def test_a_file_is_written_with_its_mode_and_nothing_is_left(self, tmp_path: Path) -> None:
        write_whole(tmp_path / "a", b"one")
        write_whole(tmp_path / "b", b"two", mode=0o600)
        assert (tmp_path / "a").read_bytes() == b"one"
        assert (tmp_path / "a").stat().st_mode & 0o777 == 0o666 & ~current_umask()
        assert (tmp_path / "b").stat().st_mode & 0o777 == 0o600
        assert names(tmp_path) == ["a", "b"]

    def test_another_file_stays_unless_it_may_be_overwritten(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        write_whole(path, b"one")
        with pytest.raises(StorageError, match="another file"):
            write_whole(path, b"two")
        assert path.read_bytes() == b"one"
        write_whole(path, b"one")
        write_whole(path, b"two", overwrite=True)
        assert path.read_bytes() == b"two"
        assert names(tmp_path) == ["a"]

    def test_a_link_to_nowhere_is_not_written_through(self, tmp_path: Path) -> None:
        (tmp_path / "a").symlink_to(tmp_path / "target")
        with pytest.raises((StorageError, FileExistsError)):
            write_whole(tmp_path / "a", b"one")
        assert not (tmp_path / "target").exists()

    def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            write_whole(tmp_path / "nowhere" / "a", b"one")

    @pytest.mark.parametrize("letter", ["a", "ж", "中", "😀"])
    def test_a_very_long_name_in_any_script(self, tmp_path: Path, letter: str) -> None:
        path = tmp_path / (letter * (255 // len(letter.encode())))
        write_whole(path, b"one")
        assert path.read_bytes() == b"one"


class TestMoveNew:
    def test_a_taken_name_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "from").write_bytes(b"new")
        (tmp_path / "to").write_bytes(b"old")
        with pytest.raises(FileExistsError):
            move_new(tmp_path / "from", tmp_path / "to")
        assert (tmp_path / "to").read_bytes() == b"old"

    def test_on_a_file_system_without_links(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> None:
            raise OSError(errno.EPERM, "no links here")

        monkeypatch.setattr(os, "link", refuse)
        (tmp_path / "from").write_bytes(b"new")
        move_new(tmp_path / "from", tmp_path / "to")
        assert (tmp_path / "to").read_bytes() == b"new"
        (tmp_path / "from").write_bytes(b"newer")
        with pytest.raises(FileExistsError):
            move_new(tmp_path / "from", tmp_path / "to")
        assert (tmp_path / "to").read_bytes() == b"new"


class TestWriteMany:
    @pytest.mark.parametrize("count", [0, 1, 31, 32, 33])
    def test_all_are_written_and_nothing_else_is_left(self, tmp_path: Path, count: int) -> None:
        files = [(f"{number:02}", str(number).encode()) for number in range(count)]
        paths = list(write_many(tmp_path / "new" / "folder", files, "cc"))
        assert [path.name for path in paths] == [name for name, _ in files]
        assert names(tmp_path / "new" / "folder") == [name for name, _ in files]
        assert all(path.read_bytes() == data for path, (_, data) in zip(paths, files, strict=True))

    def test_what_is_there_already_is_given_too(self, tmp_path: Path) -> None:
        list(write_many(tmp_path, [("a", b"1")], "cc"))
        before = (tmp_path / "a").stat()
        assert sorted(write_many(tmp_path, [("a", b"1"), ("b", b"2")], "cc")) == [
            tmp_path / "a",
            tmp_path / "b",
        ]
        assert (tmp_path / "a").stat().st_ino == before.st_ino

    def test_another_file_in_the_way_costs_only_itself(self, tmp_path: Path) -> None:
        (tmp_path / "b").write_bytes(b"mine")
        with pytest.raises(StorageError, match="another file"):
            list(write_many(tmp_path, [("a", b"1"), ("b", b"2"), ("c", b"3")], "cc"))
        assert names(tmp_path) == ["a", "b", "c"]
        assert (tmp_path / "b").read_bytes() == b"mine"

    @pytest.mark.parametrize("kind", ["pipe", "endless", "dangling"])
    def test_a_pipe_or_link_in_the_way_is_another_file(self, tmp_path: Path, kind: str) -> None:
        """Nothing waits for it, and nothing is written through it."""
        match kind:
            case "pipe":
                os.mkfifo(tmp_path / "a")
            case "endless":
                (tmp_path / "a").symlink_to("/dev/zero")
            case _:
                (tmp_path / "a").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(StorageError, match="another file"):
            list(write_many(tmp_path, [("a", b"1")], "cc"))
        assert not (tmp_path / "elsewhere").exists()

    @pytest.mark.parametrize("kind", ["folder", "full folder", "link to a folder", "socket"])
    def test_a_folder_in_the_way_costs_only_itself(self, tmp_path: Path, kind: str) -> None:
        place = tmp_path / "b"
        match kind:
            case "link to a folder":
                place.symlink_to(tmp_path)
            case "socket":
                os.mknod(place, stat.S_IFSOCK | 0o600)
            case _:
                place.mkdir()
        if kind == "full folder":
            (place / "mine").write_bytes(b"mine")
        with pytest.raises(StorageError, match=f"{place}: another file"):
            list(write_many(tmp_path, [("a", b"1"), ("b", b"2"), ("c", b"3")], "cc"))
        assert names(tmp_path) == ["a", "b", "c"]
        assert ((tmp_path / "a").read_bytes(), (tmp_path / "c").read_bytes()) == (b"1", b"3")

    def test_a_folder_that_comes_at_the_last_moment_costs_only_itself(self, tmp_path: Path) -> None:
        def files() -> Iterator[tuple[str, bytes]]:
            yield "a", b"1"
            (tmp_path / "a").mkdir()
            yield "b", b"2"

        with pytest.raises(OSError, match="a") as caught:
            list(write_many(tmp_path, files(), "cc"))
        assert caught.value.filename == str(tmp_path / "a")
        assert names(tmp_path) == ["a", "b"]

    def test_a_hidden_file_of_somebody_else_is_no_hindrance(self, tmp_path: Path) -> None:
        """Where the folder is shared, we may not remove it; not even where we may is it ours."""
        if os.geteuid() != 0:
            pytest.skip("needs root, to make files of somebody else")
        folder, file = tmp_path / ".dispatch-cc.folder", tmp_path / ".dispatch-cc.file"
        folder.mkdir()
        (folder / "inside").write_bytes(b"")
        file.write_bytes(b"")
        for path in (folder, file):
            os.chown(path, 65534, 65534)
        list(write_many(tmp_path, [("a", b"1")], "cc"))
        assert names(tmp_path) == [file.name, folder.name, "a"]

    def test_a_folder_put_in_the_place_of_ours_gets_nothing(self, tmp_path: Path) -> None:
        """Who can write to the folder swaps our hidden one for a folder with a link to the victim's file."""
        victim = tmp_path / "victim"
        victim.write_bytes(b"precious")
        post = tmp_path / "post"

        def files() -> Iterator[tuple[str, bytes]]:
            yield "a", b"1"
            [ours] = post.glob(".dispatch-cc.*")
            ours.rename(tmp_path / "stolen")
            ours.mkdir()
            (ours / "b").symlink_to(victim)
            yield "b", b"2"

        list(write_many(post, files(), "cc"))
        assert victim.read_bytes() == b"precious"
        assert (post / "b").read_bytes() == b"2"

    def test_a_source_that_fails_leaves_nothing(self, tmp_path: Path) -> None:
        def files() -> Iterator[tuple[str, bytes]]:
            yield "a", b"1"
            raise StorageError("no more")

        with pytest.raises(StorageError, match="no more"):
            list(write_many(tmp_path, files(), "cc"))
        assert names(tmp_path) == []

    def test_what_a_killed_run_left_is_removed_but_not_anothers(self, tmp_path: Path) -> None:
        (tmp_path / ".dispatch-cc.x").mkdir()
        (tmp_path / ".dispatch-cc.x" / "half").write_bytes(b"")
        (tmp_path / ".dispatch-tula.x").mkdir()
        (tmp_path / ".other").write_bytes(b"")
        list(write_many(tmp_path, [("a", b"1")], "cc"))
        assert names(tmp_path) == [".dispatch-tula.x", ".other", "a"]

    def test_an_office_whose_name_begins_like_anothers_leaves_its_files_alone(self, tmp_path: Path) -> None:
        """`cc` and `cc-2` may write into one folder at the same time."""
        (tmp_path / ".dispatch-cc-2.x").mkdir()
        list(write_many(tmp_path, [("a", b"1")], "cc"))
        assert (tmp_path / ".dispatch-cc-2.x").exists()


def test_the_lock_lets_one_in_at_a_time(tmp_path: Path) -> None:
    inside: list[str] = []
    entered = threading.Event()

    def other() -> None:
        entered.set()
        with locked(tmp_path / "lock"):
            inside.append("other")

    thread = threading.Thread(target=other)
    with locked(tmp_path / "lock"):
        thread.start()
        entered.wait()
        thread.join(0.2)
        inside.append("first")
    thread.join()
    assert inside == ["first", "other"]
    with pytest.raises(StorageError), locked(tmp_path / "lock"):
        raise StorageError("inside")
    with locked(tmp_path / "lock"):
        pass
