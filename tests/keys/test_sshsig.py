from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys import sshsig
from keys.codec import put_string, put_u32
from keys.errors import (
    ArmorError,
    FormatError,
    KeyFormatError,
    KeysError,
    NamespaceError,
    SignatureError,
    UnlistedKeyError,
)
from keys.opensshkey import encode_armor
from keys.signing import COMPOSITE, ED25519, SigningKey, encode_private, parse_private, parse_public

VECTORS = Path(__file__).parents[1] / "vectors" / "openssh"
NAMESPACE = "dispatch-note"
HASHES = ("sha256", "sha512")
LABEL = "SSH SIGNATURE"
ED = SigningKey(type=ED25519, seed=bytes(range(32)))
HYBRID = SigningKey(type=COMPOSITE, seed=bytes(range(64)))
OTHER = SigningKey(type=ED25519, seed=bytes(32))


def vector(name: str) -> bytes:
    return (VECTORS / name).read_bytes()


# Vectors of OpenSSH 10.5: every signature there


@pytest.mark.parametrize("name", sorted(path.name for path in VECTORS.glob("*.sig")))
def test_vectors(name: str) -> None:
    text, key_name, kind, _ = name.split(".")
    armored, message = vector(name), vector(f"{text}.txt")
    if "-sk" in key_name:
        with pytest.raises(KeyFormatError, match="-sk"):
            sshsig.parse(armored)
        return
    key = parse_public(vector(f"{key_name}.pub").decode())
    assert sshsig.encode(sshsig.parse(armored)) == armored
    if kind == "other-namespace":
        with pytest.raises(NamespaceError):
            sshsig.verify(armored, message, NAMESPACE, key)
        assert sshsig.verify(armored, message, "file", key).namespace == "file"
        return
    verified = sshsig.verify(armored.decode(), message, NAMESPACE, key)
    assert (verified.verify_key, verified.namespace, verified.hash_algorithm) == (key, NAMESPACE, kind)
    with pytest.raises(SignatureError):
        sshsig.verify(armored, message + b"\n", NAMESPACE, key)


@pytest.mark.parametrize("hash_algorithm", HASHES)
@pytest.mark.parametrize("text", ["message", "cyrillic", "empty"])
def test_our_ed25519_signature_is_byte_for_byte_that_of_openssh(text: str, hash_algorithm: str) -> None:
    key = parse_private(vector("ed25519"))
    ours = sshsig.sign(key, vector(f"{text}.txt"), NAMESPACE, hash_algorithm)
    assert ours == vector(f"{text}.ed25519.{hash_algorithm}.sig")


def test_our_composite_signature_has_the_form_of_openssh() -> None:
    # ML-DSA signs with fresh randomness, so the Ed25519 half alone can be compared.
    key = parse_private(vector("mldsa44-ed25519"))
    theirs = vector("message.mldsa44-ed25519.sha512.sig")
    ours = sshsig.sign(key, vector("message.txt"), NAMESPACE)
    assert len(ours) == len(theirs)
    assert sshsig.parse(ours).signature[-64:] == sshsig.parse(theirs).signature[-64:]


# Signing and verifying


@pytest.mark.parametrize("key", [ED, HYBRID], ids=lambda key: key.type)
@settings(deadline=None)
@given(message=st.binary(max_size=200), namespace=st.from_regex(r"[!-~]{1,255}", fullmatch=True))
def test_round_trip(key: SigningKey, message: bytes, namespace: str) -> None:
    for hash_algorithm in HASHES:
        armored = sshsig.sign(key, message, namespace, hash_algorithm)
        assert sshsig.encode(sshsig.parse(armored)) == armored
        verified = sshsig.verify(armored, message, namespace, key.verify_key)
        assert verified.hash_algorithm == hash_algorithm
        with pytest.raises(SignatureError):
            sshsig.verify(armored, message + b"\0", namespace, key.verify_key)


@pytest.mark.parametrize("key", [ED, HYBRID], ids=lambda key: key.type)
def test_another_namespace_or_key(key: SigningKey) -> None:
    armored = sshsig.sign(key, b"text", NAMESPACE)
    for namespace in ("file", "dispatch-roster", "dispatch-note2", "dispatch-not", "", "dispatch-note\0"):
        with pytest.raises(NamespaceError):
            sshsig.verify(armored, b"text", namespace, key.verify_key)
    with pytest.raises(UnlistedKeyError):
        sshsig.verify(armored, b"text", NAMESPACE, OTHER.verify_key)


def test_the_namespace_is_signed_not_only_named() -> None:
    # A signature for one purpose, relabelled for another.
    relabelled = blob(namespace=b"dispatch-note", signature=raw(namespace=b"file"))
    ours = sshsig.parse(sshsig.sign(ED, b"text", "file"))
    for wrong in (relabelled, sshsig.encode(replace(ours, namespace=NAMESPACE))):
        with pytest.raises(SignatureError):
            sshsig.verify(wrong, b"text", NAMESPACE, ED.verify_key)


def test_the_key_is_not_taken_from_the_signature() -> None:
    # Another's signature with the expected key's name on it.
    forged = blob(signature=OTHER.sign_raw(b"anything"))
    with pytest.raises(SignatureError):
        sshsig.verify(forged, b"text", NAMESPACE, ED.verify_key)
    # And one that is all another's, and holds under the key that it names.
    with pytest.raises(UnlistedKeyError):
        sshsig.verify(sshsig.sign(OTHER, b"text", NAMESPACE), b"text", NAMESPACE, ED.verify_key)


@pytest.mark.parametrize("namespace", ["", "two words", "файл", "a\n", "a\0", "\x1b[2J", "x" * 256])
def test_namespaces_to_sign_for_are_plain(namespace: str) -> None:
    with pytest.raises(FormatError):
        sshsig.sign(ED, b"text", namespace)


@pytest.mark.parametrize("hash_algorithm", ["", "sha1", "md5", "SHA512", "sha384", "sha512 "])
def test_other_hashes_are_refused(hash_algorithm: str) -> None:
    with pytest.raises(FormatError):
        sshsig.sign(ED, b"text", NAMESPACE, hash_algorithm)
    with pytest.raises(FormatError):
        sshsig.parse(blob(hash_algorithm=hash_algorithm.encode()))


# The blob: one fault each


def raw(namespace: bytes = b"dispatch-note", hash_algorithm: str = "sha512", reserved: bytes = b"") -> bytes:
    """Sign b"text" with ED, whatever the fields."""
    data = b"SSHSIG" + put_string(namespace) + put_string(reserved)
    data += put_string(hash_algorithm.encode()) + put_string(sshsig.digest(b"text", hash_algorithm))
    return ED.sign_raw(data)


def blob(  # every field can be broken
    *,
    magic: bytes = b"SSHSIG",
    version: int = 1,
    public: bytes = ED.verify_key.blob,
    namespace: bytes = b"dispatch-note",
    reserved: bytes = b"",
    hash_algorithm: bytes = b"sha512",
    signature: bytes | None = None,
    tail: bytes = b"",
) -> bytes:
    signature = raw() if signature is None else signature
    parts = (public, namespace, reserved, hash_algorithm, signature)
    return encode_armor(LABEL, magic + put_u32(version) + b"".join(map(put_string, parts)) + tail)


BAD_BLOBS = {
    "magic": blob(magic=b"SSHSIH"),
    "version 0": blob(version=0),
    "version 2": blob(version=2),
    "no key": blob(public=b""),
    "longer key": blob(public=ED.verify_key.blob + b"\0"),
    "weak key": blob(public=ED.verify_key.blob[:-32] + bytes(32)),
    "key type unknown": blob(public=put_string(b"ssh-rsa") + put_string(b"\2" * 32)),
    "empty namespace": blob(namespace=b"", signature=raw(namespace=b"")),
    "namespace with a NUL": blob(namespace=b"dispatch-note\0"),
    "namespace with an escape": blob(namespace=b"\x1b[2J"),
    "namespace outside ASCII": blob(namespace="нота".encode()),
    "reserved": blob(reserved=b"x", signature=raw(reserved=b"x")),
    "hash unknown": blob(hash_algorithm=b"sha1"),
    "no hash": blob(hash_algorithm=b""),
    "hash outside ASCII": blob(hash_algorithm=b"\xff"),
    "trailing data": blob(tail=b"\0"),
    "cut off": encode_armor(LABEL, b"SSHSIG" + put_u32(1) + put_string(ED.verify_key.blob)),
    "only magic": encode_armor(LABEL, b"SSHSIG"),
}


@pytest.mark.parametrize("fault", BAD_BLOBS)
def test_blob_is_strict(fault: str) -> None:
    sshsig.verify(blob(), b"text", NAMESPACE, ED.verify_key)
    with pytest.raises(FormatError) as caught:
        sshsig.parse(BAD_BLOBS[fault])
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        raw() + b"\0",
        raw()[:-1],
        put_string(COMPOSITE.encode()) + raw()[15:],
        put_string(b"") + raw()[15:],
    ],
)
def test_the_inner_signature_is_strict(signature: bytes) -> None:
    with pytest.raises(SignatureError):
        sshsig.verify(blob(signature=signature), b"text", NAMESPACE, ED.verify_key)


def test_hash_relabelled() -> None:
    relabelled = blob(hash_algorithm=b"sha256")
    with pytest.raises(SignatureError):
        sshsig.verify(relabelled, b"text", NAMESPACE, ED.verify_key)


# The armor: only what ssh-keygen writes


GOOD = blob()
BEGIN, *BODY, END, _ = GOOD.decode().split("\n")
ONE_LINE = "".join(BODY)


def wrapped(columns: int) -> str:
    lines = [ONE_LINE[start : start + columns] for start in range(0, len(ONE_LINE), columns)]
    return "\n".join([BEGIN, *lines, END, ""])


BAD_ARMOR = {
    "empty": "",
    "BEGIN alone": f"{BEGIN}\n",
    "no body": f"{BEGIN}\n{END}\n",
    "empty body": f"{BEGIN}\n\n{END}\n",
    "no BEGIN": "\n".join([*BODY, END, ""]),
    "no END": "\n".join([BEGIN, *BODY, ""]),
    "no final line end": GOOD.decode()[:-1],
    "CRLF": GOOD.decode().replace("\n", "\r\n"),
    "CR in the body": "\n".join([BEGIN, *BODY]) + f"\r\n{END}\n",
    "a line before": "\n" + GOOD.decode(),
    "a line after": GOOD.decode() + "\n",
    "a space after": GOOD.decode() + " ",
    "a blank line inside": "\n".join([BEGIN, BODY[0], "", *BODY[1:], END, ""]),
    "a blank line at the end of the body": "\n".join([BEGIN, *BODY, "", END, ""]),
    "a space in the body": "\n".join([BEGIN, BODY[0] + " ", *BODY[1:], END, ""]),
    "one long line": wrapped(10000),
    "76 columns": wrapped(76),
    "64 columns": wrapped(64),
    "69 columns": wrapped(69),
    "71 columns": wrapped(71),
    "a line of 142": "\n".join([BEGIN, BODY[0] + BODY[1], *BODY[2:], END, ""]),
    "two blocks": GOOD.decode() * 2,
    "a comment": GOOD.decode().replace(BEGIN, BEGIN + "\nComment: x"),
    "another script": GOOD.decode().replace("U1NI", "U1N\u0406"),
    "padding in the middle": "\n".join([BEGIN, BODY[0][:-1] + "=", *BODY[1:], END, ""]),
    "other label": GOOD.decode().replace("SIGNATURE", "SIGNATURES"),
    "too long": GOOD.decode() + "A" * sshsig.MAX_ARMORED,
}


@pytest.mark.parametrize("fault", BAD_ARMOR)
def test_armor_is_strict(fault: str) -> None:
    for text in (BAD_ARMOR[fault], BAD_ARMOR[fault].encode()):
        with pytest.raises(ArmorError):
            sshsig.parse(text)


@pytest.mark.parametrize("size", [*range(1, 4), *range(49, 57), 103, 104, 105, 106, 210, 211])
def test_armor_line_lengths(size: int) -> None:
    # Around a body that fills its last line exactly: 105 bytes are two lines of 70.
    armored = encode_armor(LABEL, bytes(size))
    lines = armored.decode().split("\n")[1:-2]
    assert all(len(line) == 70 for line in lines[:-1])
    assert 1 <= len(lines[-1]) <= 70
    with pytest.raises(FormatError, match="not an SSH signature"):
        sshsig.parse(armored)
    with pytest.raises(ArmorError):
        sshsig.parse(armored.replace(b"\n-----END", b"\n\n-----END"))


def test_base64_with_stray_bits_is_refused() -> None:
    # One byte more makes padding, whose spare bits must be zero.
    for namespace in (b"a", b"aa", b"aaa"):
        armored = blob(namespace=namespace, signature=raw(namespace=namespace))
        for last, other in (("A", "B"), ("Q", "R"), ("g", "h"), ("w", "x")):
            text = armored.decode()
            stray = text.replace(f"{last}=", f"{other}=")
            if stray != text:
                with pytest.raises(ArmorError):
                    sshsig.parse(stray)


def test_every_flipped_bit_of_an_armored_signature() -> None:
    good = vector("message.ed25519.sha512.sig")
    key, message = parse_public(vector("ed25519.pub").decode()), vector("message.txt")
    for bit in range(len(good) * 8):
        changed = bytearray(good)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(KeysError):
            sshsig.verify(bytes(changed), message, NAMESPACE, key)


@pytest.mark.parametrize("bit", range(0, 5410 * 8, 401))
def test_flipped_bits_of_an_armored_composite_signature(bit: int) -> None:
    changed = bytearray(vector("message.mldsa44-ed25519.sha512.sig"))
    changed[bit // 8] ^= 1 << bit % 8
    key, message = parse_public(vector("mldsa44-ed25519.pub").decode()), vector("message.txt")
    with pytest.raises(KeysError):
        sshsig.verify(bytes(changed), message, NAMESPACE, key)


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_whatever_is_armored_parses_to_itself_or_to_our_error(data: bytes) -> None:
    for armored in (encode_armor(LABEL, data), encode_armor(LABEL, b"SSHSIG\0\0\0\1" + data), data):
        try:
            parsed = sshsig.parse(armored)
        except FormatError:
            continue
        assert sshsig.encode(parsed) == armored


# ssh-keygen, both ways


def ssh_keygen(*arguments: str | Path, stdin: bytes = b"") -> bytes:
    return subprocess.run(["ssh-keygen", *arguments], input=stdin, capture_output=True, check=True).stdout


@pytest.mark.tool("ssh-keygen")
@pytest.mark.parametrize("hash_algorithm", HASHES)
@pytest.mark.parametrize("message", [b"", b"text\n", "Циркуляр\n".encode(), bytes(range(256)) * 300])
def test_ssh_keygen_verifies_ours_and_we_its(message: bytes, hash_algorithm: str, tmp_path: Path) -> None:
    key = SigningKey.generate(ED25519)
    (tmp_path / "key").write_bytes(encode_private(key))
    (tmp_path / "key").chmod(0o600)
    (tmp_path / "sig").write_bytes(sshsig.sign(key, message, NAMESPACE, hash_algorithm))
    (tmp_path / "allowed").write_text(f'tula namespaces="{NAMESPACE}" {key.verify_key.line()}\n')
    check = ("-n", NAMESPACE, "-s", tmp_path / "sig")
    said = ssh_keygen("-Y", "verify", "-f", tmp_path / "allowed", "-I", "tula", *check, stdin=message)
    assert key.verify_key.fingerprint() in said.decode()
    ssh_keygen("-Y", "check-novalidate", *check, stdin=message)
    with pytest.raises(subprocess.CalledProcessError):
        ssh_keygen("-Y", "check-novalidate", *check, stdin=message + b".")
    options = ("-n", NAMESPACE, "-O", f"hashalg={hash_algorithm}", "-f", tmp_path / "key")
    theirs = ssh_keygen("-q", "-Y", "sign", *options, stdin=message)
    assert theirs == sshsig.sign(key, message, NAMESPACE, hash_algorithm)
    assert sshsig.verify(theirs, message, NAMESPACE, key.verify_key).hash_algorithm == hash_algorithm
