"""Secret keys on disk: the only I/O in `keys`.

Source: docs/FORMAT.md, section 15. A key file is text, age identities and OpenSSH private
keys one after another, sealed with a passphrase as an armored age file or, for machines
that nobody attends, in clear: `age -d office.key` gives the text back. A file that others
than its owner can read or write is refused, and nothing is ever written over another file
unless `replace_keyfile` was asked to. Whoever reads or writes one dumps no core from then on.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from keys import age
from keys.errors import (
    FormatError,
    HeaderMacError,
    KeyFileError,
    KeyFormatError,
    PayloadError,
    StanzaError,
)
from keys.lines import encode_sealing, sealing_fingerprint, signing_type
from keys.signing import SigningKey, encode_private, parse_private

if TYPE_CHECKING:
    from collections.abc import Callable

    from keys.age import HybridIdentity, X25519Identity

MAX_KEYFILE = 1024 * 1024
"""Cap on a key file, in bytes."""
WORK_FACTOR = 18
"""Log2 of scrypt's N, as with every age: about a second a guess."""

_ARMOR = b"-----BEGIN AGE ENCRYPTED FILE-----"
_BEGIN = "-----BEGIN OPENSSH PRIVATE KEY-----"
_END = "-----END OPENSSH PRIVATE KEY-----"
_SCRYPT = frozenset({"scrypt"})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SecretKeys:
    """The secret keys of an office, or of a root, in the order of the file."""

    identities: tuple[HybridIdentity | X25519Identity, ...]
    signing_keys: tuple[SigningKey, ...]

    def __repr__(self) -> str:
        """Show how many there are, and no more."""
        return f"<SecretKeys: {len(self.identities)} identities, {len(self.signing_keys)} signing keys>"


def generate(*, classical: bool = False, sealing: bool = True) -> SecretKeys:
    """Make new keys: one signing key and, unless they are for a root, one age identity."""
    kind = age.X25519Identity if classical else age.HybridIdentity
    return SecretKeys(
        identities=(kind.generate(),) if sealing else (),
        signing_keys=(SigningKey.generate(signing_type(classical=classical)),),
    )


def encode_secret_keys(keys: SecretKeys) -> bytes:
    """Encode the text of a key file, in clear. Raises KeyFileError if there is no key."""
    if not (keys.identities or keys.signing_keys):
        raise KeyFileError("a key file without a key")
    parts = []
    for identity in keys.identities:
        fingerprint = sealing_fingerprint(encode_sealing(identity.recipient()))
        parts.append(f"# sealing key {fingerprint}\n{identity.secret_text()}\n")
    parts += [
        f"# signing key {key.verify_key.fingerprint()}\n{encode_private(key).decode('ascii')}"
        for key in keys.signing_keys
    ]
    return "".join(parts).encode("ascii")


def parse_secret_keys(data: bytes) -> SecretKeys:
    """Parse the text of a key file, in clear.

    Raises KeyFileError, which names the line and never quotes it.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise KeyFileError("a key file that is not text") from None
    identities: list[HybridIdentity | X25519Identity] = []
    signing_keys: list[SigningKey] = []
    block: list[str] | None = None  # the lines of a private key, while in one
    for number, line in enumerate(text.split("\n"), start=1):
        try:
            if block is not None or line == _BEGIN:
                block = [] if block is None else block
                block.append(line)
                if line == _END:
                    signing_keys.append(parse_private("".join(f"{one}\n" for one in block)))
                    block = None
            elif line and not line.startswith("#"):
                identities.append(age.parse_identity(line))
        except KeyFormatError as error:
            raise KeyFileError(f"line {number} of the key file: {error}", hint=error.hint) from None
    if block is not None:
        raise KeyFileError("a key file that is cut off within a private key")
    if not (identities or signing_keys):
        raise KeyFileError("a key file without a key")
    return SecretKeys(identities=tuple(identities), signing_keys=tuple(signing_keys))


def read_keyfile(path: Path, ask_passphrase: Callable[[], str]) -> SecretKeys:
    """Read a key file; `ask_passphrase` is asked only if it is sealed.

    Raises KeyFileError (also for permissions), PassphraseError, OSError.
    """
    forbid_core_dumps()
    data = _read_private(Path(path))
    try:
        if data.startswith(_ARMOR):
            data = age.decrypt(data, [age.passphrase(ask_passphrase())], only=_SCRYPT)
        return parse_secret_keys(data)
    except StanzaError:
        raise KeyFileError(f"{path}: not sealed with a passphrase, as a key file is") from None
    except (FormatError, HeaderMacError, PayloadError, KeyFileError) as error:
        raise KeyFileError(f"{path}: {error}", hint=error.hint) from None


def is_sealed(path: Path) -> bool:
    """Tell whether a key file is sealed with a passphrase, or lies in clear. Raises OSError."""
    with Path(path).open("rb") as file:
        return file.read(len(_ARMOR)) == _ARMOR


def write_keyfile(
    path: Path, keys: SecretKeys, passphrase: str | None, *, work_factor: int = WORK_FACTOR
) -> None:
    """Write a new key file of mode 0600. `passphrase`: None writes it in clear.

    The file is there whole or not at all. Raises KeyFileError if any file is there
    already, PassphraseError for an empty passphrase, OSError.
    """
    forbid_core_dumps()
    _write(Path(path), _seal(keys, passphrase, work_factor), replace=False)


def replace_keyfile(
    path: Path, keys: SecretKeys, passphrase: str | None, *, work_factor: int = WORK_FACTOR
) -> None:
    """Write a key file over the old one, as for a new passphrase or further keys; see `write_keyfile`."""
    forbid_core_dumps()
    _write(Path(path), _seal(keys, passphrase, work_factor), replace=True)


def forbid_core_dumps() -> None:
    """Let no crash of this process, or of one that it starts, write its memory to the disk.

    Only the soft limit, so that whoever has us as a part of something bigger can take it back. Not
    PR_SET_DUMPABLE: processes that we start, which hold plaintext too, would not inherit it, and it
    would take /proc/PID, and so lsof or a profiler, from the user whose process this is.
    """
    try:
        import resource
    except ImportError:  # Windows, where it is the user who has crashes of programs dumped
        return
    # Linux hands a core to a program without asking for the limit, except for that of one byte
    wanted = 1 if sys.platform == "linux" else 0
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (wanted if hard else 0, hard))


def _seal(keys: SecretKeys, passphrase: str | None, work_factor: int) -> bytes:
    text = encode_secret_keys(keys)
    if len(text) > MAX_KEYFILE // 2:  # leaves room for the armor
        raise KeyFileError("too many keys for a key file")
    if passphrase is None:
        return text
    return age.encode_armor(age.encrypt(text, [age.passphrase(passphrase, work_factor)]))


def _read_private(path: Path) -> bytes:
    """Read a regular file that is ours and that nobody else can read or write."""
    # Not blocking: opening a pipe would wait for a writer. What is open is what is checked.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise KeyFileError(f"{path}: not a regular file")
        if sys.platform != "win32":
            if status.st_uid != os.geteuid():
                raise KeyFileError(f"{path}: the key file belongs to another user")
            if stat.S_IMODE(status.st_mode) & 0o077:
                raise KeyFileError(
                    f"{path}: others than its owner can read or write the key file",
                    hint=f"chmod 600 {path}, and make new keys if it may have been read",
                )
        data = file.read(MAX_KEYFILE + 1)
    if len(data) > MAX_KEYFILE:
        raise KeyFileError(f"{path}: longer than {MAX_KEYFILE} bytes")
    return data


def _write(path: Path, data: bytes, *, replace: bool) -> None:
    """Write by way of a temporary file beside it, made for its owner alone."""
    descriptor, name = tempfile.mkstemp(prefix=".key-", dir=path.parent)  # exclusive, mode 0600
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        if replace:
            temporary.replace(path)
        else:
            _move_new(temporary, path)
        _sync_directory(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _move_new(temporary: Path, path: Path) -> None:
    """Give the file its name if that is free, a dangling link included. Raises KeyFileError."""
    try:
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links: take the name, then move over it
            try:
                path.touch(mode=0o600, exist_ok=False)
            except FileExistsError:
                # but an empty one is what a run left that was killed between the two
                if path.is_symlink() or path.stat().st_size:
                    raise
            temporary.replace(path)
    except FileExistsError:
        raise KeyFileError(f"{path}: a file is there already, and a key file is never overwritten") from None


def _sync_directory(directory: Path) -> None:
    if sys.platform == "win32":  # it cannot open directories
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
