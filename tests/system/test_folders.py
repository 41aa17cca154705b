"""Files found in folders: in order, without links and hidden names, and read with care."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from dispatch.errors import MalformedError, StorageError
from dispatch.system.folders import Found, find_files

if TYPE_CHECKING:
    from pathlib import Path


def places(top: Path, *, with_links: bool = False) -> list[str]:
    found = find_files([top], (".note",), with_links=with_links)
    return [one.path.relative_to(top).as_posix() for one in found]


def test_files_come_in_the_order_of_whole_names(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name in ("a/b.note", "a.note", "B.NOTE", "a/c.txt", ".hidden.note"):
        (tmp_path / name).write_bytes(b"1")
    assert places(tmp_path) == ["B.NOTE", "a.note", "a/b.note"]


def test_links_are_found_only_if_they_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.note").write_bytes(b"1")
    (tmp_path / "link.note").symlink_to(tmp_path / "a.note")
    (tmp_path / "up").symlink_to(tmp_path)
    assert places(tmp_path) == ["a.note"]
    assert places(tmp_path, with_links=True) == ["a.note", "link.note", "up"]


def test_what_is_named_is_found_whatever_its_ending(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"1")
    [found] = find_files([tmp_path / "a.txt"], (".note",))
    assert found == Found(str(tmp_path / "a.txt"), named=True)


def test_reading_stops_at_the_limit(tmp_path: Path) -> None:
    (tmp_path / "a.note").write_bytes(b"12345")
    [found] = find_files([tmp_path], (".note",))
    assert found.read(5) == b"12345"
    with pytest.raises(MalformedError):
        found.read(4)


def test_reading_what_could_not_be_looked_into_says_why() -> None:
    error = PermissionError(13, "denied")
    with pytest.raises(PermissionError) as caught:
        Found("a", error=error).read(1)
    assert caught.value is error


def test_a_pipe_put_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "a.note").write_bytes(b"1")
    [found] = find_files([tmp_path], (".note",))
    (tmp_path / "a.note").unlink()
    os.mkfifo(tmp_path / "a.note")
    with pytest.raises(StorageError):
        found.read(1)
