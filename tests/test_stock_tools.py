"""scripts/open-with-stock-tools: whoever loses this program keeps the archive."""

from __future__ import annotations

import os
import subprocess
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dispatch.cli.main import run
from dispatch.formats.envelope import parse_envelope
from dispatch.formats.message import Letter
from keys import age
from tests.forge.dispatches import Forgery
from tests.forge.realm import Realm, draft, make_realm

if TYPE_CHECKING:
    from collections.abc import Callable

SCRIPT = Path(__file__).parent.parent / "scripts" / "open-with-stock-tools"
BRANCHES = ("oryol", "penza", "ryazan", "tula")  # classical, and with the centre a tree with odd levels

pytestmark = pytest.mark.tool("age", "openssl", "ssh-keygen")


@dataclass(frozen=True)
class World:
    folder: Path

    def envelope(self, issuer: str, to: str) -> Path:
        return self.folder / "post" / f"{issuer}-2026-1.{to}.dispatch"

    def open(self, envelope: Path, office: str) -> subprocess.CompletedProcess[str]:
        arguments = [envelope, self.folder / "signers", self.folder / f"{office}.identity"]
        # a folder of its own for temporary files shows whether any stay behind
        environment = {**os.environ, "TMPDIR": str(self.folder / "tmp")}
        return run_script(*arguments, env=environment)


def run_script(*arguments: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [SCRIPT, *arguments]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", env=env, check=False)


def do(*arguments: str | Path) -> None:
    assert run([str(argument) for argument in arguments]) == 0


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A classical centre and four classical branches, a hybrid one, and letters from three of them."""
    folder = tmp_path_factory.mktemp("stock")
    (folder / "tmp").mkdir()
    handles = ("cc", *BRANCHES, "saratov")
    realm = make_realm(folder, [(handle, handle, handle != "saratov") for handle in handles], {})
    for handle in handles:
        identity = folder / f"{handle}.identity"
        do("--home", folder / handle, "keys", "export", "--age-identity", "-o", identity)
    do("--home", folder / "cc", "roster", "export", "--allowed-signers", "-o", folder / "signers")
    for issuer, to in (("cc", handles[1:]), ("tula", ("penza",)), ("saratov", ("cc", "tula"))):
        with realm.office(issuer) as office:
            office.issue(draft(kind="letter", to=to, text="1. Первый пункт."), (), folder / "post")
    return World(folder)


@pytest.mark.parametrize(("issuer", "to"), [*(("cc", to) for to in ("cc", *BRANCHES)), ("tula", "penza")])
def test_opens_what_classical_offices_wrote(world: World, issuer: str, to: str) -> None:
    done = world.open(world.envelope(issuer, to), to)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('{"kind":"letter",')
    assert "Первый пункт." in done.stdout
    assert done.stdout.count("\n") == 1
    assert "dispatch-secrets" not in done.stdout
    assert f"{issuer}/2026/1 of 2026-11-23T09:00:00Z" in done.stderr
    assert not list((world.folder / "tmp").iterdir())


def value_of(data: bytes, name: bytes) -> int:
    return data.index(b"\n" + name) + len(name) + 2


def last_digit_of_proof(data: bytes) -> int:
    return data.index(b"=\n", value_of(data, b"proof:")) - 1


# what is altered, and the exit code: 3 does not hold, 5 malformed, 6 an unlisted issuer
FLIPS: dict[str, tuple[Callable[[bytes], int], int]] = {
    "issuer": (lambda data: value_of(data, b"number:"), 6),
    "note": (lambda data: value_of(data, b"content:"), 3),
    "count of copies": (lambda data: value_of(data, b"copies:"), 3),
    "signature": (lambda data: data.index(b"\n-----END SSH") - 20, 3),
    "index": (lambda data: value_of(data, b"copy:"), 3),
    "addressee": (lambda data: value_of(data, b"to:"), 3),
    "digest of the body": (lambda data: value_of(data, b"body:"), 3),
    "proof": (lambda data: value_of(data, b"proof:"), 3),
    "unused bits in the proof": (last_digit_of_proof, 5),
    "body": (lambda data: len(data) - 200, 3),
    "end mark": (lambda data: len(data) - 7, 5),
}


def flip(data: bytes, place: int) -> bytes:
    """Alter a byte so that it stays a digit or letter."""
    new = next(code for code in (data[place] ^ bit for bit in (1, 2, 4, 64)) if chr(code).isalnum())
    return data[:place] + bytes([new]) + data[place + 1 :]


@pytest.mark.parametrize("name", FLIPS)
def test_one_altered_byte_is_refused(world: World, tmp_path: Path, name: str) -> None:
    find, code = FLIPS[name]
    data = world.envelope("cc", "penza").read_bytes()
    bad = tmp_path / "bad.dispatch"
    bad.write_bytes(flip(data, find(data)))
    done = world.open(bad, "penza")
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert "error: " in done.stderr
    assert not list((world.folder / "tmp").iterdir())


@pytest.mark.parametrize("extra", [b"\n", b"\0", b"x\n"])
def test_more_at_the_end_is_malformed(world: World, tmp_path: Path, extra: bytes) -> None:
    bad = tmp_path / "bad.dispatch"
    bad.write_bytes(world.envelope("cc", "penza").read_bytes() + extra)
    assert world.open(bad, "penza").returncode == 5


@pytest.mark.parametrize("cut", [b"copy: ", b"-----BEGIN SSH", b"-----BEGIN AGE", b"-----END AGE"])
def test_an_envelope_that_is_cut_off_is_malformed(world: World, tmp_path: Path, cut: bytes) -> None:
    data = world.envelope("cc", "penza").read_bytes()
    bad = tmp_path / "bad.dispatch"
    bad.write_bytes(data[: data.index(cut)])
    assert world.open(bad, "penza").returncode == 5


def test_the_same_signature_twice_is_refused(world: World, tmp_path: Path) -> None:
    data = world.envelope("cc", "penza").read_bytes()
    start, end = data.index(b"-----BEGIN SSH"), data.index(b"\ncopy: ")
    bad = tmp_path / "bad.dispatch"
    bad.write_bytes(data[:end] + data[start:end] + data[end:])
    done = world.open(bad, "penza")
    assert (done.returncode, "two signatures by the same key" in done.stderr) == (3, True)


def with_signature(data: bytes, change: Callable[[bytes], bytes], width: int = 70) -> bytes:
    """Alter the bytes of the signature, or the width of its armor."""
    start, end = data.index(b"SIGNATURE-----\n") + 15, data.index(b"\n-----END SSH")
    text = b64encode(change(b64decode(data[start:end])))
    return data[:start] + b"\n".join(text[at : at + width] for at in range(0, len(text), width)) + data[end:]


@pytest.mark.parametrize(
    ("change", "width", "expected"),
    [
        (lambda blob: blob, 70, (0, "")),
        (lambda blob: blob, 76, (5, "canonical")),
        (lambda blob: blob, 64, (5, "canonical")),
        (lambda blob: blob.replace(b"note\0\0\0\0", b"note\0\0\0\1x"), 70, (5, "reserved")),
        (lambda blob: blob.replace(b"sha512", b"sha256"), 70, (3, "another hash")),
        (lambda blob: blob.replace(b"dispatch-note", b"dispatch-card"), 70, (3, "another purpose")),
    ],
)
def test_a_signature_in_another_form_is_refused(
    world: World, tmp_path: Path, change: Callable[[bytes], bytes], width: int, expected: tuple[int, str]
) -> None:
    bad = tmp_path / "bad.dispatch"
    bad.write_bytes(with_signature(world.envelope("cc", "penza").read_bytes(), change, width))
    done = world.open(bad, "penza")
    assert done.returncode == expected[0], done.stderr
    assert expected[1] in done.stderr


def test_a_text_signed_again_by_another_office_is_refused(world: World, tmp_path: Path) -> None:
    """Tula opens what the centre wrote, and sends the same text in its own name."""
    realm = Realm(world.folder)
    ours = parse_envelope(world.envelope("cc", "tula").read_bytes())
    line, _, secrets = age.decrypt(ours.body, realm.keys("tula").identities).partition(b"\n")
    stolen = Forgery(issuer="tula", kind=Letter, to=("penza",), plaintext=lambda *_: (line + b"\n", secrets))
    bad = tmp_path / "bad.dispatch"
    bad.write_bytes(realm.forge(stolen)["penza"])
    realm.close()
    done = world.open(bad, "penza")
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    assert "another number, date or issuer" in done.stderr


def test_another_copy_of_the_same_dispatch_does_not_lend_its_proof(world: World, tmp_path: Path) -> None:
    ours, theirs = (world.envelope("cc", to).read_bytes() for to in ("penza", "tula"))
    bad = tmp_path / "bad.dispatch"
    bad.write_bytes(ours[: ours.index(b"\ncopy: ")] + theirs[theirs.index(b"\ncopy: ") :])
    assert world.open(bad, "tula").returncode == 0  # the parts of one dispatch are the same envelope
    proof, body = ours.index(b"\nproof: "), ours.index(b"\n-----BEGIN AGE")
    other = theirs[theirs.index(b"\nproof: ") : theirs.index(b"\n-----BEGIN AGE")]
    bad.write_bytes(ours[:proof] + other + ours[body:])
    assert world.open(bad, "penza").returncode == 3


def test_with_the_key_of_another_office_it_stays_closed(world: World) -> None:
    done = world.open(world.envelope("cc", "penza"), "tula")
    assert (done.returncode, done.stdout) == (4, "")
    assert "for penza" in done.stderr


@pytest.mark.parametrize(
    ("issuer", "to", "missing"),
    [
        ("saratov", "tula", {"OpenSSH 10.5"}),
        ("cc", "saratov", {"age 1.3"}),
        ("saratov", "saratov", {"OpenSSH 10.5", "age 1.3"}),
    ],
)
def test_names_the_versions_that_a_hybrid_office_needs(
    world: World, issuer: str, to: str, missing: set[str]
) -> None:
    done = world.open(world.envelope(issuer, to), to)
    if done.returncode == 0:  # this machine has them
        assert "Первый пункт." in done.stdout
        return
    assert (done.returncode, done.stdout) == (1, "")
    named = {version for version in ("OpenSSH 10.5", "age 1.3") if version in done.stderr}
    assert named
    assert named <= missing


def test_usage() -> None:
    shown = run_script("--help")
    assert shown.returncode == 0
    assert shown.stdout.startswith("Usage: open-with-stock-tools ENVELOPE ALLOWED_SIGNERS IDENTITY\n")
    done = run_script("one")
    assert (done.returncode, done.stderr) == (2, shown.stdout)


def test_what_cannot_be_read(world: World, tmp_path: Path) -> None:
    assert world.open(tmp_path / "nothing", "tula").returncode == 1
    assert world.open(tmp_path, "tula").returncode != 0
