from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from keys.age import HybridIdentity, X25519Identity, parse_recipient
from keys.codec import encode_base64
from keys.errors import KeyFormatError
from keys.lines import (
    check_sealing,
    check_signing,
    encode_sealing,
    parse_sealing,
    parse_signing,
    sealing_fingerprint,
    sealing_type,
    signing_type,
)
from keys.signing import COMPOSITE, ED25519, SigningKey

if TYPE_CHECKING:
    from pathlib import Path

HYBRID_SEALER = HybridIdentity(bytes(range(32))).recipient()
CLASSICAL_SEALER = X25519Identity(bytes(range(32))).recipient()
KEYS = (
    SigningKey(type=COMPOSITE, seed=bytes(range(64))).verify_key,
    SigningKey(type=ED25519, seed=bytes(range(32))).verify_key,
)


def test_signing_keys() -> None:
    for key, classical in zip(KEYS, (False, True), strict=True):
        assert parse_signing(key.line()) == key
        assert parse_signing(key.line()) is parse_signing(key.line())
        assert check_signing(key.line()) == key.type == signing_type(classical=classical)


def test_sealing_keys() -> None:
    for recipient, classical in ((HYBRID_SEALER, False), (CLASSICAL_SEALER, True)):
        line = encode_sealing(recipient)
        assert parse_sealing(line) == recipient == parse_recipient(str(recipient))
        assert check_sealing(line) == recipient.kind == sealing_type(classical=classical)


@pytest.mark.parametrize("end", [" comment", " ", "\n", "=", "A"])
def test_a_line_has_no_more_than_type_and_key(end: str) -> None:
    for key in KEYS:
        with pytest.raises(KeyFormatError):
            check_signing(key.line() + end)
    for recipient in (HYBRID_SEALER, CLASSICAL_SEALER):
        with pytest.raises(KeyFormatError):
            check_sealing(encode_sealing(recipient) + end)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "X25519",
        "X25519 ",
        "scrypt " + encode_base64(bytes(32)),
        "x25519 " + encode_base64(bytes(32)),
        "X25519  " + encode_base64(bytes(32)),
        "X25519 " + encode_base64(bytes(31)),
        "X25519 " + encode_base64(bytes(33)),
        "mlkem768x25519 " + encode_base64(bytes(32)),
        "X25519 " + encode_base64(bytes(1216)),
        "X25519 тула",
        str(CLASSICAL_SEALER),
    ],
)
def test_not_a_sealing_key(line: str) -> None:
    for function in (check_sealing, parse_sealing):
        with pytest.raises(KeyFormatError):
            function(line)


def test_a_type_that_is_not_that_of_the_key() -> None:
    for key, other in zip(KEYS, KEYS[::-1], strict=True):
        with pytest.raises(KeyFormatError):
            check_signing(key.line().replace(key.type, other.type, 1))


@pytest.mark.tool("ssh-keygen")
def test_a_signing_line_is_openssh_s_own(tmp_path: Path) -> None:
    path = tmp_path / "key.pub"
    path.write_text(KEYS[1].line() + "\n")
    done = subprocess.run(["ssh-keygen", "-l", "-f", path], capture_output=True, text=True, check=True)
    assert KEYS[1].fingerprint() in done.stdout


@pytest.mark.tool("openssl")
def test_the_fingerprint_of_a_sealing_key_is_over_its_line() -> None:
    line = encode_sealing(CLASSICAL_SEALER)
    done = subprocess.run(
        ["openssl", "dgst", "-sha256", "-binary"], input=line.encode(), capture_output=True, check=True
    )
    assert sealing_fingerprint(line) == "SHA256:" + encode_base64(done.stdout).rstrip("=")
