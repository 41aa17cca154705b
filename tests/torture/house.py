"""What every torture needs: homes to hurt, commands that can be killed, and checks of what is left.

A command runs in a fork of this process, which has imported everything already. So the command starts
at once, and a kill strikes its work and not the loading of modules.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from dispatch.audit.verdicts import verify_files
from dispatch.cli.common import CLOCK_VARIABLE, PASSPHRASE_VARIABLE
from dispatch.cli.main import run
from dispatch.formats.merkle import EMPTY_ROOT, leaf_hash, root
from dispatch.formats.note import Head, Number, parse_note
from dispatch.store import Register
from keys.card import verify_card
from keys.errors import UnpinnedError
from keys.keyfile import read_keyfile
from keys.roster import decode_roster
from keys.text import format_date
from tests.forge.realm import Realm, make_realm, no_passphrase
from tests.forge.roster import add_branches, branches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from resource import struct_rusage

    from dispatch.store.home import Home

MODULES = ("export", "init", "issue", "keys", "list", "read", "receive", "roster", "verify")
PART = 64 * 1024
POLLED = 0.0005
# Digests of files that were found whole, each with what it depends on: these are not checked again.
_whole: set[bytes] = set()

for _name in MODULES:
    import_module(f"dispatch.cli.{_name}")
for _name in ("keys.age.hybrid", "rich.console", "rich.progress", "rich.table", "dispatch.office"):
    import_module(_name)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a command ended. `code`: its exit code, or minus the signal that killed it."""

    code: int
    text: str
    seconds: float
    computing: float


@dataclass(frozen=True)
class Running:
    """A command that was started. What it prints goes to `output`."""

    pid: int
    output: Path
    began: float

    def wait(self) -> Outcome:
        _, status, usage = os.wait4(self.pid, 0)
        return self._ended(status, usage)

    def _ended(self, status: int, usage: struct_rusage) -> Outcome:
        seconds = time.monotonic() - self.began
        text = self.output.read_text("utf-8", "replace")
        self.output.unlink()
        return Outcome(
            code=os.waitstatus_to_exitcode(status),
            text=text,
            seconds=seconds,
            computing=usage.ru_utime + usage.ru_stime,
        )

    def kill(self, after: float) -> Outcome:
        """Kill it `after` so many seconds of its own computing, if it still runs then."""
        clock = Path(f"/proc/{self.pid}/schedstat")
        while True:
            ended, status, usage = os.wait4(self.pid, os.WNOHANG)
            if ended:
                return self._ended(status, usage)
            spent = (
                int(clock.read_text("ascii").split()[0]) / 1e9
                if clock.exists()
                else time.monotonic() - self.began
            )
            if spent >= after:
                break
            time.sleep(POLLED)
        os.kill(self.pid, signal.SIGKILL)
        return self.wait()


def _nothing() -> None:
    pass


def start(realm: Realm, words: Sequence[object], prepare: Callable[[], object] = _nothing) -> Running:
    """Start a command line. `prepare` runs before it, in the same process."""
    handle, name = tempfile.mkstemp(prefix="torture-")
    file, output = os.fdopen(handle, "wb"), Path(name)
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            sys.stdout, sys.stderr = (os.fdopen(one, "w", encoding="utf-8", closefd=False) for one in (1, 2))
            os.environ.pop(PASSPHRASE_VARIABLE, None)
            os.environ[CLOCK_VARIABLE] = format_date(realm.now)
            prepare()
            code = run([str(word) for word in words])
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)
    file.close()
    return Running(pid, output, began)


def command(realm: Realm, *words: object, prepare: Callable[[], object] = _nothing) -> Outcome:
    """Run a command line to its end."""
    return start(realm, words, prepare).wait()


def succeed(realm: Realm, *words: object) -> Outcome:
    """Run a command line that must succeed."""
    outcome = command(realm, *words)
    assert outcome.code == 0, outcome.text
    return outcome


def make_template(path: Path, addressees: int = 0) -> Realm:
    """Make a realm with a past: two dispatches, of which one is received, and some files to attach.

    With `addressees`, the group `many` has so many more offices. They have no homes.
    """
    realm = make_realm(path)
    if addressees:
        many = branches(addressees)
        realm.adopt(realm.next_roster(lambda roster: add_branches(roster, many, "many")))
    for name, size in (("план.txt", 100), ("map.bin", 5 * PART + 1)):
        (realm.path / name).write_bytes(bytes(size))
    for name, to in (("circular.md", "@provinces"), ("many.md", "@many")):
        fields = f'+++\nkind = "circular"\nsubject = "Отчёт"\nto = ["{to}"]\n+++\n'
        (realm.path / name).write_text(f"{fields}Текст.\n", "utf-8")
    for _ in range(2):
        succeed(realm, *issue(realm))
    succeed(realm, "--home", realm.path / "tula", "receive", post(realm) / "cc-2026-1.tula.dispatch")
    realm.close()
    return realm


def copy_of(template: Realm, path: Path) -> Realm:
    """Copy the realm for one round. Its register names folders, so nothing else may lie at `path`."""
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(template.path, path)
    for database in path.glob("*/register.db"):
        # the folders to which the envelopes of the past were written
        connection = sqlite3.connect(database, isolation_level=None)
        before, after = str(template.path), str(path)
        connection.execute("UPDATE notes SET directory = replace(directory, ?, ?)", (before, after))
        connection.close()
    return Realm(path, template.now)


def post(realm: Realm) -> Path:
    """Give the folder to which the centre issues."""
    return realm.path / "post"


def issue(realm: Realm, *, many: bool = False, folder: Path | None = None) -> list[object]:
    """Give the words of a command that issues with attachments."""
    text = realm.path / ("many.md" if many else "circular.md")
    attach = [word for name in ("план.txt", "map.bin") for word in ("--attach", realm.path / name)]
    return ["--home", realm.path / "cc", "issue", text, "-o", folder or post(realm), *attach]


# What must hold at any moment


def check_files(realm: Realm, *, folders: Sequence[Path] = ()) -> dict[Path, bytes]:
    """Check that every file under its final name is whole. Give the envelopes and sealed attachments."""
    files: dict[Path, bytes] = {}
    for folder in (*folders, post(realm), *realm.path.glob("*/outbox"), *realm.path.glob("*/attachments")):
        for path in folder.glob("*"):
            if path.name.startswith("."):
                continue
            files[path] = data = path.read_bytes()
            if path.suffix == ".age":
                assert path.stem == sha256(data).hexdigest(), f"{path} is not whole"
    envelopes = sorted(str(path) for path in files if path.suffix in (".dispatch", ".note"))
    assert len(envelopes) + sum(path.suffix == ".age" for path in files) == len(files), sorted(files)
    trusted = realm.trusted if (realm.path / "cc" / "roster").exists() else None
    if envelopes:
        assert trusted is not None
        keys = {name: _key(files[Path(name)], trusted.roster.digest) for name in envelopes}
        envelopes = [name for name in envelopes if keys[name] not in _whole]
        wrong = [verdict for verdict in verify_files(envelopes, trusted) if verdict.error]
        assert wrong == []
        _whole.update(keys.values())
    for home in realm.path.iterdir():
        if home.is_dir():
            _check_home(realm, realm.home(home.name))
    realm.close()
    return files


def _key(*parts: bytes) -> bytes:
    return sha256(b"".join(sha256(part).digest() for part in parts)).digest()


def _check_home(realm: Realm, home: Home) -> None:
    paths = (home.office_key, home.root_key, home.card, home.roster, home.pending_roster)
    key = _key(
        *(str(path.stat().st_mode).encode() + path.read_bytes() if path.exists() else b"" for path in paths)
    )
    if key not in _whole:
        _check_keys_and_roster(realm, home)
    _whole.add(key)
    if home.register.exists():
        connection = sqlite3.connect(home.register, timeout=60)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        connection.close()


def _check_keys_and_roster(realm: Realm, home: Home) -> None:
    for path in (home.office_key, home.root_key):
        if path.exists():
            assert path.stat().st_mode & 0o077 == 0
            read_keyfile(path, no_passphrase)
    if home.card.exists():
        card = verify_card(home.card.read_bytes())
        mine = [key.verify_key.line() for key in read_keyfile(home.office_key, no_passphrase).signing_keys]
        assert list(card.signing) == mine
        if home.roster.exists():
            assert realm.office(home.path.name).trusted.roster.version >= 1
    if home.pending_roster.exists():
        decode_roster(home.pending_roster.read_bytes())


def notes(realm: Realm, handle: str = "cc") -> dict[str, bytes]:
    """Give the notes of a register by number."""
    if not realm.home(handle).register.exists():
        return {}
    with Register(realm.home(handle).register) as register:
        return {str(entry.number): entry.text for entry in register.newest(-1)}


# What must hold once the next run has ended


def check_settled(
    realm: Realm,
    seen: dict[Path, bytes],
    noted: dict[str, bytes],
    *,
    elsewhere: Sequence[Path] = (),
    export: bool = True,
    litter: bool = False,
) -> int:
    """Check that nothing is unfinished, doubled, lost or left over. Count the centre's own notes.

    `seen` and `noted`: files and notes from before, which must not have changed. `elsewhere`: more
    folders to which the centre issued. `litter`: hidden files may be left for a later run to remove.
    """
    files = check_files(realm, folders=elsewhere)
    assert {path: files.get(path) for path in seen} == seen
    now = notes(realm)
    assert {number: now.get(number) for number in noted} == noted
    with Register(realm.home("cc").register) as register:
        entries = sorted(register.newest(-1, ours=True), key=lambda entry: entry.seq)
        assert [entry.number for entry in entries] == [
            Number("cc", "2026", n) for n in range(1, len(entries) + 1)
        ]
        assert {entry.state for entry in entries} == {"released"}
        ids: list[bytes] = []
        for entry in entries:
            head = Head("2026", len(ids), root(map(leaf_hash, ids))) if ids else Head("0000", 0, EMPTY_ROOT)
            assert parse_note(entry.text).register == head
            ids.append(entry.id)
            folder = Path(entry.directory or "")
            for copy in register.copies(entry):
                assert folder / f"cc-2026-{entry.number.ordinal}.{copy.to}.dispatch" in files
            for digest in register.attachments(entry):
                assert folder / f"{digest.hex()}.age" in files
                assert realm.home("cc").attachments / f"{digest.hex()}.age" in files
    folders = [post(realm), *elsewhere, *realm.path.iterdir()]
    assert litter or [path for folder in folders for path in folder.glob(".*")] == [], "left over"
    if export:
        again = realm.path / "again"
        succeed(realm, "--home", realm.path / "cc", "export", "-o", again)
        made = {path.name: path.read_bytes() for path in again.iterdir()}
        shutil.rmtree(again)
        places = (post(realm), realm.home("cc").outbox, *elsewhere)
        issued = {path.name: data for path, data in files.items() if path.parent in places}
        assert made == issued
    return len(entries)


def check_received(realm: Realm, handle: str, numbers: Sequence[str]) -> None:
    """Check that a branch has these dispatches and no others, can read them, and receipted each once."""
    office = realm.office(handle)
    receipted = [note_id for entry in office.register.own() for note_id in parse_note(entry.text).receipts]
    listed = office.list(-1, ours=False)
    assert sorted(receipted) == sorted(item.entry.id for item in listed)
    assert sorted(str(item.entry.number) for item in listed) == sorted(numbers)
    assert {item.entry.state for item in listed} <= {"received"}
    for item in listed:
        assert item.message is not None
        opened = office.read(item.entry.number)
        for digest in office.register.attachments(item.entry):
            data = (office.home.attachments / f"{digest.hex()}.age").read_bytes()
            assert sha256(data).digest() == digest
        assert len(office.register.attachments(item.entry)) == len(opened.message.attachments)
    office.close()


def has_roster(realm: Realm, handle: str) -> int:
    """Give the version of the roster that a home trusts, or 0."""
    office = realm.office(handle)
    try:
        return office.trusted.roster.version
    except UnpinnedError:
        return 0
    finally:
        office.close()
