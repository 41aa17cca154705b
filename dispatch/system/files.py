"""Files on disk: whole or not there, never half-written, never over another's."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from dispatch.errors import MalformedError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# From here on one sync of the whole system is cheaper than one of each file. Elsewhere than on
# Linux it only begins to write, and does not wait.
_MANY = 32 if sys.platform == "linux" else sys.maxsize
# What a file system says that cannot sync a folder, or lets us not open it.
_CANNOT_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EPERM, errno.EISDIR)
_SHORT = 64 * 1024


def read_capped(path: Path, limit: int, *, regular: bool = False) -> bytes:
    """Read a file of at most `limit` bytes, `-` for standard input unless it must be a `regular` file.

    Raises MalformedError, StorageError, OSError.
    """
    if str(path) == "-" and not regular:
        data = sys.stdin.buffer.read(limit + 1)
    else:
        with open_regular(path) if regular else path.open("rb") as file:
            # most are short, and asking for the limit would make room for it
            data = file.read(min(_SHORT, limit + 1))
            if len(data) == _SHORT:
                data += file.read(limit + 1 - _SHORT)
    if len(data) > limit:
        raise MalformedError(f"{path}: longer than {limit} bytes")
    return data


def open_regular(path: Path) -> BinaryIO:
    """Open a file that others may have put there, or put another in its place: it is never waited for.

    Raises StorageError for a pipe or device, OSError.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise StorageError(f"{path}: not a regular file")
    return os.fdopen(descriptor, "rb")


def write_whole(path: Path, data: bytes, *, overwrite: bool = False, mode: int = 0o666) -> None:
    """Write a file through a temporary one beside it, with `mode` as far as the umask lets it.

    Raises StorageError if another file is there, unless `overwrite`; the same
    bytes again are no error.
    """
    if not overwrite and _is_there(path, data):
        # a killed run may have come no further than its name
        sync_directory(path.parent)
        return
    with new_file(path, overwrite=overwrite, mode=mode) as file:
        file.write(data)


@contextlib.contextmanager
def new_file(path: Path, *, overwrite: bool = False, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Give a temporary file that becomes `path` when all is written, or goes if it is not.

    Raises StorageError if a file is there, unless `overwrite`.
    """
    # only the beginning of the name, because the limit of a name's length counts bytes
    beginning = os.fsencode(path.name)[:80].decode(errors="ignore")
    with naming(path), temporary_file(path.parent, f".{beginning}.") as temporary:
        yield temporary.file
        temporary.finish(mode)
        if overwrite:
            temporary.path.replace(path)
        else:
            try:
                move_new(temporary.path, path)
            except FileExistsError:
                raise _another(path) from None
        sync_directory(path.parent)


class Temporary(NamedTuple):
    """A hidden file that is being written."""

    file: BinaryIO
    path: Path

    def finish(self, mode: int) -> None:
        """Make its content durable and close it, with `mode` as far as the umask lets it."""
        self.file.flush()
        os.fchmod(self.file.fileno(), mode & ~current_umask())
        os.fsync(self.file.fileno())
        self.file.close()


@contextlib.contextmanager
def temporary_file(directory: Path, prefix: str) -> Iterator[Temporary]:
    """Give a temporary file, which is removed at the end unless it was moved to its place by then.

    `new_file` is easier where the name of the file is known before its content.
    """
    handle, name = tempfile.mkstemp(prefix=prefix, dir=directory)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield Temporary(file, Path(name))
    finally:
        Path(name).unlink(missing_ok=True)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let the errors of the system name the file that was to be written, not a temporary one or none."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Make a folder and those above it, as far as they are not there, so that they outlast a power cut."""
    missing = []
    above = path.absolute()
    while not above.exists():
        missing.append(above)
        above = above.parent
    path.mkdir(parents=True, exist_ok=True, mode=mode)
    for made in missing:
        sync_directory(made.parent)


def move_new(temporary: Path, path: Path) -> None:
    """Give a temporary file its name, failing with FileExistsError if the name is taken."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:
        # a file system without links: reserve the name, then move over the reservation
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            if not _is_reserved(path):
                raise
        temporary.replace(path)


def _is_reserved(path: Path) -> bool:
    """Say whether this is the empty file of a run that was killed before it moved its own there."""
    status = path.lstat()
    return stat.S_ISREG(status.st_mode) and status.st_size == 0


def write_many(directory: Path, files: Iterable[tuple[str, bytes]], owner: str) -> Iterator[Path]:
    """Write files under their names, from an iterator so that they need not all be in memory.

    They are written into a hidden folder, made durable, then moved; `owner` marks
    that folder, so that what a killed run left is found and removed by the next.
    The caller makes sure that there is only one run of an owner at a time.
    """
    make_folder(directory)
    prefix = unfinished_prefix(owner)
    for left in directory.glob(f"{prefix}*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
    with naming(directory):
        workshop = Path(tempfile.mkdtemp(prefix=prefix, dir=directory))
        # by descriptor, so that whoever else can write to `directory` cannot put another folder in its place
        inside = os.open(workshop, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(inside).st_uid != os.geteuid():
            raise StorageError(f"{directory}: somebody put a folder of theirs in the place of ours")
        written: list[str] = []
        there: list[str] = []
        in_the_way: list[StorageError] = []
        for name, data in files:
            outside = f"{directory}{os.sep}{name}"
            try:
                if os.path.lexists(outside) and _is_there(directory / name, data):
                    there.append(name)
                    continue
            except StorageError as error:
                in_the_way.append(error)
                continue
            try:
                descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=inside)
                with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
                    file.write(data)
            except OSError as error:
                error.filename = outside
                raise
            written.append(name)
        with naming(directory):
            _sync(inside, written)
            for name in written:
                os.replace(name, f"{directory}{os.sep}{name}", src_dir_fd=inside)
            sync_directory(directory)
        yield from (directory / name for name in (*there, *written))
        if in_the_way:
            raise in_the_way[0]
    finally:
        os.close(inside)
        shutil.rmtree(workshop, ignore_errors=True)


def unfinished_prefix(owner: str) -> str:
    """How the hidden names begin of what an owner is writing: swept away by its next `write_many` there."""
    return f".dispatch-{owner}."  # a handle has no dot, so that `cc` leaves what is of `cc-2`


def _is_there(path: Path, data: bytes) -> bool:
    """Say whether `path` holds these bytes. Raises StorageError if it is another file, a link or a pipe."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _another(path) from error
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode) and status.st_size == len(data) and file.read() == data:
            return True
    if stat.S_ISREG(status.st_mode) and status.st_size == 0:
        return False  # whether an empty file may go, `move_new` knows
    raise _another(path)


def _another(path: Path) -> StorageError:
    return StorageError(
        f"{path}: another file is there already", hint="choose another folder, or move it away"
    )


def _sync(folder: int, names: list[str]) -> None:
    """Make files in a folder durable, the folder given by its descriptor."""
    if len(names) > _MANY:
        os.sync()
        return
    for name in names:
        descriptor = os.open(name, os.O_RDONLY, dir_fd=folder)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable, where the platform can. Raises OSError if the disk fails."""
    try:
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise


def current_umask() -> int:
    """Give the umask of the process."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an advisory lock while others of this home wait. On Windows there is none, and no harm done."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
