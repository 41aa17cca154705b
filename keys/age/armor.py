"""The armor of age files: strict PEM (RFC 7468, figure 3; C2SP age.md, "ASCII armor").

There are two readers. `decode_armor` and `ArmorReader` take what other tools may
make of a file in transit: white space around it, CRLF line ends throughout.
`decode_armor_canonical` takes exactly what `encode_armor` writes, so that the text
of an envelope cannot be altered without a trace.
"""

from __future__ import annotations

import binascii
import struct
from itertools import chain
from typing import TYPE_CHECKING, Final

from keys.age.files import write_full
from keys.errors import ArmorError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from keys.age.files import Buffer, Readable, Writable

BEGIN: Final = b"-----BEGIN AGE ENCRYPTED FILE-----"
END: Final = b"-----END AGE ENCRYPTED FILE-----"
MARK: Final = b"-----"
"""What armored input begins with, after white space."""

WHITE_SPACE: Final = b" \t\r\n"
MAX_WHITE_SPACE: Final = 1024
"""Bytes of white space before or after; the stock tools have the same bound."""

_COLUMNS = 64
_LINE = _COLUMNS * 3 // 4
_HEAD = BEGIN + b"\n"
_FOOT = END + b"\n"
_STRIP = struct.Struct(f"{_COLUMNS}s" * 32)
_BLOCK_LINES = 4096


def encode_armor(data: bytes) -> bytes:
    """Encode in lines of 64 columns, each ended by LF, the last one too."""
    return b"".join((_HEAD, _encode_lines(data), _FOOT))


def decode_armor_canonical(text: bytes) -> bytes:
    """Decode exactly what `encode_armor` writes. Raises ArmorError."""
    if not text.startswith(_HEAD) or not text.endswith(_FOOT) or len(text) < len(_HEAD) + len(_FOOT):
        raise ArmorError("the lines that begin and end age armor are not in their places")
    return _decode_lines(text[len(_HEAD) : -len(_FOOT)])


def decode_armor(text: bytes) -> bytes:
    """Decode armor with white space around it, and LF or CRLF line ends throughout. Raises ArmorError."""
    begin = len(text) - len(text.lstrip(WHITE_SPACE))
    end = len(text.rstrip(WHITE_SPACE))
    if begin > MAX_WHITE_SPACE or len(text) - end > MAX_WHITE_SPACE:
        raise ArmorError("too much white space around age armor")
    body = text[begin:end]
    if body.startswith(BEGIN + b"\r\n"):
        body = _drop_carriage_returns(body)
    return decode_armor_canonical(body + b"\n")


def _drop_carriage_returns(text: bytes) -> bytes:
    """Turn CRLF into LF. A line end of the other kind is refused, so one text has two spellings, not 2^n."""
    if text.count(b"\n") != text.count(b"\r\n"):
        raise ArmorError("age armor with mixed line ends")
    return text.replace(b"\r\n", b"\n")


def _encode_lines(data: bytes) -> bytes:
    body = binascii.b2a_base64(data, newline=False)
    rest = len(body) - len(body) % _STRIP.size
    # Cut in strips: a loop over all the lines would take as long as encrypting what is in them.
    lines = [*chain.from_iterable(_STRIP.iter_unpack(memoryview(body)[:rest]))]
    lines += [body[start : start + _COLUMNS] for start in range(rest, len(body), _COLUMNS)]
    return b"\n".join((*lines, b""))


def _decode_lines(text: bytes) -> bytes:
    """Decode lines of 64 columns, the last one of 1 to 64, each ended by LF. Raises ArmorError."""
    if not text:
        return b""
    body = text.replace(b"\n", b"")
    lines = -(-len(body) // _COLUMNS)
    full = len(text) // (_COLUMNS + 1)
    if (
        len(text) != len(body) + lines
        or not text.endswith(b"\n")
        or text[_COLUMNS :: _COLUMNS + 1] != b"\n" * full
    ):
        raise ArmorError("the lines of age armor are not of 64 columns")
    try:
        data = binascii.a2b_base64(body, strict_mode=True)
    except binascii.Error:
        raise ArmorError("the lines of age armor are not base64") from None
    # Padding elsewhere than at the end, or bits set under it, would be a second spelling.
    tail = len(data) % 3 or 3
    if b"=" in body[:-2] or binascii.b2a_base64(data[-tail:], newline=False) != body[-4:]:
        raise ArmorError("the lines of age armor are not canonical base64")
    return data


class ArmorWriter:
    """Write armor to `sink` as data comes; `close` ends it and leaves `sink` open."""

    def __init__(self, sink: Writable) -> None:
        self._sink = sink
        self._pending = bytearray()
        write_full(sink, _HEAD)

    def write(self, data: Buffer, /) -> int:
        """Take any number of bytes; whole lines go out at once."""
        self._pending += data
        whole = len(self._pending) // _LINE * _LINE
        if whole >= _BLOCK_LINES * _LINE:
            write_full(self._sink, _encode_lines(bytes(self._pending[:whole])))
            del self._pending[:whole]
        return memoryview(data).nbytes

    def close(self) -> None:
        """Write the last, short line and the end mark. To be called once."""
        write_full(self._sink, _encode_lines(bytes(self._pending)) + _FOOT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if error is None:  # what failed half-way must not look complete
            self.close()


class ArmorReader:
    """Read the data in the armor that `source` holds, in bounded memory. `read` raises ArmorError.

    As strict as `decode_armor`, and like it takes nothing but white space after the end mark.
    """

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._text = bytearray()
        self._data = memoryview(b"")
        self._started = False
        self._ended = False
        self._crlf = False

    def read(self, size: int, /) -> bytes:
        """Read up to `size` bytes; none means the end."""
        if not self._started:
            self._read_begin()
        while not self._data and not self._ended:
            self._data = memoryview(self._read_block())
        piece = bytes(self._data[:size])
        self._data = self._data[size:]
        return piece

    def _fill(self, size: int) -> bool:
        """Have at least `size` bytes of text, or say that the source has ended."""
        while len(self._text) < size:
            piece = self._source.read(size - len(self._text))
            if not piece:
                return False
            self._text += piece
        return True

    def _read_begin(self) -> None:
        limit = MAX_WHITE_SPACE + len(BEGIN) + 2
        self._fill(limit)
        begin = len(self._text) - len(self._text.lstrip(WHITE_SPACE))
        if begin > MAX_WHITE_SPACE:
            raise ArmorError("too much white space around age armor")
        del self._text[:begin]
        for line in (_HEAD, BEGIN + b"\r\n"):
            if self._text.startswith(line):
                del self._text[: len(line)]
                self._crlf = line != _HEAD
                self._started = True
                return
        raise ArmorError("the lines that begin and end age armor are not in their places")

    def _read_block(self) -> bytes:
        size = _BLOCK_LINES * (_COLUMNS + 1 + self._crlf)
        more = self._fill(size + 1)  # one beyond, to see that this is not the last block
        end = self._text.find(b"-")  # no base64 digit, so the end mark begins here
        if not more or end >= 0:
            return self._read_end(end)
        block = bytes(self._text[:size])
        del self._text[:size]
        data = _decode_lines(_drop_carriage_returns(block) if self._crlf else block)
        if len(data) != _BLOCK_LINES * _LINE:  # padding, with more behind it
            raise ArmorError("the lines of age armor are not canonical base64")
        return data

    def _read_end(self, end: int) -> bytes:
        if end < 0:
            raise ArmorError("age armor that is cut off")
        limit = end + len(END) + MAX_WHITE_SPACE
        if self._fill(limit + 1):
            raise ArmorError("too much after the end of age armor")
        self._ended = True
        return decode_armor(b"".join((BEGIN, b"\r\n" if self._crlf else b"\n", self._text)))
