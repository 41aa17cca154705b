"""Files that travel beside the envelopes, sealed once for all addressees (FORMAT.md, section 12).

    seal_attachment    a file to send -> its age file, named by its digest
    take_along         age files -> copies in another folder, if their sizes and digests are right
    save_attachment    an age file that came -> the file, under a name that is safe here

They may be of any size, and are never held whole in memory. A stranger may have put another file under the
name of one: no more is read of a file than the one that is due has.
"""

from __future__ import annotations

import os
import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import file_digest, sha256
from math import inf
from typing import TYPE_CHECKING, Protocol

from dispatch.errors import DigestError, RefusedError, StorageError
from dispatch.formats.grammar import MAX_NAME_BYTES, check_attachment_name
from dispatch.formats.message import Attachment
from dispatch.system.files import make_folder, move_new, naming, open_regular, sync_directory, temporary_file
from keys import age
from keys.codec import decode_base64, encode_base64
from keys.errors import FormatError, KeysError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from hashlib import _Hash
    from pathlib import Path

    from dispatch.checks.opening import OpenedMessage

ONLY = frozenset({"mlkem768x25519"})

_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?=$|[.\s])", re.IGNORECASE)
# room for " (99)" in a name of the usual limit
_MAX_SAVED = MAX_NAME_BYTES - 5
_MAX_TRIES = 99
_TEMPORARY = ".dispatch-"
_PIECE = 1024 * 1024
_STALE = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedAttachment:
    """An attachment as the message lists it, with the identity that opens it."""

    entry: Attachment
    identity: str = field(repr=False)


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def write(self, data: bytes | bytearray | memoryview, /) -> int: ...


class _Hashing:
    """A file that hashes and counts what is read or written, and takes at most `limit` bytes."""

    def __init__(self, file: _Stream, limit: float = inf) -> None:
        self._file = file
        self._limit = limit
        self._hash: _Hash = sha256()
        self.size = 0

    def read(self, size: int, /) -> bytes:
        data = self._file.read(size)
        self._hash.update(data)
        self.size += len(data)
        return data

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        self._hash.update(data)
        self.size += len(data)
        if self.size > self._limit:
            raise DigestError("the attachment is not the one that was signed: longer than its message says")
        return self._file.write(data)

    def digest(self) -> bytes:
        return self._hash.digest()


def sealed_name(digest: bytes) -> str:
    """Name a sealed attachment by the SHA-256 of its age file."""
    return f"{digest.hex()}.age"


def seal_attachment(path: Path, directory: Path) -> SealedAttachment:
    """Seal the file at `path` into `directory`, to a fresh identity.

    Raises RefusedError for a name that may not travel, OSError.
    """
    try:
        check_attachment_name(path.name)
    except FormatError as error:
        raise RefusedError(f"{path}: {error}", hint="give the file a plain name") from None
    from keys.age.hybrid import HybridIdentity

    identity = HybridIdentity.generate()
    make_folder(directory)
    with path.open("rb") as file, naming(directory), temporary_file(directory, _TEMPORARY) as temporary:
        source, sink = _Hashing(file), _Hashing(temporary.file)
        age.encrypt_stream(source, sink, [identity.recipient()])
        temporary.finish(0o600)
        temporary.path.replace(directory / sealed_name(sink.digest()))
        sync_directory(directory)
    entry = Attachment(
        name=path.name,
        size=source.size,
        digest=encode_base64(source.digest()),
        sealed=encode_base64(sink.digest()),
    )
    return SealedAttachment(entry=entry, identity=identity.secret_text())


def discard(sealed: SealedAttachment, directory: Path) -> None:
    """Remove a sealed attachment that no dispatch will carry."""
    (directory / sealed_name(decode_base64(sealed.entry.sealed))).unlink(missing_ok=True)


def sweep(directory: Path, now: datetime) -> None:
    """Remove the half-written files that killed runs left more than a day ago."""
    for left in directory.glob(f"{_TEMPORARY}*"):
        with suppress(OSError):
            if datetime.fromtimestamp(left.stat().st_mtime, UTC) < now - _STALE:
                left.unlink()


def sealed_size(entry: Attachment) -> int:
    """Give the size of the age file of an attachment, which follows from the size of its content."""
    return age.hybrid_size(entry.size)


def take_along(
    sizes: Mapping[bytes, int | None], source: Path, destination: Path, prefix: str = _TEMPORARY
) -> tuple[bytes, ...]:
    """Copy sealed attachments from `source` into `destination`, and give those that lie in neither.

    `sizes`: of the age file of each digest; None takes any size. A file that does not have the size and the
    content that its name promises counts as missing. `prefix`: with which the hidden names of half-written
    files begin. Every one is tried; raises the first OSError at the end.
    """
    missing = []
    failed = None
    for digest, size in sizes.items():
        name = sealed_name(digest)
        try:
            if not _is_sealed(destination / name, digest, size) and not _copy(
                source / name, digest, size, destination, prefix
            ):
                missing.append(digest)
        except OSError as error:
            failed = failed or error
    if failed:
        raise failed
    if len(missing) < len(sizes):
        sync_directory(destination)
    return tuple(missing)


def sealed_sizes(digests: Iterable[bytes], store: Path) -> dict[bytes, int | None]:
    """Give the sizes of age files that lie in a folder of ours; None for one that does not."""
    paths = {digest: store / sealed_name(digest) for digest in digests}
    return {digest: path.stat().st_size if path.is_file() else None for digest, path in paths.items()}


def _is_sealed(path: Path, digest: bytes, size: int | None) -> bool:
    """Tell whether this file has the size and the content that its name promises."""
    if not path.is_file() or size not in (None, path.stat().st_size):
        return False
    with path.open("rb") as file:
        return file_digest(file, "sha256").digest() == digest


def _copy(path: Path, digest: bytes, size: int | None, destination: Path, prefix: str) -> bool:
    """Copy a file if it has this size and digest. It is hashed as it is copied, so that no swap can help."""
    try:
        file = open_regular(path)
    except (OSError, StorageError):
        return False
    with file:
        found = os.fstat(file.fileno()).st_size
        if size not in (None, found):
            return False
        make_folder(destination)
        with naming(destination / path.name), temporary_file(destination, prefix) as temporary:
            sink = _Hashing(temporary.file)
            while piece := file.read(min(_PIECE, found - sink.size)):
                sink.write(piece)
            if sink.digest() != digest:
                return False
            temporary.finish(0o666)
            temporary.path.replace(destination / path.name)
    return True


def save_attachments(opened: OpenedMessage, stores: Iterable[Path], directory: Path) -> tuple[Path, ...]:
    """Open the attachments of a message into `directory`; each lies in one of `stores`. Raises as for one."""
    paths = []
    for entry, identity in zip(opened.message.attachments, opened.secrets.attachments, strict=True):
        name = sealed_name(decode_base64(entry.sealed))
        *others, last = stores
        store = next((one for one in others if (one / name).is_file()), last)
        paths.append(save_attachment(entry, identity, store, directory))
    return tuple(paths)


def save_attachment(entry: Attachment, identity: str, store: Path, directory: Path) -> Path:
    """Open a sealed attachment in `store`, and save it in `directory` under a clean name that is free.

    Raises StorageError if it is missing, DigestError, and the errors of `keys.age`;
    on error nothing is left behind.
    """
    sealed = store / sealed_name(decode_base64(entry.sealed))
    if not sealed.is_file():
        raise StorageError(
            f"the attachment {clean_name(entry.name)} is missing: {sealed.name}",
            hint="put that file beside the envelope and run `dispatch receive` on it again",
        )
    make_folder(directory)
    with (
        open_regular(sealed) as file,
        naming(directory),
        temporary_file(directory, _TEMPORARY) as temporary,
    ):
        source, sink = _Hashing(file), _Hashing(temporary.file, entry.size)
        if file.read(len(age.MAGIC)) != age.MAGIC:
            raise DigestError(f"the attachment {clean_name(entry.name)} is not a binary age file")
        file.seek(0)
        try:
            age.decrypt_stream(source, sink, [age.parse_identity(identity)], only=ONLY)
        except KeysError as error:
            raise DigestError(f"the attachment {clean_name(entry.name)}: {error}") from error
        if encode_base64(source.digest()) != entry.sealed:
            raise DigestError(f"the file {sealed.name} is not the one that was signed")
        if (encode_base64(sink.digest()), sink.size) != (entry.digest, entry.size):
            raise DigestError(f"the attachment {clean_name(entry.name)} is not the one that was signed")
        temporary.finish(0o666)
        return _move_to_free_name(temporary.path, directory, clean_name(entry.name))


def _move_to_free_name(temporary: Path, directory: Path, name: str) -> Path:
    """Move a file to this name or, where that is taken, to `name (2)` and so on. Raises StorageError."""
    stem, dot, suffix = name.rpartition(".")
    if not stem:
        stem, dot, suffix = name, "", ""
    names = [name, *(f"{stem} ({count}){dot}{suffix}" for count in range(2, _MAX_TRIES + 1))]
    for candidate in names:
        with suppress(FileExistsError):
            move_new(temporary, directory / candidate)
            sync_directory(directory)
            return directory / candidate
    raise StorageError(f"{directory}: a file named {name} is there {_MAX_TRIES} times", hint="save elsewhere")


def clean_name(name: str) -> str:
    """Make a stranger's file name safe on any file system.

    No path, no characters that Windows refuses, no hidden file, no device name,
    no trailing dot or space, at most 250 bytes in UTF-8.
    """
    name = _UNSAFE.sub("_", unicodedata.normalize("NFC", name))
    name = "".join("_" if unicodedata.category(c) in _UNSEEN else c for c in name)
    name = _trim(name)
    if name.startswith("."):
        name = "_" + name[1:]
    if _DEVICE.match(name):
        name = "_" + name
    stem, dot, suffix = name.rpartition(".")
    if not stem or len(suffix.encode()) > _MAX_SAVED // 4:
        stem, dot, suffix = name, "", ""
    room = _MAX_SAVED - len((dot + suffix).encode())
    stem = stem.encode()[:room].decode(errors="ignore")
    return _trim(stem + dot + suffix) or "attachment"


def _trim(name: str) -> str:
    """Take white space from both ends, and dots from the end."""
    while (shorter := name.strip().rstrip(".")) != name:
        name = shorter
    return name
