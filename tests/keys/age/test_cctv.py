"""The vectors of C2SP's Community Cryptography Test Vectors (npm's cctv-age), all of them.

A file's `expect` names the stage that must fail; what was written before it must have the
digest in `payload`. Nothing is left out: no vector needs a kind of key that we lack.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import zlib
from dataclasses import dataclass
from pathlib import Path

import pytest

from keys import age
from keys.age.header import encode_header, encode_signed, parse_header
from keys.errors import (
    ArmorError,
    HeaderError,
    HeaderMacError,
    KeysError,
    NoMatchError,
    PassphraseError,
    PayloadError,
)

SCRIPT = Path(__file__).with_name("age.mjs")
COUNT = 143  # of cctv-age 0.2.0
EXPECTED: dict[str, type[KeysError] | tuple[type[KeysError], ...]] = {
    "success": (),
    "no match": (NoMatchError, PassphraseError),
    "HMAC failure": HeaderMacError,
    "header failure": HeaderError,
    "payload failure": PayloadError,
    "armor failure": ArmorError,
}


@dataclass(frozen=True, slots=True)
class Vector:
    name: str
    expect: str
    payload: str | None
    armored: bool
    identities: tuple[age.Identity, ...]
    data: bytes


def parse_vector(path: Path) -> Vector:
    head, _, data = path.read_bytes().partition(b"\n\n")
    fields = [line.split(": ", 1) for line in head.decode().split("\n")]
    single = {key: value for key, value in fields}  # noqa: C416 - pairs of lists
    known = {"expect", "payload", "armored", "compressed", "identity", "passphrase", "file key", "comment"}
    assert single.keys() <= known, path.name
    keys: list[age.Identity] = [age.parse_identity(value) for key, value in fields if key == "identity"]
    keys += [age.passphrase(value) for key, value in fields if key == "passphrase"]
    if "compressed" in single:
        assert single["compressed"] == "zlib"
        data = zlib.decompress(data)
    return Vector(path.name, single["expect"], single.get("payload"), "armored" in single, tuple(keys), data)


@pytest.fixture(scope="module")
def vectors(node_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Vector]:
    folder = tmp_path_factory.mktemp("cctv")
    subprocess.run(["node", str(SCRIPT), str(node_modules), "vectors", str(folder)], check=True)
    found = [parse_vector(path) for path in sorted(folder.iterdir())]
    assert len(found) == COUNT
    return found


def outcome(vector: Vector, *, stream: bool) -> tuple[KeysError | None, str]:
    """Open a vector: the error, if any, and the digest of all that was written."""
    sink = io.BytesIO()
    try:
        if stream:
            source = io.BytesIO(vector.data)
            reader = age.ArmorReader(source) if vector.armored else source
            age.decrypt_stream(reader, sink, vector.identities)
        else:
            data = age.decode_armor(vector.data) if vector.armored else vector.data
            sink.write(age.decrypt(data, vector.identities))
    except KeysError as error:
        return error, hashlib.sha256(sink.getvalue()).hexdigest()
    return None, hashlib.sha256(sink.getvalue()).hexdigest()


@pytest.mark.tool("node")
@pytest.mark.parametrize("stream", [False, True], ids=["bytes", "stream"])
def test_every_vector_ends_as_expected(vectors: list[Vector], *, stream: bool) -> None:
    wrong = []
    for vector in vectors:
        error, digest = outcome(vector, stream=stream)
        right = error is None if vector.expect == "success" else isinstance(error, EXPECTED[vector.expect])
        if vector.payload is not None and (stream or error is None):
            right = right and digest == vector.payload
        if not right:
            wrong.append((vector.name, vector.expect, repr(error)))
    assert not wrong


@pytest.mark.tool("node")
def test_armor_is_noticed_unasked(vectors: list[Vector]) -> None:
    for vector in vectors:
        sink = io.BytesIO()
        if vector.expect == "success":
            age.decrypt_stream(io.BytesIO(vector.data), sink, vector.identities)
            assert age.decrypt(vector.data, vector.identities) == sink.getvalue(), vector.name
            continue
        with pytest.raises(KeysError):
            age.decrypt(vector.data, vector.identities)
        with pytest.raises(KeysError):
            age.decrypt_stream(io.BytesIO(vector.data), sink, vector.identities)


@pytest.mark.tool("node")
def test_headers_and_armor_round_trip(vectors: list[Vector]) -> None:
    for vector in vectors:
        data = vector.data
        if vector.armored:
            try:
                data = age.decode_armor(data)
            except ArmorError:
                continue
            text = b"\n".join(vector.data.split()).replace(b"\nAGE\nENCRYPTED\nFILE", b" AGE ENCRYPTED FILE")
            assert age.encode_armor(data) == text + b"\n"
        try:
            header, payload = parse_header(data)
        except HeaderError:
            assert vector.expect == "header failure", vector.name
            continue
        encoded = encode_header(encode_signed(header.stanzas), header.mac)
        assert encoded + bytes(payload) == data
