"""Other implementations of age open what we seal, and we open what they seal."""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path

import pyrage
import pytest

from keys import age

SCRIPT = Path(__file__).with_name("age.mjs")
SIZES = [0, 1, 4096, 65535, 65536, 65537, 200_000]
CLASSICAL = age.X25519Identity(bytes(range(32)))
HYBRID = age.HybridIdentity(bytes(range(32)))
LOCK = age.passphrase("correct horse", 10)


@pytest.mark.parametrize("size", SIZES)
def test_pyrage_with_x25519(size: int) -> None:
    plaintext = os.urandom(size)
    theirs = pyrage.x25519.Identity.from_str(CLASSICAL.secret_text())
    assert str(theirs.to_public()) == str(CLASSICAL.recipient())
    sealed = age.encrypt(plaintext, [CLASSICAL.recipient()])
    assert pyrage.decrypt(sealed, [theirs]) == plaintext
    assert pyrage.decrypt(age.encode_armor(sealed), [theirs]) == plaintext
    for armored in (False, True):
        sealed = pyrage.encrypt(plaintext, [theirs.to_public()], armored=armored)
        assert age.decrypt(sealed, [CLASSICAL]) == plaintext


def test_pyrage_with_several_recipients() -> None:
    theirs = pyrage.x25519.Identity.generate()
    recipients = [age.parse_recipient(str(theirs.to_public())), CLASSICAL.recipient()]
    assert pyrage.decrypt(age.encrypt(b"text", recipients), [theirs]) == b"text"
    ours = pyrage.x25519.Recipient.from_str(str(CLASSICAL.recipient()))
    assert age.decrypt(pyrage.encrypt(b"text", [theirs.to_public(), ours]), [CLASSICAL]) == b"text"


def test_pyrage_with_a_passphrase() -> None:
    sealed = age.encrypt(b"text", [age.passphrase("Циркуляр", 10)])
    assert pyrage.passphrase.decrypt(sealed, "Циркуляр") == b"text"
    sealed = pyrage.passphrase.encrypt(b"text", "Циркуляр")
    assert age.decrypt(sealed, [age.passphrase("Циркуляр")]) == b"text"


@pytest.mark.tool("age")
@pytest.mark.parametrize("armor", [(), ("--armor",)], ids=["binary", "armored"])
@pytest.mark.parametrize("size", SIZES)
def test_the_age_command(size: int, armor: tuple[str, ...], tmp_path: Path) -> None:
    plaintext, key = os.urandom(size), tmp_path / "key.txt"
    key.write_text(f"# a comment\n{CLASSICAL.secret_text()}\n")
    command = ["age", "--encrypt", *armor, "--recipient", str(CLASSICAL.recipient())]
    theirs = subprocess.run(command, input=plaintext, capture_output=True, check=True).stdout
    assert age.decrypt(theirs, age.parse_identities(key.read_text())) == plaintext
    sink = io.BytesIO()
    age.decrypt_stream(io.BytesIO(theirs), sink, [CLASSICAL])
    assert sink.getvalue() == plaintext

    ours = age.encrypt(plaintext, [CLASSICAL.recipient()])
    command = ["age", "--decrypt", "--identity", str(key)]
    for data in (ours, age.encode_armor(ours)):
        assert subprocess.run(command, input=data, capture_output=True, check=True).stdout == plaintext


@pytest.mark.tool("age")
def test_the_age_command_writes_the_armor_that_we_call_canonical() -> None:
    for size in (1, 40, 41, 42, 43, 5000):
        command = ["age", "--encrypt", "--armor", "--recipient", str(CLASSICAL.recipient())]
        text = subprocess.run(command, input=bytes(size), capture_output=True, check=True).stdout
        assert age.encode_armor(age.decode_armor_canonical(text)) == text


@pytest.mark.tool("node")
@pytest.mark.parametrize("size", [0, 4096, 65537])
@pytest.mark.parametrize(
    ("recipient", "identity", "public", "secret"),
    [
        (HYBRID.recipient(), HYBRID, str(HYBRID.recipient()), HYBRID.secret_text()),
        (CLASSICAL.recipient(), CLASSICAL, str(CLASSICAL.recipient()), CLASSICAL.secret_text()),
        (LOCK, LOCK, f"passphrase:{LOCK.text}", f"passphrase:{LOCK.text}"),
    ],
    ids=["hybrid", "classical", "passphrase"],
)
def test_age_encryption(  # noqa: PLR0917 - pytest passes them by name
    recipient: age.Recipient,
    identity: age.Identity,
    public: str,
    secret: str,
    size: int,
    node_modules: Path,
    tmp_path: Path,
) -> None:
    plaintext, source, sink = os.urandom(size), tmp_path / "in", tmp_path / "out"

    def run(command: str, key: str, data: bytes) -> bytes:
        source.write_bytes(data)
        files = (str(source), str(sink))
        subprocess.run(["node", str(SCRIPT), str(node_modules), command, key, *files], check=True)
        return sink.read_bytes()

    assert age.decrypt(run("encrypt", public, plaintext), [identity]) == plaintext
    assert run("decrypt", secret, age.encrypt(plaintext, [recipient])) == plaintext
