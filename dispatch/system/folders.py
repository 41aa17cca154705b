"""Find files by their endings in folders, in order. Links are not followed, and hidden names are left out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dispatch.system.files import read_capped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Found(NamedTuple):
    """A file, or something that could not be looked into because of an `error`.

    `named`: the caller named this very file; `link`: it is one, and was not followed.
    `place` is text and not a path, because there may be millions.
    """

    place: str
    named: bool = False
    error: OSError | None = None
    link: bool = False

    @property
    def path(self) -> Path:
        """Its place as a path."""
        return Path(self.place)

    def read(self, limit: int) -> bytes:
        """Read at most `limit` bytes. A pipe or device is read only if the caller named it.

        Raises MalformedError, StorageError, OSError.
        """
        if self.error is not None:
            raise self.error
        return read_capped(self.path, limit, regular=not self.named)


def find_files(
    paths: Iterable[Path], endings: tuple[str, ...], *, with_links: bool = False
) -> Iterator[Found]:
    """Find files: those named and, of each folder, those below it with one of the `endings`, in order.

    `endings` are in small letters. What cannot be listed is found too, with its error: one hostile name
    must not stop the rest. Links are passed over unless they are asked for; they are not followed.
    """
    for path in paths:
        if _is_folder(path):
            for found in _find_within(os.fspath(path), endings):
                if with_links or not found.link:
                    yield found
        else:
            yield Found(os.fspath(path), named=True)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        # a name that is too long, say: reading it says so, and costs no other its turn
        return False


def _find_within(top: str, endings: tuple[str, ...]) -> Iterator[Found]:
    """Walk a folder in the order of whole names, so that `a.note` comes before `a/b.note`."""
    levels = [iter(_list(top, endings))]
    while levels:
        found = next(levels[-1], None)
        if found is None:
            levels.pop()
        elif isinstance(found, Found):
            yield found
        else:
            levels.append(iter(_list(found, endings)))


def _list(folder: str, endings: tuple[str, ...]) -> list[Found | str]:
    """List one folder: what is found, and the folders below, in order."""
    entries: list[tuple[str, Found | str]] = []
    try:
        with os.scandir(folder) as listing:
            for entry in listing:
                name = entry.name
                # hidden folders hold what is being written
                if name[:1] == ".":
                    continue
                try:
                    if entry.is_symlink():
                        entries.append((name, Found(entry.path, link=True)))
                    elif entry.is_dir(follow_symlinks=False):
                        entries.append((f"{name}/", entry.path))
                    # a pipe would make us wait for ever
                    elif name.casefold().endswith(endings) and entry.is_file(follow_symlinks=False):
                        entries.append((name, Found(entry.path)))
                except OSError as error:
                    entries.append((name, Found(entry.path, error=error)))
    except OSError as error:
        return [Found(folder, error=error)]
    entries.sort(key=lambda entry: entry[0])
    return [one for _, one in entries]
