"""The payload of an age file: STREAM over ChaCha20-Poly1305 (C2SP age.md, "Payload").

    16 bytes of nonce, then chunks of 64 KiB, each followed by its 16-byte tag

The nonce of a chunk is its number (11 bytes, big endian) and one byte that is 1 for
the last chunk. The last one may be shorter, and is empty only if the payload is.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from keys.age.files import Buffer, Readable, Writable, read_full, write_full
from keys.age.kdf import derive_key
from keys.errors import HeaderError, PayloadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor, Future

CHUNK_SIZE: Final = 64 * 1024
TAG_SIZE: Final = 16
NONCE_SIZE: Final = 16
MIN_PAYLOAD: Final = NONCE_SIZE + TAG_SIZE
"""The size of a payload that seals nothing."""

_SEALED_SIZE = CHUNK_SIZE + TAG_SIZE
_BLOCK_CHUNKS = 8  # read and written at a time; five such blocks are the memory that streaming takes
_MORE, _LAST = b"\x00", b"\x01"


def payload_size(size: int) -> int:
    """Give the length of the payload that holds `size` bytes."""
    chunks = max(1, -(-size // CHUNK_SIZE))
    return NONCE_SIZE + size + chunks * TAG_SIZE


def encrypt_payload(file_key: bytes, plaintext: Buffer) -> bytes:
    """Encrypt a payload in memory: nonce and chunks."""
    nonce, cipher = _start(file_key)
    view = memoryview(plaintext)
    if len(view) <= CHUNK_SIZE:
        return nonce + cipher.encrypt(_chunk_nonce(0, _LAST), view, None)
    sealed = bytearray(len(view) + TAG_SIZE * -(-len(view) // CHUNK_SIZE))
    _seal_chunks(cipher, 0, view, sealed, is_end=True)
    return nonce + sealed


def encrypt_payload_stream(file_key: bytes, source: Readable, sink: Writable) -> None:
    """Encrypt a payload of any size in flat memory."""
    nonce, cipher = _start(file_key)
    write_full(sink, nonce)

    def seal(number: int, block: bytes, sealed: bytearray, *, is_end: bool) -> tuple[int, None]:
        return _seal_chunks(cipher, number, memoryview(block), sealed, is_end=is_end), None

    _stream(source, sink, _BLOCK_CHUNKS * CHUNK_SIZE, _BLOCK_CHUNKS * _SEALED_SIZE, seal)


def decrypt_payload(file_key: bytes, payload: Buffer) -> bytes:
    """Decrypt a payload in memory. Raises PayloadError, or HeaderError if not even the nonce is there."""
    view = memoryview(payload)
    cipher = _resume(file_key, view[:NONCE_SIZE])
    sealed = view[NONCE_SIZE:]
    if TAG_SIZE <= len(sealed) <= _SEALED_SIZE:
        try:
            return cipher.decrypt(_chunk_nonce(0, _LAST), sealed, None)
        except InvalidTag:
            raise PayloadError("the payload was altered or cut off") from None
    opened = bytearray(len(sealed))
    size, error = _open_chunks(cipher, 0, sealed, opened, is_end=True)
    if error:
        raise error
    return bytes(memoryview(opened)[:size])


def decrypt_payload_stream(file_key: bytes, source: Readable, sink: Writable) -> None:
    """Decrypt a payload of any size in flat memory. Raises as `decrypt_payload` does.

    Only authentic chunks are written, but all that come before an error: the caller
    must discard the output when this raises.
    """
    cipher = _resume(file_key, read_full(source, NONCE_SIZE))

    def open_(
        number: int, block: bytes, opened: bytearray, *, is_end: bool
    ) -> tuple[int, PayloadError | None]:
        return _open_chunks(cipher, number, memoryview(block), opened, is_end=is_end)

    _stream(source, sink, _BLOCK_CHUNKS * _SEALED_SIZE, _BLOCK_CHUNKS * CHUNK_SIZE, open_)


def _start(file_key: bytes) -> tuple[bytes, ChaCha20Poly1305]:
    nonce = os.urandom(NONCE_SIZE)
    return nonce, ChaCha20Poly1305(derive_key(file_key, nonce, b"payload"))


def _resume(file_key: bytes, nonce: Buffer) -> ChaCha20Poly1305:
    if len(nonce) != NONCE_SIZE:
        raise HeaderError("an age file that is cut off before its payload")
    return ChaCha20Poly1305(derive_key(file_key, bytes(nonce), b"payload"))


def _chunk_nonce(number: int, flag: bytes) -> bytes:
    return number.to_bytes(11, "big") + flag


def _stream(
    source: Readable,
    sink: Writable,
    block_size: int,
    result_size: int,
    work: Callable[..., tuple[int, PayloadError | None]],
) -> None:
    """Read, work and write blocks, all three at once: who hashes what passes by doubles the time otherwise.

    `work(number, block, result, is_end=...)`: `number` of the block's first chunk; it fills
    `result` and says how far, and what error ends the stream after that, if any.
    """
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as helpers:  # to read ahead and write behind; one block alone needs none
        results = (bytearray(result_size), bytearray(result_size))
        writing: Future[None] | None = None
        for number, (block, is_end) in enumerate(_read_blocks(source, block_size, helpers)):
            result = results[number % 2]
            size, error = work(number * _BLOCK_CHUNKS, block, result, is_end=is_end)
            if writing is not None:
                writing.result()
            if error or is_end:
                write_full(sink, memoryview(result)[:size])
            else:
                writing = helpers.submit(write_full, sink, memoryview(result)[:size])
            if error:
                raise error


def _read_blocks(source: Readable, size: int, helpers: Executor) -> Iterator[tuple[bytes, bool]]:
    """Read blocks of `size` bytes, each with whether it is the last; at least one, which may be empty."""
    block = read_full(source, size)
    reading = helpers.submit(read_full, source, size) if len(block) == size else None
    while reading is not None and (following := reading.result()):
        reading = helpers.submit(read_full, source, size) if len(following) == size else None
        yield block, False
        block = following
    yield block, True


def _seal_chunks(
    cipher: ChaCha20Poly1305, number: int, plain: memoryview, sealed: bytearray, *, is_end: bool
) -> int:
    """Encrypt the chunks of a block, the first of them the `number`th of all; how much was written."""
    target = memoryview(sealed)
    size = 0
    for start in range(0, len(plain) or 1, CHUNK_SIZE):
        chunk = plain[start : start + CHUNK_SIZE]
        flag = _LAST if is_end and start + CHUNK_SIZE >= len(plain) else _MORE
        end = size + len(chunk) + TAG_SIZE
        cipher.encrypt_into(_chunk_nonce(number, flag), chunk, None, target[size:end])
        size, number = end, number + 1
    return size


def _open_chunks(
    cipher: ChaCha20Poly1305, number: int, sealed: memoryview, opened: bytearray, *, is_end: bool
) -> tuple[int, PayloadError | None]:
    """Decrypt the chunks of a block: how much is authentic, and what ended it early, if anything did."""
    target = memoryview(opened)
    size = 0
    for start in range(0, len(sealed) or 1, _SEALED_SIZE):
        chunk = sealed[start : start + _SEALED_SIZE]
        is_last = is_end and start + _SEALED_SIZE >= len(sealed)
        nonce = _chunk_nonce(number, _LAST if is_last else _MORE)
        if len(chunk) < TAG_SIZE + (number > 0):
            return size, PayloadError("the payload is cut off, or ends in an empty chunk")
        end = size + len(chunk) - TAG_SIZE
        try:
            cipher.decrypt_into(nonce, chunk, None, target[size:end])
        except InvalidTag:
            return _explain_bad_chunk(cipher, number, chunk, target, size, is_last=is_last)
        size, number = end, number + 1
    return size, None


def _explain_bad_chunk(
    cipher: ChaCha20Poly1305, number: int, chunk: memoryview, target: memoryview, size: int, *, is_last: bool
) -> tuple[int, PayloadError]:
    """Tell a whole chunk in the wrong place from an altered one; the former is authentic, and counts."""
    error = PayloadError("the payload was altered or cut off")
    if len(chunk) < _SEALED_SIZE:
        return size, error
    end = size + CHUNK_SIZE
    try:
        cipher.decrypt_into(_chunk_nonce(number, _MORE if is_last else _LAST), chunk, None, target[size:end])
    except InvalidTag:
        return size, error
    return end, PayloadError("the payload is cut off" if is_last else "data after the end of the payload")
