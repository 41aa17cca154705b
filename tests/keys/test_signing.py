from __future__ import annotations

import copy
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.codec import decode_base64, encode_base64, put_string, put_u32
from keys.errors import KeyFormatError, KeysError, PassphraseError, SignatureError
from keys.opensshkey import decode_armor, encode_armor, open_container, parse_container
from keys.signing import (
    COMPOSITE,
    ED25519,
    SigningKey,
    encode_private,
    parse_private,
    parse_private_commented,
    parse_public,
    parse_public_blob,
)

if TYPE_CHECKING:
    from collections.abc import Callable

VECTORS = Path(__file__).parents[1] / "vectors" / "openssh"
MORE = VECTORS.parent / "more"
PASSPHRASE = "correct horse"
NAMES = {"ed25519": ED25519, "mldsa44-ed25519": COMPOSITE}
TYPES = (ED25519, COMPOSITE)
LABEL = "OPENSSH PRIVATE KEY"
ED = SigningKey(type=ED25519, seed=bytes(range(32)))
HYBRID = SigningKey(type=COMPOSITE, seed=bytes(range(64)))


def keys_of(key_type: str) -> SigningKey:
    return {ED25519: ED, COMPOSITE: HYBRID}[key_type]


def vector(name: str) -> bytes:
    return (VECTORS / name).read_bytes()


# Vectors of OpenSSH 10.5: every key file there


@pytest.mark.parametrize("name", sorted(path.name for path in VECTORS.glob("*.pub")))
def test_public_vectors(name: str) -> None:
    text = vector(name).decode()
    if "-sk" in name:
        with pytest.raises(KeyFormatError, match="-sk"):
            parse_public(text)
        return
    key = parse_public(text)
    comment = text.split(" ", 2)[2].removesuffix("\n")
    assert key.type == NAMES[name.partition(".")[0]]
    assert key.line(comment) + "\n" == text
    assert parse_public(key.line()) == key == parse_public_blob(key.blob)


def test_fingerprints_as_ssh_keygen_prints_them() -> None:
    for line, name in zip(vector("fingerprints.txt").decode().splitlines(), reversed(NAMES), strict=True):
        assert line.split(" ")[1] == parse_public(vector(f"{name}.pub").decode()).fingerprint()


@pytest.mark.parametrize("name", NAMES)
def test_private_vectors(name: str) -> None:
    key, comment = parse_private_commented(vector(name))
    assert key.verify_key == parse_public(vector(f"{name}.pub").decode())
    assert parse_private(vector(name).decode(), "ignored where none is due") == key
    check = parse_container(vector(name)).sealed[:4]
    assert encode_private(key, comment, random=lambda _: check) == vector(name)


@pytest.mark.parametrize("name", NAMES)
def test_protected_private_vectors(name: str) -> None:
    sealed = vector(f"{name}.passphrase")
    key, comment = parse_private_commented(sealed, PASSPHRASE)
    assert key.verify_key == parse_public(vector(f"{name}.passphrase.pub").decode())
    for wrong in (None, "", "correct horsf", "correct horse\0", "\ud800"):
        with pytest.raises(PassphraseError):
            parse_private(sealed, wrong)
    # Byte for byte, given OpenSSH's salt and check word; the latter shows through CTR mode.
    container = parse_container(sealed)
    zero = parse_container(
        encode_private(key, comment, PASSPHRASE, lambda n: container.salt if n == 16 else bytes(n))
    )
    check = bytes(ours ^ theirs for ours, theirs in zip(zero.sealed[:4], container.sealed[:4], strict=True))
    again = encode_private(key, comment, PASSPHRASE, lambda n: container.salt if n == 16 else check)
    assert again == sealed


@pytest.mark.parametrize("name", ["ed25519-sk", "ed25519-sk-no-touch"])
def test_private_keys_on_security_keys_are_refused_by_name(name: str) -> None:
    with pytest.raises(KeyFormatError, match="-sk"):
        parse_private(vector(name))


# Public keys


@pytest.mark.parametrize("key_type", TYPES)
def test_generated_keys_round_trip(key_type: str) -> None:
    key = SigningKey.generate(key_type)
    assert key != SigningKey.generate(key_type)
    assert key.type == key.verify_key.type == key_type
    assert parse_public(key.verify_key.line("Тула, office")) == key.verify_key
    assert parse_private(encode_private(key, "Тула, office")) == key
    assert parse_private_commented(encode_private(key, "Тула", "пароль"), "пароль") == (key, "Тула")
    key.verify_key.verify_raw(key.sign_raw(b"data"), b"data")


def test_randomness_is_a_parameter() -> None:
    assert SigningKey.generate(COMPOSITE, lambda n: bytes(range(n))) == HYBRID


@settings(deadline=None)
@given(st.binary(min_size=32, max_size=32), st.text())
def test_private_key_file_round_trips(seed: bytes, comment: str) -> None:
    key = SigningKey(type=ED25519, seed=seed)
    if comment.isprintable():
        assert parse_private_commented(encode_private(key, comment)) == (key, comment)
    else:
        with pytest.raises(KeyFormatError):
            encode_private(key, comment)


BAD_LINES: dict[str, Callable[[str, str], str]] = {
    "no type": lambda _, b64: b64,
    "empty": lambda *_: "",
    "two spaces": lambda name, b64: f"{name}  {b64}",
    "a space before": lambda name, b64: f" {name} {b64}",
    "a tab": lambda name, b64: f"{name}\t{b64}",
    "options": lambda name, b64: f"cc {name} {b64}",
    "CRLF": lambda name, b64: f"{name} {b64}\r\n",
    "two line ends": lambda name, b64: f"{name} {b64}\n\n",
    "two lines": lambda name, b64: f"{name} {b64}\n{name} {b64}\n",
    "no padding": lambda name, b64: f"{name} {b64.rstrip('=')}" if b64.endswith("=") else f"{name} {b64}=",
    "cut off": lambda name, b64: f"{name} {b64[:-4]}",
    "one more": lambda name, b64: f"{name} {encode_base64(decode_base64(b64) + b'A')}",
    "other type": lambda name, b64: f"{COMPOSITE if name == ED25519 else ED25519} {b64}",
    "unknown type": lambda _, b64: f"ssh-rsa {b64}",
    "another script in base64": lambda name, b64: f"{name} А{b64[1:]}",
    "escape in the comment": lambda name, b64: f"{name} {b64} \x1b[2J",
    "bidi mark in the comment": lambda name, b64: f"{name} {b64} a\u202eb",
    "stray surrogate in the comment": lambda name, b64: f"{name} {b64} \ud800",
    "too long": lambda name, b64: f"{name} {b64} {'x' * 8192}",
}


@pytest.mark.parametrize("fault", BAD_LINES)
@pytest.mark.parametrize("key_type", TYPES)
def test_public_line_is_strict(fault: str, key_type: str) -> None:
    blob = keys_of(key_type).verify_key.blob
    with pytest.raises(KeyFormatError):
        parse_public(BAD_LINES[fault](key_type, encode_base64(blob)))


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\0\0\0",
        put_u32(2**32 - 1) + b"ssh-ed25519",
        put_string(b"ssh-ed25519"),
        put_string(b"ssh-ed25519") + put_string(bytes(31)),
        put_string(b"ssh-ed25519") + put_string(b"\2" * 33),
        put_string(b"ssh-ed25519") + put_string(b"\2" * 32) + b"\0",
        put_string(b"ssh-rsa") + put_string(b"\2" * 32),
        put_string(COMPOSITE.encode()) + put_string(bytes(1312)) + put_string(b"\2" * 32),
        put_string(b"ssh-ed25519-cert-v01@openssh.com") + put_string(b"\2" * 32),
        put_string(b"\x1b[2J") + put_string(b"\2" * 32),
    ],
)
def test_public_blob_is_strict(blob: bytes) -> None:
    with pytest.raises(KeyFormatError) as caught:
        parse_public_blob(blob)
    assert str(caught.value).isprintable()


# libsodium's blacklist (ed25519_ref10.c): points of order 1, 2, 4 and 8, and p - 1, p, p + 1.
SMALL_ORDER = (
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
)


@pytest.mark.parametrize("sign", [0, 0x80])
@pytest.mark.parametrize("point", SMALL_ORDER)
def test_weak_points_are_refused(point: str, sign: int) -> None:
    raw = bytearray.fromhex(point)
    raw[-1] |= sign
    with pytest.raises(KeyFormatError, match="weak"):
        parse_public_blob(put_string(ED25519.encode()) + put_string(bytes(raw)))
    with pytest.raises(KeyFormatError, match="weak"):
        parse_public_blob(put_string(COMPOSITE.encode()) + put_string(bytes(1312) + bytes(raw)))


def test_a_point_off_the_curve_verifies_nothing() -> None:
    key = parse_public_blob(put_string(ED25519.encode()) + put_string(b"\2" + bytes(31)))
    with pytest.raises(SignatureError):
        key.verify_raw(put_string(ED25519.encode()) + put_string(bytes(64)), b"")


# Signatures


@pytest.mark.parametrize("key_type", TYPES)
def test_signature_holds_for_its_data_alone(key_type: str) -> None:
    key = keys_of(key_type)
    signature = key.sign_raw(b"data")
    key.verify_key.verify_raw(signature, b"data")
    for data in (b"", b"Data", b"data\0"):
        with pytest.raises(SignatureError):
            key.verify_key.verify_raw(signature, data)
    with pytest.raises(SignatureError):
        SigningKey.generate(key_type).verify_key.verify_raw(signature, b"data")


@pytest.mark.parametrize("key_type", TYPES)
def test_signature_blob_is_strict(key_type: str) -> None:
    key = keys_of(key_type)
    good = key.sign_raw(b"data")
    other = put_string((COMPOSITE if key_type == ED25519 else ED25519).encode())
    raw = good[len(put_string(key_type.encode())) :]
    short = put_string(key_type.encode()) + put_string(raw[4:-1])
    head = len(good) - len(raw) + 4
    inserted = good[:head] + b"\0" + good[head:]
    for bad in (b"", good[:-1], good + b"\0", other + raw, raw, short, inserted):
        with pytest.raises(SignatureError):
            key.verify_key.verify_raw(bad, b"data")


def test_every_flipped_bit_of_an_ed25519_signature() -> None:
    good = ED.sign_raw(b"data")
    for bit in range(len(good) * 8):
        with pytest.raises(SignatureError):
            ED.verify_key.verify_raw(flip(good, bit), b"data")


def flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def halves(signature: bytes) -> tuple[bytes, bytes, bytes]:
    """Split into what stands before, the ML-DSA half, the Ed25519 half."""
    return signature[:-2484], signature[-2484:-64], signature[-64:]


@pytest.mark.parametrize("bit", [*range(0, 2484 * 8, 97), 2420 * 8 - 1, 2420 * 8, 2484 * 8 - 1])
def test_a_flipped_bit_in_either_half_of_a_composite_signature(bit: int) -> None:
    head, mldsa, ed25519 = halves(HYBRID.sign_raw(b"data"))
    with pytest.raises(SignatureError):
        HYBRID.verify_key.verify_raw(head + flip(mldsa + ed25519, bit), b"data")


def test_both_halves_of_a_composite_signature_must_hold() -> None:
    head, mldsa, ed25519 = halves(HYBRID.sign_raw(b"data"))
    verify = HYBRID.verify_key.verify_raw
    verify(head + mldsa + ed25519, b"data")
    _, other_mldsa, other_ed25519 = halves(HYBRID.sign_raw(b"other"))
    _, foreign_mldsa, foreign_ed25519 = halves(SigningKey.generate(COMPOSITE).sign_raw(b"data"))
    # The plain Ed25519 signature of the same seed, over the data itself.
    plain = SigningKey(type=ED25519, seed=HYBRID.seed[32:]).sign_raw(b"data")
    for first, second in (
        (mldsa, other_ed25519),
        (other_mldsa, ed25519),
        (mldsa, foreign_ed25519),
        (foreign_mldsa, ed25519),
        (mldsa, plain[-64:]),
        (mldsa, bytes(64)),
        (bytes(2420), ed25519),
        (ed25519, mldsa),
    ):
        with pytest.raises(SignatureError):
            verify(head + first + second, b"data")
    with pytest.raises(SignatureError):
        verify(plain, b"data")


def test_two_ml_dsa_signatures_of_one_text_both_hold() -> None:
    first, second = HYBRID.sign_raw(b"data"), HYBRID.sign_raw(b"data")
    (head, mldsa, ed25519), (_, mldsa_2, ed25519_2) = halves(first), halves(second)
    assert ed25519 == ed25519_2
    assert mldsa != mldsa_2
    HYBRID.verify_key.verify_raw(head + mldsa_2 + ed25519, b"data")


# Private key files: one fault each


def private_file(  # every field can be broken
    *,
    cipher: bytes = b"none",
    kdf: bytes = b"none",
    options: bytes = b"",
    count: int = 1,
    public: bytes = ED.verify_key.blob,
    check: bytes = b"\1\2\3\4" * 2,
    inner: bytes = ED.verify_key.blob,
    secret: bytes = ED.seed + ED.verify_key.blob[-32:],
    comment: bytes = b"c",
    padding: bytes | None = None,
    tail: bytes = b"",
    magic: bytes = b"openssh-key-v1\0",
) -> bytes:
    plain = check + inner + put_string(secret) + put_string(comment)
    block = 8 if cipher == b"none" else 16
    plain += bytes(range(1, -len(plain) % block + 1)) if padding is None else padding
    data = magic + put_string(cipher) + put_string(kdf) + put_string(options) + put_u32(count)
    return encode_armor(LABEL, data + put_string(public) + put_string(plain) + tail)


def kdf_options(salt: bytes = bytes(16), rounds: int = 1, tail: bytes = b"") -> bytes:
    return put_string(salt) + put_u32(rounds) + tail


OTHER = SigningKey.generate(ED25519)
CTR, BCRYPT = b"aes256-ctr", b"bcrypt"
BAD_FILES = {
    "magic": private_file(magic=b"openssh-key-v2\0"),
    "magic without NUL": private_file(magic=b"openssh-key-v1"),
    "no keys": private_file(count=0),
    "two keys": private_file(count=2),
    "check words differ": private_file(check=b"\1\2\3\4\1\2\3\5"),
    "public copy inside of another key": private_file(inner=OTHER.verify_key.blob),
    "public copy outside of another key": private_file(public=OTHER.verify_key.blob),
    "seed of another key": private_file(secret=OTHER.seed + ED.verify_key.blob[-32:]),
    "secret half of another key": private_file(secret=OTHER.seed + OTHER.verify_key.blob[-32:]),
    "composite seed of another key": private_file(
        public=HYBRID.verify_key.blob, inner=HYBRID.verify_key.blob, secret=bytes(64)
    ),
    "public half after the seed of another key": private_file(secret=ED.seed + OTHER.verify_key.blob[-32:]),
    "seed alone": private_file(secret=ED.seed),
    "longer secret": private_file(secret=ED.seed + ED.verify_key.blob[-32:] + b"\0"),
    "no secret": private_file(secret=b""),
    "comment with an escape": private_file(comment=b"\x1b[2J"),
    "comment that is not UTF-8": private_file(comment=b"\xff"),
    "no padding": private_file(comment=b"cc", padding=b""),
    "padding of a block too many": private_file(comment=b"", padding=bytes(range(1, 14))),
    "padding of zeros": private_file(comment=b"", padding=bytes(5)),
    "padding from zero": private_file(comment=b"", padding=bytes(range(5))),
    "trailing data": private_file(tail=b"\0"),
    "trailing tag": private_file(tail=bytes(16)),
    "cipher without KDF": private_file(cipher=CTR),
    "KDF without cipher": private_file(kdf=BCRYPT, options=kdf_options()),
    "KDF options without KDF": private_file(options=kdf_options()),
    "unknown KDF": private_file(cipher=CTR, kdf=b"scrypt", options=kdf_options()),
    "unknown cipher": private_file(cipher=b"rot13", kdf=BCRYPT, options=kdf_options()),
    "no rounds": private_file(cipher=CTR, kdf=BCRYPT, options=kdf_options(rounds=0)),
    "rounds that would hang us": private_file(cipher=CTR, kdf=BCRYPT, options=kdf_options(rounds=1025)),
    "short salt": private_file(cipher=CTR, kdf=BCRYPT, options=kdf_options(salt=bytes(15))),
    "KDF options cut off": private_file(cipher=CTR, kdf=BCRYPT, options=kdf_options()[:-1]),
    "KDF options with a tail": private_file(cipher=CTR, kdf=BCRYPT, options=kdf_options(tail=b"\0")),
    "not whole blocks": private_file(cipher=CTR, kdf=BCRYPT, options=kdf_options(), padding=b"\1"),
    "no tag": private_file(cipher=b"aes256-gcm@openssh.com", kdf=BCRYPT, options=kdf_options()),
    "empty": b"",
    "armor of nothing": b"-----BEGIN OPENSSH PRIVATE KEY-----\n\n-----END OPENSSH PRIVATE KEY-----\n",
    "PEM": encode_armor("PRIVATE KEY", b"\0" * 48),
    "CRLF": private_file().replace(b"\n", b"\r\n"),
    "no final line end": private_file()[:-1],
    "a line before": b"\n" + private_file(),
    "a line after": private_file() + b"\n",
    "one long line": private_file()
    .replace(b"\n", b"")
    .replace(b"-----b", b"-----\nb")
    .replace(b"-----E", b"\n-----E"),
    "too long": private_file(comment=b"c" * 32768),
}


@pytest.mark.parametrize("fault", BAD_FILES)
def test_private_file_is_strict(fault: str) -> None:
    assert parse_private(private_file()) == ED
    with pytest.raises(KeyFormatError):
        parse_private(BAD_FILES[fault], "p")


def test_a_private_file_with_an_unsupported_cipher_says_what_to_do() -> None:
    with pytest.raises(KeyFormatError) as caught:
        parse_private(BAD_FILES["unknown cipher"])
    assert "ssh-keygen -p" in caught.value.hint


def test_text_outside_ascii_is_no_private_file() -> None:
    with pytest.raises(KeyFormatError):
        parse_private("ключ")


def test_every_flipped_bit_of_a_private_file() -> None:
    # Nothing authenticates the comment of a file without a passphrase, so that one can change.
    good = vector("ed25519")
    key, comment = parse_private_commented(good)
    changed = 0
    for bit in range(len(good) * 8):
        try:
            other, other_comment = parse_private_commented(flip(good, bit))
        except KeysError:
            continue
        assert other == key
        assert other_comment != comment
        changed += 1
    assert 0 < changed < len(comment) * 8 * 2


@pytest.mark.parametrize("position", [40, 60, 100, 150, 200, 250, 300, 350, 400])
def test_a_flipped_bit_of_a_protected_file(position: int) -> None:
    good = vector("ed25519.passphrase")
    with pytest.raises(KeysError):
        parse_private(flip(good, position * 8), PASSPHRASE)


@pytest.mark.parametrize("passphrase", ["", "a\0b", "\ud800"])
def test_a_passphrase_that_openssh_would_read_otherwise_is_refused(passphrase: str) -> None:
    with pytest.raises(PassphraseError):
        encode_private(ED, passphrase=passphrase)


@pytest.mark.parametrize(
    ("key_type", "size"), [(ED25519, 31), (ED25519, 33), (ED25519, 64), (COMPOSITE, 32), ("ssh-rsa", 32)]
)
def test_seeds_of_the_wrong_length(key_type: str, size: int) -> None:
    with pytest.raises(KeyFormatError):
        SigningKey(type=key_type, seed=bytes(size))


def test_unknown_types_are_not_generated() -> None:
    with pytest.raises(KeyFormatError):
        SigningKey.generate("ssh-rsa")


@pytest.mark.parametrize("key_type", TYPES)
def test_secrets_are_not_shown(key_type: str) -> None:
    key = SigningKey.generate(key_type, os.urandom)
    container = parse_container(encode_private(key))
    shown = f"{key!r} {key} {[key]} {container!r} {container}"
    for half in (key.seed[:32], key.seed[-32:]):
        assert half.hex() not in shown
        assert repr(half)[2:-1] not in shown
        assert encode_base64(half)[:40] not in shown
    assert key.verify_key.fingerprint() in repr(key)
    assert key.verify_key.fingerprint() in repr(key.verify_key)


@pytest.mark.parametrize("key_type", TYPES)
def test_verify_keys_are_values(key_type: str) -> None:
    key = keys_of(key_type)
    key.verify_key.verify_raw(key.sign_raw(b""), b"")
    twin = parse_public_blob(key.verify_key.blob)
    assert twin == key.verify_key
    assert len({twin, key.verify_key}) == 1
    assert pickle.loads(pickle.dumps(key.verify_key)) == twin  # noqa: S301 - our own
    assert copy.deepcopy(key.verify_key) == twin
    with pytest.raises(AttributeError):
        key.verify_key.blob = b""  # type: ignore[misc]


def test_reading_public_keys_loads_no_cryptography() -> None:
    script = (
        "import sys; from keys import signed, sshsig, signing;"
        f"signing.parse_public({ED.verify_key.line()!r});"
        "print([m for m in sys.modules if m.split('.')[0] in ('cryptography', 'nacl', 'bcrypt')])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


# ssh-keygen, both ways


def ssh_keygen(*arguments: str | Path, stdin: bytes = b"") -> bytes:
    return subprocess.run(["ssh-keygen", *arguments], input=stdin, capture_output=True, check=True).stdout


@pytest.mark.tool("ssh-keygen")
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE, "пароль с пробелом"])
def test_ssh_keygen_reads_our_private_file(passphrase: str | None, tmp_path: Path) -> None:
    key = SigningKey.generate(ED25519)
    path = tmp_path / "key"
    path.write_bytes(encode_private(key, "Тула", passphrase))
    path.chmod(0o600)
    assert ssh_keygen("-y", "-P", passphrase or "", "-f", path).decode() == key.verify_key.line("Тула") + "\n"
    assert key.verify_key.fingerprint() in ssh_keygen("-l", "-f", path).decode()
    # ... and changes its passphrase to one that we read.
    ssh_keygen("-p", "-P", passphrase or "", "-N", "other", "-f", path)
    assert parse_private_commented(path.read_bytes(), "other") == (key, "Тула")


@pytest.mark.tool("ssh-keygen")
@pytest.mark.parametrize("comment", ["", "a comment", "Тула"])
def test_we_read_the_keys_of_ssh_keygen(comment: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    ssh_keygen("-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path)
    key, read = parse_private_commented(path.read_bytes())
    assert read == comment
    assert parse_public(path.with_suffix(".pub").read_text("utf-8")) == key.verify_key


@pytest.mark.tool("ssh-keygen")
@pytest.mark.parametrize("cipher", ["aes256-ctr", "aes256-cbc", "aes256-gcm@openssh.com"])
def test_we_read_the_ciphers_of_ssh_keygen(cipher: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    ssh_keygen("-q", "-t", "ed25519", "-N", PASSPHRASE, "-Z", cipher, "-a", "3", "-f", path)
    key = parse_private(path.read_bytes(), PASSPHRASE)
    assert parse_public(path.with_suffix(".pub").read_text("utf-8")) == key.verify_key
    with pytest.raises(PassphraseError):
        parse_private(path.read_bytes(), "wrong")
    # The last byte of the data: the tag, or the last byte of the padding or comment.
    data = decode_armor(LABEL, path.read_bytes(), 32768)
    with pytest.raises(KeysError):
        parse_private(encode_armor(LABEL, data[:-1] + bytes([data[-1] ^ 1])), PASSPHRASE)


@pytest.mark.tool("ssh-keygen")
def test_a_cipher_we_do_not_read_is_refused_by_a_hint(tmp_path: Path) -> None:
    path = tmp_path / "key"
    ssh_keygen(
        "-q", "-t", "ed25519", "-N", PASSPHRASE, "-Z", "chacha20-poly1305@openssh.com", "-a", "1", "-f", path
    )
    with pytest.raises(KeyFormatError, match="cipher"):
        parse_private(path.read_bytes(), PASSPHRASE)


def test_a_container_stays_locked_until_it_is_opened() -> None:
    container = parse_container(vector("ed25519.passphrase"))
    assert container.protected
    assert parse_public_blob(container.public) == parse_public(vector("ed25519.passphrase.pub").decode())
    with pytest.raises(PassphraseError):
        open_container(container, None)


# Vectors of others

WYCHEPROOF = json.loads((MORE / "ed25519.json").read_bytes())["tests"]


def ssh_form(key_type: str, raw: bytes) -> bytes:
    """Put a bare public key or signature into its SSH wire form."""
    return put_string(key_type.encode()) + put_string(raw)


@pytest.mark.parametrize("vector", [pytest.param(one, id=f"{one['id']}") for one in WYCHEPROOF])
def test_vectors_of_wycheproof(vector: dict[str, Any]) -> None:
    public, message, signature = (bytes.fromhex(vector[name]) for name in ("pk", "msg", "sig"))
    key = parse_public_blob(ssh_form(ED25519, public))
    try:
        key.verify_raw(ssh_form(ED25519, signature), message)
    except SignatureError:
        found = "invalid"
    else:
        found = "valid"
    assert found == vector["result"]


def test_all_vectors_of_wycheproof_are_there() -> None:
    results = [one["result"] for one in WYCHEPROOF]
    assert (results.count("valid"), results.count("invalid")) == (88, 63)


def test_the_vector_of_the_composite_draft() -> None:
    vector = json.loads((MORE / "composite-mldsa44-ed25519.json").read_bytes())
    message, public, seed, signature, other = (
        decode_base64(vector[name]) for name in ("m", "pk", "sk", "s", "sWithContext")
    )
    key = SigningKey(type=COMPOSITE, seed=seed).verify_key
    assert key == parse_public_blob(ssh_form(COMPOSITE, public))
    key.verify_raw(ssh_form(COMPOSITE, signature), message)
    wrong = [(other, message), (signature, message + b"\n")]
    for place in (0, -65, -64, -1):  # the ends of both halves
        flipped = bytearray(signature)
        flipped[place] ^= 1
        wrong.append((bytes(flipped), message))
    for bad, said in wrong:
        with pytest.raises(SignatureError):
            key.verify_raw(ssh_form(COMPOSITE, bad), said)
