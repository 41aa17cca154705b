"""Where no secret may be seen: arguments, environments, temporary files, tracebacks, cores, other users.

The register's bytes are searched by `test_no_secret_lies_on_the_disk_in_clear`, and what the commands print
by every story of tests/cli.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dispatch.cli.main import run
from dispatch.errors import RefusedError
from dispatch.realm.trusted import load_trusted, trust_roster
from dispatch.store.attachments import seal_attachment
from dispatch.store.home import Home
from keys import age
from keys.codec import encode_base64
from keys.keyfile import encode_secret_keys, replace_keyfile
from keys.signing import encode_private
from tests.forge.dispatches import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.forge.realm import Realm

ROOT = Path(__file__).parent.parent.parent
PASSPHRASE = "верный лошадь батарея"
TEXT = "СОДЕРЖАНИЕ ЦИРКУЛЯРА"
SUBJECT = "СЕКРЕТНЫЙ ПРЕДМЕТ"
PLAN = "НАЗВАНИЕ ПЛАНА"

posix = pytest.mark.skipif(os.name != "posix", reason="modes and signals are of POSIX")
linux = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is no /proc")


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPATCH_NOW", f"{NOW:%Y-%m-%dT%H:%M:%SZ}")


def write_draft(path: Path) -> Path:
    head = f'+++\nkind = "circular"\nsubject = "{SUBJECT}"\nto = ["@provinces"]\n+++\n'
    path.write_text(f"{head}{TEXT}\n", "utf-8")
    return path


def needles(realm: Realm) -> dict[str, bytes]:
    """Everything of the centre that nobody may see, in every form in which it might be seen."""
    keys = realm.keys("cc")
    found = {"the passphrase": PASSPHRASE, "the text": TEXT, "the subject": SUBJECT, "an attachment": PLAN}
    found["an identity"] = "AGE-SECRET-KEY"
    forms = {name: text.encode() for name, text in found.items()}
    forms |= {f"{name}, escaped": json.dumps(text).strip('"').encode() for name, text in found.items()}
    seeds = [key.seed for key in keys.signing_keys] + [key.seed for key in keys.identities]
    for number, seed in enumerate(seeds):
        forms[f"seed {number}"] = seed
        forms[f"seed {number} in base64"] = encode_base64(seed).rstrip("=").encode()
        forms[f"seed {number} in hex"] = seed.hex().encode()
        forms[f"seed {number} as Python shows it"] = repr(seed)[2:-1].encode()
    # in the last lines before the end of an OpenSSH key is its secret half
    [key] = keys.signing_keys
    forms["an OpenSSH key"] = encode_private(key).splitlines()[-3]
    return forms


def seen(haystack: bytes, secrets: dict[str, bytes]) -> list[str]:
    return [name for name, needle in secrets.items() if needle in haystack]


def with_passphrase(realm: Realm) -> Path:
    """Seal the centre's key file; give the file that holds the passphrase."""
    home = realm.home("cc")
    replace_keyfile(home.office_key, realm.keys("cc"), PASSPHRASE, work_factor=10)
    file = realm.path / "passphrase"
    file.write_text(f"{PASSPHRASE}\n", "utf-8")
    file.chmod(0o600)
    return file


def issue_words(realm: Realm) -> list[str]:
    plan = realm.path / "plan.txt"
    plan.write_text(PLAN, "utf-8")
    text = write_draft(realm.path / "draft.md")
    home, post = realm.home("cc").path, realm.path / "post"
    return ["--home", str(home), "issue", str(text), "-o", str(post), "--attach", str(plan)]


# Runs the command line as with very many addressees, in this process and two workers, and stops when the
# first body is stored until a line comes in on standard input.
STOPPED = """
import resource
import sys
import dispatch.system.workers
from dispatch.store import Register
dispatch.system.workers.WORTH_STARTING = dispatch.system.workers._CHUNK = 1
dispatch.system.workers.usable_cores = lambda: 2
store = Register.store_body
def stop(*arguments):
    Register.store_body = store
    print("stopped", flush=True)
    sys.stdin.readline()
    store(*arguments)
Register.store_body = stop
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
if __name__ == "__main__":
    from dispatch.cli.main import run
    sys.exit(run(sys.argv[1:]))
"""


class Stopped:
    """A run that stands still in the middle of issuing to many, with its workers."""

    def __init__(self, realm: Realm, temporary: Path, passphrase: Path) -> None:
        environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "DISPATCH_PASSPHRASE_FILE": str(passphrase),
            "TMPDIR": str(temporary),
        }
        pipe = subprocess.PIPE
        words = issue_words(realm)
        self.process = subprocess.Popen(
            [sys.executable, "-c", STOPPED, *words],
            env=environment,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"stopped\n", self.process.communicate()[1].decode()

    def family(self) -> list[Path]:
        """Give the folders in /proc of the run and all that descend from it."""
        found = [self.process.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                found += map(int, task.read_text("ascii").split())
        return [Path(f"/proc/{pid}") for pid in found]

    def finish(self) -> bytes:
        """Let it go on; give what it said on standard error."""
        _, errors = self.process.communicate(b"\n", timeout=60)
        assert self.process.returncode == 0, errors.decode()
        return errors


@pytest.fixture
def stopped(realm: Realm, tmp_path: Path) -> Iterator[Stopped]:
    """Issue under a passphrase, with an attachment, and stop."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    run = Stopped(realm, temporary, with_passphrase(realm))
    yield run
    if run.process.poll() is None:
        os.killpg(run.process.pid, signal.SIGKILL)
        run.process.communicate()


@posix
@pytest.mark.parametrize("mode", [0o755, 0o750, 0o701, 0o777])
@pytest.mark.parametrize("name", [".", "register.db", "register.db-wal", "roster.pending"])
def test_a_home_that_others_can_look_into_is_refused(
    realm: Realm, name: str, mode: int, capsys: pytest.CaptureFixture[str]
) -> None:
    home = realm.home("cc").path
    assert run(["--home", str(home), "list"]) == 0
    place = home / name
    if name != ".":
        place.touch()
    before = sorted(path.name for path in home.iterdir())
    place.chmod(mode)
    for words in (["list"], ["card"], ["roster", "show"], ["roster", "sign"], ["receive", str(realm.path)]):
        capsys.readouterr()
        assert run(["--home", str(home), *words]) == 7, words
        [hint] = [line for line in capsys.readouterr().err.splitlines() if "hint: chmod" in line]
    with pytest.raises(RefusedError, match="others than its owner"):
        trust_roster(realm.home("cc"), (home / "roster").read_bytes(), None)
    assert sorted(path.name for path in home.iterdir()) == before
    subprocess.run(shlex.split(hint.partition("hint: ")[2]), check=True)
    if name != "roster.pending":
        assert run(["--home", str(home), "list"]) == 0


@posix
@pytest.mark.parametrize("mode", [0o755, 0o777])
def test_no_office_is_made_in_a_folder_that_others_can_look_into(tmp_path: Path, mode: int) -> None:
    home = tmp_path / "a home"
    home.mkdir()
    home.chmod(mode)
    words = [
        "--home",
        str(home),
        "init",
        "tula",
        "--title",
        "T",
        "--no-passphrase",
        "--root",
        "--realm",
        "rkp",
    ]
    assert run(words) == 7
    assert list(home.iterdir()) == []
    home.chmod(0o700)
    assert run(words) == 0


@posix
def test_the_home_of_another_user_is_refused(realm: Realm) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to give a folder to somebody else")
    os.chown(realm.home("cc").path, 65534, 65534)
    with pytest.raises(RefusedError, match="belongs to another user"):
        realm.office("cc")


@linux
def test_no_argument_environment_or_temporary_file_holds_a_secret(
    realm: Realm, realm_template: Path, stopped: Stopped, tmp_path: Path
) -> None:
    template = type(realm)(realm_template)
    secrets = needles(template)
    family = stopped.family()
    assert len(family) >= 4  # the run, its two workers, and what tidies up after them
    for process in family:
        for what in ("cmdline", "environ"):
            data = (process / what).read_bytes()
            assert data, process
            assert seen(data, secrets) == [], f"{what} of {(process / 'cmdline').read_bytes()!r}"
    # what is written and not yet moved or stored, wherever that may be
    files = [path for path in (tmp_path / "temporary").rglob("*") if path.is_file()]
    sources = ("office.key", "root.key", "passphrase", "plan.txt", "draft.md")
    files += [path for path in realm.path.rglob("*") if path.is_file() and path.name not in sources]
    assert {"register.db-wal", "register.db-shm"} <= {path.name for path in files}
    for path in files:
        assert seen(path.read_bytes(), secrets) == [], path
    assert seen(stopped.finish(), secrets) == []


@linux
def test_the_key_file_alone_holds_the_needles(realm: Realm) -> None:
    """Else the searches above would find nothing whatever was there."""
    text = encode_secret_keys(realm.keys("cc"))
    assert {"an identity", "an OpenSSH key"} <= set(seen(text, needles(realm)))


@linux
def test_workers_dump_no_core_either(stopped: Stopped) -> None:
    for process in stopped.family():
        [line] = [one for one in (process / "limits").read_text("ascii").splitlines() if "core file" in one]
        if b"resource_tracker" not in (process / "cmdline").read_bytes():
            assert line.split()[4] in ("0", "1"), (process / "cmdline").read_bytes()
    stopped.finish()


# Crashes; with "keys" after it read a key file.
CRASH = """
import os, resource, sys
from pathlib import Path
from keys.keyfile import generate, read_keyfile, write_keyfile
path, what = Path(sys.argv[1]), sys.argv[2]
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
if what == "read":
    read_keyfile(path, str)
elif what == "write":
    write_keyfile(path.with_name("another.key"), generate(), None)
print("here")
sys.stdout.flush()
os.abort()
"""


def crash(folder: Path, key: Path, what: str) -> list[str]:
    """Crash in an empty folder; give the files that are there then."""
    folder.mkdir()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", CRASH, str(key), what],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (-signal.SIGABRT, b"here\n")
    return [path.name for path in folder.iterdir()]


@posix
@pytest.mark.parametrize("what", ["read", "write"])
def test_no_core_is_dumped_while_keys_are_loaded(realm: Realm, tmp_path: Path, what: str) -> None:
    key = realm.home("cc").office_key
    assert crash(tmp_path / what, key, what) == []
    if crash(tmp_path / "without", key, "neither") == []:
        pytest.skip("here a crash leaves no core in its folder anyway")


# For the start of every Python process: something inside goes wrong that nobody thought of.
BUG = """
import os
import shlex
import signal
import time
import dispatch.system.workers
from keys import age
if os.environ["BUG_DEAF"] == "no":  # tests that a script started in the background hear no ^C
    signal.signal(signal.SIGINT, signal.default_int_handler)
if os.environ["BUG_WORKERS"] == "yes":
    dispatch.system.workers.WORTH_STARTING = dispatch.system.workers._CHUNK = 1
dispatch.system.workers.usable_cores = lambda: 2
original = age.encrypt
def encrypt(plaintext, recipients):
    match os.environ["BUG"]:
        case "raise":
            raise LookupError(plaintext)
        case "memory":
            raise MemoryError(plaintext)
        case "exit":
            os._exit(9)
        case "wait":
            try:
                os.mkdir(os.environ["BUG_ONCE"])
            except FileExistsError:
                return original(plaintext, recipients)
            time.sleep(1)  # until the other worker has done all the rest and waits for more
            print("waiting", flush=True)
            time.sleep(3 if os.environ["BUG_DEAF"] == "yes" else 60)
            return original(plaintext, recipients)
age.encrypt = encrypt
"""


def start_with_bug(realm: Realm, bug: str, *, workers: bool, deaf: bool = False) -> subprocess.Popen[bytes]:
    place = realm.path / "site"
    place.mkdir()
    (place / "sitecustomize.py").write_text(BUG, "ascii")
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join((str(place), str(ROOT))),
        "BUG": bug,
        "BUG_ONCE": str(realm.path / "once"),
        "BUG_WORKERS": "yes" if workers else "no",
        "BUG_DEAF": "yes" if deaf else "no",
    }
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-m", "dispatch", *issue_words(realm)],
        env=environment,
        stdout=pipe,
        stderr=pipe,
        start_new_session=True,
    )


@posix
@pytest.mark.parametrize("workers", [False, True])
@pytest.mark.parametrize("bug", ["raise", "memory"])
def test_a_bug_inside_shows_no_secret(realm: Realm, bug: str, *, workers: bool) -> None:
    out, errors = start_with_bug(realm, bug, workers=workers).communicate(timeout=60)
    assert b"unexpected " in errors
    assert b"Traceback" not in errors
    assert seen(out + errors, needles(realm)) == []


@posix
def test_a_worker_that_dies_shows_no_secret(realm: Realm) -> None:
    out, errors = start_with_bug(realm, "exit", workers=True).communicate(timeout=60)
    assert b"unexpected BrokenProcessPool" in errors
    assert b"Traceback" not in errors
    assert seen(out + errors, needles(realm)) == []


@posix
@pytest.mark.parametrize("workers", [False, True])
def test_an_interrupt_shows_no_secret(realm: Realm, *, workers: bool) -> None:
    """Ctrl-C reaches the run and its workers."""
    process = start_with_bug(realm, "wait", workers=workers)
    assert process.stdout is not None
    assert process.stdout.readline() == b"waiting\n"
    os.killpg(process.pid, signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert b"dispatch: stopped\n" in errors
    assert b"Traceback" not in errors, errors.decode()
    assert seen(out + errors, needles(realm)) == []


@posix
@pytest.mark.parametrize("workers", [False, True])
def test_an_interrupt_that_the_run_ignores_its_workers_ignore_too(realm: Realm, *, workers: bool) -> None:
    """A run in the background of a script goes on when the script is stopped."""
    heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = start_with_bug(realm, "wait", workers=workers, deaf=True)
    finally:
        signal.signal(signal.SIGINT, heard)
    assert process.stdout is not None
    assert process.stdout.readline() == b"waiting\n"
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors.decode()


def test_no_repr_shows_a_secret(realm: Realm) -> None:
    plan = realm.path / "plan.txt"
    plan.write_text(PLAN, "utf-8")
    sealed = seal_attachment(plan, realm.path / "sealed")
    keys = realm.keys("cc")
    shown = [sealed, keys, *keys.identities, *keys.signing_keys, age.passphrase(PASSPHRASE)]
    for value in shown:
        assert seen(repr(value).encode(), needles(realm)) == [], type(value)


@posix
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_who_may_read_what_is_written(tmp_path: Path, mask: int) -> None:
    """What is public is as the umask says; what is secret, and the home, is its owner's whatever it says."""
    before = os.umask(mask)
    try:
        _first_day(tmp_path, mask)
    finally:
        os.umask(before)


def _first_day(folder: Path, mask: int) -> None:
    def dispatch(home: str, *words: str) -> None:
        assert run(["--home", str(folder / home), *words]) == 0

    def mode(*names: str) -> int:
        return stat.S_IMODE(folder.joinpath(*names).stat().st_mode)

    post, saved = folder / "post", folder / "saved"
    (folder / "plan.txt").write_text(PLAN, "utf-8")
    dispatch("cc", "init", "cc", "--title", "Centre", "--root", "--no-passphrase")
    dispatch("tula", "init", "tula", "--title", "Tula", "--no-passphrase")
    dispatch("tula", "card", "-o", str(folder / "tula.card"))
    dispatch("cc", "roster", "add", str(folder / "tula.card"))
    assert mode("cc", "roster.pending") == 0o600
    dispatch("cc", "roster", "group", "provinces", "tula")
    dispatch("cc", "roster", "sign")
    dispatch("cc", "roster", "export", "-o", str(folder / "roster"))
    roster = load_trusted(Home(folder / "cc")).roster
    dispatch("tula", "roster", "import", str(folder / "roster"), "--root", roster.root_fingerprint(2))
    text = write_draft(folder / "draft.md")
    dispatch("cc", "issue", str(text), "-o", str(post), "--attach", str(folder / "plan.txt"))
    dispatch("tula", "receive", str(post))
    dispatch("tula", "read", "cc/2026/1", "--save", str(saved))
    dispatch("tula", "keys", "export", "--age-identity", "-o", str(folder / "identity"))
    dispatch("tula", "keys", "export", "--ssh-key", "-o", str(folder / "ssh"))

    secret = ["cc/office.key", "cc/root.key", "tula/office.key", "identity", "ssh"]
    secret += [f"{home}/{name}" for home in ("cc", "tula") for name in ("register.db", "lock")]
    assert {name: mode(name) for name in secret} == dict.fromkeys(secret, 0o600)
    # nobody else comes to what lies in a home, whatever its own mode
    assert (mode("cc"), mode("tula")) == (0o700, 0o700)

    [attachment] = post.glob("*.age")
    envelopes = [path.name for path in post.glob("*.dispatch")]
    public = ["tula.card", "roster", "saved/plan.txt"]
    public += [f"post/{name}" for name in (attachment.name, *envelopes)]
    assert {name: mode(name) for name in public} == dict.fromkeys(public, 0o666 & ~mask)
    assert (mode("post"), mode("saved")) == (0o777 & ~mask, 0o777 & ~mask)


@posix
@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_the_registers_own_files_are_its_owners(realm: Realm, mask: int) -> None:
    """SQLite makes them; while a run writes they hold what the register will."""
    before = os.umask(mask)
    try:
        office = realm.office("tula")
        with office.register.transaction():
            modes = {
                path.name: stat.S_IMODE(path.stat().st_mode)
                for path in realm.home("tula").path.glob("register.db*")
            }
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("register.db", "register.db-wal", "register.db-shm"), 0o600)
