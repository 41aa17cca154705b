from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pyrage
import pytest

from keys import age, keyfile
from keys.errors import KeyFileError, PassphraseError
from keys.keyfile import (
    MAX_KEYFILE,
    SecretKeys,
    encode_secret_keys,
    generate,
    parse_secret_keys,
    read_keyfile,
    replace_keyfile,
    write_keyfile,
)
from keys.signing import COMPOSITE, ED25519, SigningKey

KEYS = SecretKeys(
    identities=(age.HybridIdentity(bytes(range(32))), age.X25519Identity(bytes(range(1, 33)))),
    signing_keys=(
        SigningKey(type=COMPOSITE, seed=bytes(range(64))),
        SigningKey(type=ED25519, seed=bytes(range(32))),
    ),
)
TEXT = encode_secret_keys(KEYS)
QUICK = 4  # scrypt's work factor
SECRET = "десять телеграмм"


def never() -> str:
    pytest.fail("asked for a passphrase that is not needed")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# Text


def test_round_trip() -> None:
    assert parse_secret_keys(TEXT) == KEYS
    assert TEXT.isascii()


@pytest.mark.parametrize("classical", [False, True])
def test_new_keys(*, classical: bool) -> None:
    keys = generate(classical=classical)
    assert [one.kind for one in keys.identities] == ["X25519" if classical else "mlkem768x25519"]
    assert [one.type for one in keys.signing_keys] == [ED25519 if classical else COMPOSITE]
    assert parse_secret_keys(encode_secret_keys(keys)) == keys
    assert generate(classical=classical) != keys


def test_the_keys_of_a_root_only_sign() -> None:
    keys = generate(sealing=False)
    assert not keys.identities
    assert parse_secret_keys(encode_secret_keys(keys)) == keys


def test_comments_and_empty_lines_stand_anywhere_between_keys() -> None:
    text = "# Ключи губкома\n\n" + TEXT.decode().replace("# signing", "\n\n# next: signing") + "\n#\n"
    assert parse_secret_keys(text.encode()) == KEYS


def test_keys_stand_in_any_order() -> None:
    lines = TEXT.decode().split("# ")[1:]
    shuffled = "".join(f"# {part}" for part in (lines[2], lines[0], lines[3], lines[1]))
    assert parse_secret_keys(shuffled.encode()) == KEYS


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"# nothing\n",
        b"\xff",
        TEXT + b"a word\n",
        TEXT + b" \n",
        TEXT.replace(b"\n", b"\r\n"),
        TEXT.lower(),
        TEXT.replace(b"-----END OPENSSH PRIVATE KEY-----\n", b"", 1),
        TEXT[: TEXT.rindex(b"-----END")],
        TEXT.replace(b"-----BEGIN OPENSSH PRIVATE KEY-----\n", b"", 1),
        TEXT.replace(b"AGE-SECRET-KEY-PQ-1", b"AGE-SECRET-KEY-PQ-2"),
        TEXT.replace(b"AGE-SECRET-KEY-1", b"age1"),
    ],
)
def test_a_text_that_is_not_of_keys(text: bytes) -> None:
    with pytest.raises(KeyFileError):
        parse_secret_keys(text)


def test_nothing_to_write() -> None:
    with pytest.raises(KeyFileError):
        encode_secret_keys(SecretKeys(identities=(), signing_keys=()))


def test_too_many_keys(tmp_path: Path) -> None:
    many = SecretKeys(identities=KEYS.identities * 4000, signing_keys=())
    with pytest.raises(KeyFileError, match="too many"):
        write_keyfile(tmp_path / "office.key", many, None)


def test_no_secret_is_shown() -> None:
    secrets = [line for line in TEXT.decode().split("\n") if line and not line.startswith(("#", "-"))]
    shown = [repr(KEYS), str(KEYS), f"{KEYS}"]
    broken = TEXT.replace(b"\n", b"x\n")
    with pytest.raises(KeyFileError) as caught:
        parse_secret_keys(broken)
    shown += [str(caught.value), caught.value.hint]
    assert str(caught.value).startswith("line 2 of the key file")
    for text in shown:
        assert not any(secret[:20] in text for secret in secrets)


# Files


def test_in_clear(tmp_path: Path) -> None:
    path = tmp_path / "office.key"
    write_keyfile(path, KEYS, None)
    assert parse_secret_keys(path.read_bytes()) == KEYS
    assert mode(path) == 0o600
    assert read_keyfile(path, never) == KEYS


def test_sealed(tmp_path: Path) -> None:
    path = tmp_path / "office.key"
    write_keyfile(path, KEYS, SECRET, work_factor=QUICK)
    assert mode(path) == 0o600
    assert b"AGE-SECRET-KEY" not in path.read_bytes()
    assert b"OPENSSH" not in path.read_bytes()
    assert read_keyfile(path, lambda: SECRET) == KEYS
    for wrong in ("", "десять", SECRET + " "):
        with pytest.raises(PassphraseError):
            read_keyfile(path, lambda wrong=wrong: wrong)  # type: ignore[misc] # mypy knows no default here


def test_another_age_opens_it_and_gives_the_text_back(tmp_path: Path) -> None:
    path = tmp_path / "office.key"
    write_keyfile(path, KEYS, SECRET)
    assert parse_secret_keys(pyrage.passphrase.decrypt(path.read_bytes(), SECRET)) == KEYS


def test_what_another_age_sealed_is_read(tmp_path: Path) -> None:
    path = tmp_path / "office.key"
    path.touch(mode=0o600)
    path.write_bytes(age.encode_armor(pyrage.passphrase.encrypt(TEXT, SECRET)))
    assert read_keyfile(path, lambda: SECRET) == KEYS


@pytest.mark.tool("ssh-keygen")
def test_ssh_keygen_reads_a_key_cut_out_of_it(tmp_path: Path) -> None:
    path = tmp_path / "id"
    path.touch(mode=0o600)
    path.write_bytes(TEXT[TEXT.rindex(b"-----BEGIN") :])
    done = subprocess.run(["ssh-keygen", "-y", "-f", path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == KEYS.signing_keys[1].verify_key.line()


def test_an_empty_passphrase_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(PassphraseError):
        write_keyfile(tmp_path / "office.key", KEYS, "")
    assert list(tmp_path.iterdir()) == []


def test_a_file_sealed_to_a_key_is_no_key_file(tmp_path: Path) -> None:
    path = tmp_path / "office.key"
    path.touch(mode=0o600)
    path.write_bytes(age.encode_armor(age.encrypt(TEXT, [KEYS.identities[0].recipient()])))
    with pytest.raises(KeyFileError):
        read_keyfile(path, lambda: SECRET)


def test_damage(tmp_path: Path) -> None:
    path = tmp_path / "office.key"
    write_keyfile(path, KEYS, SECRET, work_factor=QUICK)
    data = path.read_bytes()
    for wrong in (data[:-2], data[:200], data[:36], data.replace(b"A", b"B"), data + b"x\n", data + data):
        path.write_bytes(wrong)
        with pytest.raises((KeyFileError, PassphraseError)):
            read_keyfile(path, lambda: SECRET)


@pytest.mark.parametrize("wrong", [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o666, 0o777])
def test_a_file_that_others_can_read_or_write_is_refused(tmp_path: Path, wrong: int) -> None:
    path = tmp_path / "office.key"
    write_keyfile(path, KEYS, None)
    path.chmod(wrong)
    with pytest.raises(KeyFileError, match="others than its owner") as caught:
        read_keyfile(path, never)
    assert "chmod 600" in caught.value.hint


@pytest.mark.parametrize("right", [0o600, 0o400, 0o700])
def test_a_file_that_only_its_owner_can_read_is_not(tmp_path: Path, right: int) -> None:
    path = tmp_path / "office.key"
    write_keyfile(path, KEYS, None)
    path.chmod(right)
    assert read_keyfile(path, never) == KEYS


def test_a_file_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "office.key"
    write_keyfile(path, KEYS, None)
    uid = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    with pytest.raises(KeyFileError, match="another user"):
        read_keyfile(path, never)


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo, 0o600)
    with pytest.raises(KeyFileError, match="regular"):
        read_keyfile(fifo, never)
    with pytest.raises(KeyFileError, match="regular"):
        read_keyfile(Path("/dev/zero"), never)


def test_a_file_that_is_too_long_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "office.key"
    write_keyfile(path, KEYS, None)
    with path.open("ab") as file:
        file.write(b"#" * MAX_KEYFILE)
    with pytest.raises(KeyFileError, match="longer"):
        read_keyfile(path, never)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_keyfile(tmp_path / "office.key", never)


# Writing


@pytest.mark.parametrize("links", [True, False])
def test_nothing_is_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool) -> None:
    if not links:
        monkeypatch.setattr(Path, "hardlink_to", without_links)
    path, target = tmp_path / "office.key", tmp_path / "target"
    path.write_bytes(b"mine")
    with pytest.raises(KeyFileError, match="already"):
        write_keyfile(path, KEYS, None)
    assert path.read_bytes() == b"mine"
    path.unlink()
    path.symlink_to(target)  # dangling: a write through it would leave the secret elsewhere
    with pytest.raises(KeyFileError, match="already"):
        write_keyfile(path, KEYS, None)
    assert list(tmp_path.iterdir()) == [path]


def without_links(_path: Path, _target: Path) -> None:
    raise PermissionError


def test_a_file_system_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "hardlink_to", without_links)
    path = tmp_path / "office.key"
    write_keyfile(path, KEYS, None)
    assert (mode(path), list(tmp_path.iterdir())) == (0o600, [path])
    assert read_keyfile(path, never) == KEYS


def test_replacing(tmp_path: Path) -> None:
    path = tmp_path / "office.key"
    write_keyfile(path, KEYS, SECRET, work_factor=QUICK)
    replace_keyfile(path, KEYS, None)
    assert read_keyfile(path, never) == KEYS
    assert (mode(path), list(tmp_path.iterdir())) == (0o600, [path])


def test_an_open_umask_does_not_open_the_file(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        write_keyfile(tmp_path / "office.key", KEYS, None)
        assert mode(tmp_path / "office.key") == 0o600
    finally:
        os.umask(old)


def test_a_failure_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keyfile.os, "fsync", full)  # type: ignore[attr-defined]
    for write in (write_keyfile, replace_keyfile):
        with pytest.raises(OSError, match="No space"):
            write(tmp_path / "office.key", KEYS, None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.tool("age")
def test_age_reads_the_identities(tmp_path: Path) -> None:
    """The text is an identity file of the stock tool, once the private SSH keys are cut out."""
    identity = tmp_path / "identity"
    write_keyfile(identity, SecretKeys(identities=KEYS.identities[1:], signing_keys=()), None)
    sealed = age.encrypt(b"hello", [KEYS.identities[1].recipient()])
    done = subprocess.run(["age", "-d", "-i", identity], input=sealed, capture_output=True, check=True)
    assert done.stdout == b"hello"
