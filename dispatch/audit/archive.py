"""The files of an audit, under names that are the same wherever the archive lies.

Where one PATH is given, names are relative to it. Where several are given, each name begins with the last
part of its PATH, or with the whole PATH as it was given if two PATHs end alike. So the names depend neither
on the order of the PATHs nor on the place where a single folder was unpacked.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from dispatch.system.folders import find_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ENVELOPE, NOTE, STATEMENT = ".dispatch", ".note", ".register"
ENDINGS = (ENVELOPE, NOTE, STATEMENT)

Progress: TypeAlias = "Callable[[int, int], None]"
"""What is called from time to time with the number of files done, and of all files."""

_SAFE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,119}(?<!\.)")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
_MAX_DEPTH = 16


def no_progress(done: int, total: int) -> None:
    """Show no progress."""


class Source(NamedTuple):
    """One file of an archive.

    `name`: what the report calls it; `place`: its path; `error`: why it cannot be looked into, or empty;
    `link`: it is a link below a folder, which is not followed.
    """

    name: str
    place: str
    error: str = ""
    link: bool = False


class Archive:
    """The files and folders that an audit is given. Iterating gives the sources, in the order of names."""

    def __init__(self, paths: Iterable[Path]) -> None:
        labels = _labels(paths).items()
        self._tops = sorted(labels, key=lambda one: f"{one[0]}/" if one[1].is_dir() else one[0])

    def __iter__(self) -> Iterator[Source]:
        for label, top in self._tops:
            # each path that is found begins with that of the folder and a separator, which `/` has already
            start = len(os.fspath(top).rstrip(os.sep)) + 1
            for found in find_files([top], ENDINGS, with_links=True):
                error = (found.error.strerror or "it cannot be read") if found.error else ""
                name = label if found.named else _join(label, found.place[start:])
                yield Source(name, found.place, error, found.link)

    def count(self) -> int:
        """Count the sources, by a walk without names."""
        return sum(1 for _ in find_files((top for _, top in self._tops), ENDINGS, with_links=True))

    def empty(self) -> Iterator[str]:
        """Give the names of the folders that were given and hold nothing to audit."""
        for label, top in self._tops:
            if next(find_files([top], ENDINGS, with_links=True), None) is None:
                yield label or "."

    def names(self, places: Iterable[int]) -> dict[int, str]:
        """Give the names of sources, by their places in the iteration.

        Findings name few files, and a second walk costs less than keeping millions of names.
        """
        wanted = set(places)
        if not wanted:
            return {}
        return {place: source.name for place, source in enumerate(self) if place in wanted}


class SafeNames:
    """Names for files in a bundle: those that are safe to unpack stay, the others are numbered."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: dict[str, str] = {}
        self._count = 0

    def take(self, name: str, ending: str) -> str:
        """Give a name that differs from all others in more than its case, and reserve it.

        `ending`: of a numbered name.
        """
        while not self._is_free(name):
            self._count += 1
            name = f"renamed/{self._count:06}{ending}"
        self._folders.update((folder.casefold(), folder) for folder in _folders_of(name))
        self._files.add(name.casefold())
        return name

    def _is_free(self, name: str) -> bool:
        parts = name.split("/")
        if len(parts) > _MAX_DEPTH or not all(map(_is_safe, parts)):
            return False
        folded = name.casefold()
        if folded in self._files or folded in self._folders:
            return False
        # no file has the name of one of its folders, and no folder the same name in another case
        return all(
            folder.casefold() not in self._files and self._folders.get(folder.casefold(), folder) == folder
            for folder in _folders_of(name)
        )


def _folders_of(name: str) -> list[str]:
    """Give the folders that a name lies in: `a` and `a/b` of `a/b/c.note`."""
    parts = name.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]


def _is_safe(part: str) -> bool:
    return _SAFE.fullmatch(part) is not None and _RESERVED.fullmatch(part) is None


def _labels(paths: Iterable[Path]) -> dict[str, Path]:
    """Give the PATHs by what their names begin with; that is empty for a single folder."""
    given = {os.path.normpath(path): path for path in paths}
    if len(given) == 1:
        [path] = given.values()
        return {"" if path.is_dir() else _text(path.name): path}
    last = [Path(text).name.casefold() for text in given]
    is_plain = all(last) and len(set(last)) == len(last) and ".." not in last
    return {_text(path.name if is_plain else Path(text).as_posix()): path for text, path in given.items()}


def _join(label: str, relative: str) -> str:
    name = _text(relative.replace(os.sep, "/"))
    return "/".join(part for part in (label, name) if part) or "."


def _text(name: str) -> str:
    """Write a file name as text; bytes that are not UTF-8 become escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
