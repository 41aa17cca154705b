from __future__ import annotations

import base64
import io
import random
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.age.armor import (
    MAX_WHITE_SPACE,
    ArmorReader,
    ArmorWriter,
    decode_armor,
    decode_armor_canonical,
    encode_armor,
)
from keys.errors import ArmorError

BEGIN, END = b"-----BEGIN AGE ENCRYPTED FILE-----\n", b"-----END AGE ENCRYPTED FILE-----\n"
BLOCK = 4096 * 48  # what the reader decodes at a time
SIZES = [0, 1, 2, 3, 47, 48, 49, 95, 96, 97, 1535, 1536, 1537, BLOCK - 1, BLOCK, BLOCK + 1, 500_000]


def data_of(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def read_all(text: bytes, size: int = 8192) -> bytes:
    reader = ArmorReader(io.BytesIO(text))
    return b"".join(iter(lambda: reader.read(size), b""))


@pytest.mark.parametrize("size", SIZES)
def test_round_trip(size: int) -> None:
    data = data_of(size)
    text = encode_armor(data)
    lines = textwrap.wrap(base64.b64encode(data).decode(), 64)
    assert text == BEGIN + b"".join(line.encode() + b"\n" for line in lines) + END
    assert decode_armor_canonical(text) == data
    assert decode_armor(text) == data
    assert read_all(text) == data


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("piece", [1, 47, 1000, 300_000])
def test_writing_in_pieces_writes_the_same(size: int, piece: int) -> None:
    if piece == 1:
        size = min(size, 2000)
    data, sink = data_of(size), io.BytesIO()
    with ArmorWriter(sink) as writer:
        for start in range(0, size, piece):
            assert writer.write(memoryview(data)[start : start + piece]) == len(data[start : start + piece])
    assert sink.getvalue() == encode_armor(data)


def test_what_failed_half_way_has_no_end_mark() -> None:
    sink = io.BytesIO()

    def fail() -> None:
        with ArmorWriter(sink) as writer:
            writer.write(b"abc")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert END not in sink.getvalue()


@pytest.mark.parametrize("size", [0, 1, 47, 48, 49, 4096 * 48, 250_000])
@pytest.mark.parametrize("piece", [1, 7, 100_000])
def test_other_tools_may_add_white_space_around_and_carriage_returns(size: int, piece: int) -> None:
    data = data_of(size if piece > 1 else min(size, 300))
    text = encode_armor(data)
    for variant in (
        text.replace(b"\n", b"\r\n"),
        text.removesuffix(b"\n"),
        text.replace(b"\n", b"\r\n").removesuffix(b"\r\n"),
        b"\r\n \t\n" + text + b"\n\n \t\r\n",
        b" " * MAX_WHITE_SPACE + text.removesuffix(b"\n") + b"\n" * MAX_WHITE_SPACE,
    ):
        assert decode_armor(variant) == data
        assert read_all(variant, piece) == data
        with pytest.raises(ArmorError):
            decode_armor_canonical(variant)


TEXT = encode_armor(data_of(100))  # two whole lines and 8 digits, two of them padding
LINES = TEXT.splitlines(keepends=True)
PADDED = LINES[3]
REFUSED = {
    "empty": b"",
    "white space": b" \n",
    "garbage before": b"garbage\n" + TEXT,
    "garbage after": TEXT + b"garbage\n",
    "second block": TEXT + TEXT,
    "too much white space before": b" " * (MAX_WHITE_SPACE + 1) + TEXT,
    "too much white space after": TEXT + b"\n" * MAX_WHITE_SPACE,
    "no begin": b"".join(LINES[1:]),
    "no end": b"".join(LINES[:-1]),
    "begin and end on one line": BEGIN[:-1] + END,
    "only one mark for both": BEGIN,
    "end cut off": TEXT[:-3],
    "other label": TEXT.replace(b"AGE", b"PGP"),
    "lower case": TEXT.replace(b"AGE ENC", b"age enc"),
    "spaces in the mark": TEXT.replace(b"-----BEGIN", b"----- BEGIN").replace(b"FILE-----", b"FILE -----"),
    "blank line after begin": TEXT.replace(BEGIN, BEGIN + b"\n"),
    "blank line before end": TEXT.replace(END, b"\n" + END),
    "blank line inside": LINES[0] + LINES[1] + b"\n" + b"".join(LINES[2:]),
    "headers": TEXT.replace(BEGIN, BEGIN + b"Comment: x\n\n"),
    "space at a line's end": TEXT.replace(LINES[1], LINES[1][:-1] + b" \n"),
    "space at a line's start": TEXT.replace(LINES[1], b" " + LINES[1]),
    "space after begin": TEXT.replace(BEGIN, BEGIN[:-1] + b" \n"),
    "short line": TEXT.replace(LINES[1], LINES[1][:60] + b"\n" + LINES[1][60:]),
    "long line": TEXT.replace(LINES[1] + LINES[2], LINES[1][:-1] + LINES[2]),
    "moved line end": TEXT.replace(LINES[1] + LINES[2], LINES[1][:63] + b"\n" + LINES[1][63:64] + LINES[2]),
    "one CRLF": TEXT.replace(LINES[1], LINES[1][:-1] + b"\r\n"),
    "one LF": TEXT.replace(b"\n", b"\r\n").replace(b"\r\n", b"\n", 1),
    "another LF": TEXT[::-1].replace(b"\n", b"\n\r").replace(b"\n\r", b"\n", 2)[::-1],
    "carriage return inside": TEXT.replace(b"\n", b"\r\n").replace(LINES[2][:4], b"\r" + LINES[2][:3]),
    "bits under the padding": TEXT.replace(PADDED, PADDED.translate(bytes.maketrans(b"AQgw", b"BRhx"))),
    "no padding": TEXT.replace(b"==", b""),
    "padding split": TEXT.replace(b"==", b"=\n="),
    "too much padding": TEXT.replace(b"==", b"==="),
    "padding inside": TEXT.replace(LINES[1][62:64], b"=="),
    "padded line inside": TEXT.replace(LINES[1], b"AA==" + LINES[1][4:]),
    "checksum": TEXT.replace(END, b"=twTO\n" + END),
    "wrong digit": TEXT.replace(LINES[1][:1], b"*"),
    "digit of URLs": TEXT.replace(LINES[1][:1], b"-"),
    "no ASCII": TEXT.replace(LINES[1][:1], b"\xd0"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_spellings_are_refused(name: str) -> None:
    text = REFUSED[name]
    assert text != TEXT
    for decode in (decode_armor, decode_armor_canonical, read_all):
        with pytest.raises(ArmorError):
            decode(text)


@pytest.mark.parametrize("line", [1, 4096, 4097, 5000])
@pytest.mark.parametrize("fault", [b"AA==", b"A\nAA", b"\n", b"-"])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_a_fault_in_any_block_is_found(line: int, fault: bytes, newline: bytes) -> None:
    lines = encode_armor(data_of(300_000)).replace(b"\n", newline).splitlines(keepends=True)
    lines[line] = fault + lines[line][len(fault) :]
    for decode in (decode_armor, read_all):
        with pytest.raises(ArmorError):
            decode(b"".join(lines))


def test_every_flipped_bit_is_refused_or_gives_other_data() -> None:
    data = decode_armor_canonical(TEXT)
    for place in range(len(TEXT)):
        for bit in range(8):
            text = bytearray(TEXT)
            text[place] ^= 1 << bit
            try:
                found = decode_armor_canonical(bytes(text))
            except ArmorError:
                continue
            assert found != data
            assert encode_armor(found) == text


@given(st.text("AZaz09+/=\n\r \t-", max_size=200), st.sampled_from(["\n", "\r\n"]), st.integers(1, 300))
def test_both_readers_agree(body: str, newline: str, piece: int) -> None:
    text = f"{BEGIN.decode().strip()}{newline}{body}{END.decode()}".encode()
    results: list[bytes | None] = []
    for decode in (decode_armor, lambda text: read_all(text, piece)):
        try:
            results.append(decode(text))
        except ArmorError:
            results.append(None)
    assert results[0] == results[1]
    if results[0] is not None:
        assert b"".join(encode_armor(results[0]).split()) == b"".join(text.split())


def test_reading_a_source_that_gives_little_at_a_time() -> None:
    class Dribble:
        def __init__(self, text: bytes) -> None:
            self.source = io.BytesIO(text)

        def read(self, size: int, /) -> bytes:
            return self.source.read(min(size, 13))

    data = data_of(20_000)
    reader = ArmorReader(Dribble(encode_armor(data)))
    assert b"".join(iter(lambda: reader.read(999), b"")) == data
    assert reader.read(1) == b""
