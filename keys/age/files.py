"""What the streaming functions of age ask of file objects, and how they read them."""

from __future__ import annotations

from typing import Protocol, TypeAlias

Buffer: TypeAlias = bytes | bytearray | memoryview


class Readable(Protocol):
    """A binary source: a file, a pipe, a BytesIO."""

    def read(self, size: int, /) -> bytes:
        """Read up to `size` bytes; none means the end."""
        ...


class Writable(Protocol):
    """A binary sink. It must be done with the data when `write` returns: buffers are used again."""

    def write(self, data: Buffer, /) -> object:
        """Write the data; a count below its length means that the rest is still to be written."""
        ...


class Rejoined:
    """A source whose first bytes were read already, to see what it holds."""

    def __init__(self, head: bytes, rest: Readable) -> None:
        self._head = head
        self._rest = rest

    def read(self, size: int, /) -> bytes:
        """Read up to `size` bytes; none means the end."""
        if not self._head:
            return self._rest.read(size)
        piece, self._head = self._head[:size], self._head[size:]
        return piece


def read_full(source: Readable, size: int) -> bytes:
    """Read `size` bytes, or fewer only at the end: pipes and sockets give what they have."""
    piece = source.read(size)
    if len(piece) == size or not piece:
        return piece
    pieces = [piece]
    missing = size - len(piece)
    while missing and (piece := source.read(missing)):
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def write_full(sink: Writable, data: Buffer) -> None:
    """Write all of `data`: an unbuffered file may take only a part at a time."""
    rest = memoryview(data)
    while rest:
        written = sink.write(rest)
        rest = rest[written:] if isinstance(written, int) else rest[:0]
