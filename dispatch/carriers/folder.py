"""A folder as carrier: envelopes are found in it and put into it, whole or not at all."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dispatch.errors import StorageError
from dispatch.system.files import is_there, make_folder, naming, sync_directory, sync_files
from dispatch.system.folders import Found, find_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def arrivals(paths: Iterable[Path]) -> Iterator[Found]:
    """Give the files among `paths`, and the *.dispatch files below the folders among them, in order."""
    return find_files(paths, (".dispatch",))


def write_many(directory: Path, files: Iterable[tuple[str, bytes]], owner: str) -> Iterator[Path]:
    """Write files under their names, from an iterator so that they need not all be in memory.

    They are written into a hidden folder, made durable, and then moved. The name of that folder contains
    the `owner`, so that the owner's next run finds and removes what a killed run left. The caller makes sure
    that an owner has only one run at a time.

    Where a name is taken by something else, the other files are written, and then the first such error is
    raised: StorageError, OSError.
    """
    make_folder(directory)
    prefix = unfinished_prefix(owner)
    _sweep(directory, prefix)
    with naming(directory):
        workshop = Path(tempfile.mkdtemp(prefix=prefix, dir=directory))
        # by descriptor, so that whoever else can write to `directory` cannot put another folder in its place
        inside = os.open(workshop, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(inside).st_uid != os.geteuid():
            raise StorageError(f"{directory}: somebody put a folder of theirs in the place of ours")
        written: list[str] = []
        there: list[str] = []
        in_the_way: list[StorageError | OSError] = []
        for name, data in files:
            outside = f"{directory}{os.sep}{name}"
            try:
                if os.path.lexists(outside) and is_there(directory / name, data):
                    there.append(name)
                    continue
            except StorageError as error:
                in_the_way.append(error)
                continue
            try:
                descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=inside)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
            except OSError as error:
                error.filename = outside
                raise
            written.append(name)
        moved: list[str] = []
        with naming(directory):
            sync_files(inside, written)
        for name in written:
            place = directory / name
            try:
                with naming(place):
                    os.replace(name, place, src_dir_fd=inside)
            except OSError as error:
                # somebody was quicker, or owns an empty file of this name
                in_the_way.append(error)
            else:
                moved.append(name)
        with naming(directory):
            sync_directory(directory)
        yield from (directory / name for name in (*there, *moved))
        if in_the_way:
            raise in_the_way[0]
    finally:
        os.close(inside)
        shutil.rmtree(workshop, ignore_errors=True)


def _sweep(directory: Path, prefix: str) -> None:
    """Remove what a killed run of ours left; who else can write to the folder may use our names."""
    for left in directory.glob(f"{prefix}*"):
        with suppress(OSError):
            status = left.lstat()
            if status.st_uid != os.geteuid():
                continue
            if stat.S_ISDIR(status.st_mode):
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink()


def unfinished_prefix(owner: str) -> str:
    """Give the beginning of the hidden names in which an owner writes; its next `write_many` removes them."""
    return f".dispatch-{owner}."  # a handle has no dot, so that `cc` leaves what is of `cc-2`
