"""The files of an audit, under names that are the same wherever the archive lies.

Of one PATH, names are relative to it. Of several, each begins with the last part of its PATH, or, where two
PATHs end alike, with the PATH as it was given. So the order of the PATHs does not matter, nor where a single
folder was unpacked.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dispatch.system.folders import find_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ENVELOPE, NOTE, STATEMENT = ".dispatch", ".note", ".register"
ENDINGS = (ENVELOPE, NOTE, STATEMENT)


_SAFE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,119}(?<!\.)")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
_MAX_DEPTH = 16


class Source(NamedTuple):
    """A file: as the report names it, and where it is.

    `error`: why it cannot be looked into; `link`: it is one below a folder, and is not followed.
    """

    name: str
    place: str
    error: str = ""
    link: bool = False


class Archive:
    """All that an audit is given. Iterating gives the sources in the order of their names."""

    def __init__(self, paths: Iterable[Path]) -> None:
        labels = _labels(paths).items()
        self._tops = sorted(labels, key=lambda one: f"{one[0]}/" if one[1].is_dir() else one[0])

    def __iter__(self) -> Iterator[Source]:
        for label, top in self._tops:
            # as the walk begins each path; only `/` ends with its separator
            start = len(os.fspath(top).rstrip(os.sep)) + 1
            for found in find_files([top], ENDINGS, with_links=True):
                error = (found.error.strerror or "it cannot be read") if found.error else ""
                name = label if found.named else _join(label, found.place[start:])
                yield Source(name, found.place, error, found.link)

    def count(self) -> int:
        """Count the sources: a walk without names."""
        return sum(1 for _ in find_files((top for _, top in self._tops), ENDINGS, with_links=True))

    def empty(self) -> Iterator[str]:
        """Give the folders that were named and hold nothing to audit."""
        for label, top in self._tops:
            if next(find_files([top], ENDINGS, with_links=True), None) is None:
                yield label or "."

    def names(self, places: Iterable[int]) -> dict[int, str]:
        """Name sources by their place in the iteration: a walk costs less than keeping millions of names."""
        wanted = set(places)
        if not wanted:
            return {}
        return {place: source.name for place, source in enumerate(self) if place in wanted}


class SafeNames:
    """Names for files in a bundle: as they are where that is safe, and numbered where it is not."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: dict[str, str] = {}
        self._count = 0

    def take(self, name: str, ending: str) -> str:
        """Give a name that no other has in any case, and make sure that none will."""
        while not self._is_free(name):
            self._count += 1
            name = f"renamed/{self._count:06}{ending}"
        folders, _, _ = name.rpartition("/")
        while folders:
            self._folders[folders.casefold()] = folders
            folders, _, _ = folders.rpartition("/")
        self._files.add(name.casefold())
        return name

    def _is_free(self, name: str) -> bool:
        parts = name.split("/")
        if len(parts) > _MAX_DEPTH or not all(map(_is_safe, parts)):
            return False
        folded = name.casefold()
        if folded in self._files or folded in self._folders:
            return False
        above, _, _ = name.rpartition("/")
        while above:
            if above.casefold() in self._files or self._folders.get(above.casefold(), above) != above:
                return False
            above, _, _ = above.rpartition("/")
        return True


def _is_safe(part: str) -> bool:
    return _SAFE.fullmatch(part) is not None and _RESERVED.fullmatch(part) is None


def _labels(paths: Iterable[Path]) -> dict[str, Path]:
    """Label each PATH; the label of a single folder is empty."""
    given = {os.path.normpath(path): path for path in paths}
    if len(given) == 1:
        [path] = given.values()
        return {"" if path.is_dir() else _text(path.name): path}
    last = [Path(text).name.casefold() for text in given]
    plain = all(last) and len(set(last)) == len(last) and ".." not in last
    return {_text(path.name if plain else Path(text).as_posix()): path for text, path in given.items()}


def _join(label: str, relative: str) -> str:
    name = _text(relative.replace(os.sep, "/"))
    return "/".join(part for part in (label, name) if part) or "."


def _text(name: str) -> str:
    """Write a name that need not be Unicode as text."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
