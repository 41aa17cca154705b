from __future__ import annotations

import io
import random
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.age.kdf import derive_key
from keys.age.stream import (
    decrypt_payload,
    decrypt_payload_stream,
    encrypt_payload,
    encrypt_payload_stream,
)
from keys.errors import HeaderError, PayloadError

if TYPE_CHECKING:
    from keys.age.files import Buffer

CHUNK, TAG, NONCE = 65536, 16, 16
BLOCK = 16 * CHUNK
SIZES = [0, 1, 65535, 65536, 65537, 131072, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 5]
KEY = bytes(range(16))


class Dribble:
    """A source that gives less than it is asked for, as pipes and sockets do."""

    def __init__(self, data: bytes) -> None:
        self.source = io.BytesIO(data)
        self.random = random.Random(1)

    def read(self, size: int, /) -> bytes:
        return self.source.read(self.random.randint(1, min(size, 50_000)))


class Sip:
    """A sink that takes less than it is given, as an unbuffered file may."""

    def __init__(self) -> None:
        self.taken = bytearray()

    def write(self, data: Buffer, /) -> int:
        piece = memoryview(data)[:30_000]
        self.taken += piece
        return len(piece)


def data_of(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def seal(chunks: list[tuple[bytes, int]]) -> bytes:
    """Seal chunks with any flags, right or wrong (the definition in C2SP age.md)."""
    nonce = bytes(NONCE)
    cipher = ChaCha20Poly1305(derive_key(KEY, nonce, b"payload"))
    sealed = [
        cipher.encrypt(number.to_bytes(11, "big") + bytes((flag,)), chunk, None)
        for number, (chunk, flag) in enumerate(chunks)
    ]
    return nonce + b"".join(sealed)


def open_stream(payload: bytes) -> tuple[bytes, PayloadError | None]:
    sink = io.BytesIO()
    try:
        decrypt_payload_stream(KEY, io.BytesIO(payload), sink)
    except PayloadError as error:
        return sink.getvalue(), error
    return sink.getvalue(), None


@pytest.mark.parametrize("size", SIZES)
def test_round_trip(size: int) -> None:
    data = data_of(size)
    payload = encrypt_payload(KEY, data)
    assert len(payload) == NONCE + size + TAG * max(1, -(-size // CHUNK))
    assert decrypt_payload(KEY, payload) == data
    assert open_stream(payload) == (data, None)

    sink = Sip()
    encrypt_payload_stream(KEY, Dribble(data), sink)
    assert len(sink.taken) == len(payload)
    assert decrypt_payload(KEY, sink.taken) == data
    opened = Sip()
    decrypt_payload_stream(KEY, Dribble(bytes(sink.taken)), opened)
    assert opened.taken == data


@settings(deadline=None, max_examples=25)
@given(st.binary(max_size=300_000))
def test_round_trip_of_anything(data: bytes) -> None:
    assert decrypt_payload(KEY, encrypt_payload(KEY, data)) == data


def test_both_ways_are_the_definition() -> None:
    chunks = [data_of(CHUNK), data_of(CHUNK - 1) + b"x", data_of(77)]
    payload = seal([(chunks[0], 0), (chunks[1], 0), (chunks[2], 1)])
    assert decrypt_payload(KEY, payload) == b"".join(chunks)
    assert open_stream(payload) == (b"".join(chunks), None)


FULL, SHORT = data_of(CHUNK), data_of(5)
FAULTS: dict[str, tuple[list[tuple[bytes, int]], bytes]] = {
    "no last chunk": ([(SHORT, 0)], b""),
    "no last chunk, full": ([(FULL, 0)], FULL),
    "no last of two": ([(FULL, 0), (SHORT, 0)], FULL),
    "no last of two, full": ([(FULL, 0), (FULL, 0)], FULL * 2),
    "empty last chunk": ([(FULL, 0), (b"", 1)], FULL),
    "short chunk inside": ([(SHORT, 0), (SHORT, 1)], b""),
    "two last chunks": ([(FULL, 1), (SHORT, 1)], FULL),
    "two last chunks, full": ([(FULL, 1), (FULL, 1)], FULL),
    "more after the last": ([(FULL, 1), (FULL, 0), (SHORT, 1)], FULL),
    "another flag": ([(SHORT, 2)], b""),
}


@pytest.mark.parametrize("name", FAULTS)
def test_wrong_chunks_are_refused_and_only_authentic_ones_written(name: str) -> None:
    chunks, authentic = FAULTS[name]
    payload = seal(chunks)
    with pytest.raises(PayloadError):
        decrypt_payload(KEY, payload)
    written, error = open_stream(payload)
    assert written == authentic
    assert error


def test_chunks_cannot_change_places() -> None:
    payload = seal([(FULL, 0), (FULL, 0), (SHORT, 1)])
    nonce, chunks = payload[:NONCE], payload[NONCE:]
    size = CHUNK + TAG
    swapped = nonce + chunks[size : 2 * size] + chunks[:size] + chunks[2 * size :]
    assert open_stream(swapped)[0] == b""
    dropped = nonce + chunks[:size] + chunks[2 * size :]
    assert open_stream(dropped)[0] == FULL
    for altered in (swapped, dropped):
        with pytest.raises(PayloadError):
            decrypt_payload(KEY, altered)


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 131072])
def test_cut_off_or_with_more_behind_it(size: int) -> None:
    data = data_of(size)
    payload = encrypt_payload(KEY, data)
    longer = [payload + b"x", payload + bytes(TAG), payload + payload]
    for altered in (payload[:-1], payload[: max(NONCE, len(payload) - TAG - 1)], *longer):
        with pytest.raises(PayloadError):
            decrypt_payload(KEY, altered)
        written, error = open_stream(altered)
        assert error
        assert data.startswith(written)


@pytest.mark.parametrize("size", range(NONCE))
def test_cut_off_within_the_nonce(size: int) -> None:
    payload = encrypt_payload(KEY, b"abc")[:size]
    with pytest.raises(HeaderError):
        decrypt_payload(KEY, payload)
    with pytest.raises(HeaderError):
        decrypt_payload_stream(KEY, io.BytesIO(payload), io.BytesIO())


def test_every_flipped_bit_is_found() -> None:
    payload = encrypt_payload(KEY, b"Circular")
    for place in range(len(payload)):
        for bit in range(8):
            altered = bytearray(payload)
            altered[place] ^= 1 << bit
            with pytest.raises(PayloadError):
                decrypt_payload(KEY, altered)
            assert open_stream(bytes(altered))[0] == b""


def test_nonces_are_new_every_time() -> None:
    assert len({encrypt_payload(KEY, b"")[:NONCE] for _ in range(50)}) == 50


class Zeros:
    """A large source that takes no memory."""

    def __init__(self, size: int) -> None:
        self.left = size

    def read(self, size: int, /) -> bytes:
        size = min(size, self.left)
        self.left -= size
        return bytes(size)


class Counter:
    """A sink that only counts."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: Buffer, /) -> int:
        self.size += len(data)
        return len(data)


@pytest.mark.parametrize("direction", ["encrypt", "decrypt"])
def test_memory_is_flat(direction: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    size = 48 * 1024 * 1024
    path = tmp_path_factory.mktemp("stream") / "payload"
    if direction == "decrypt":
        with path.open("wb") as file:
            encrypt_payload_stream(KEY, Zeros(size), file)
    sink = Counter()
    tracemalloc.start()
    try:
        if direction == "encrypt":
            encrypt_payload_stream(KEY, Zeros(size), sink)
        else:
            with path.open("rb") as file:
                decrypt_payload_stream(KEY, file, sink)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sink.size >= size
    assert peak < 6 * 1024 * 1024
