from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.age.header import (
    MAC_SIZE,
    MAX_HEADER_SIZE,
    Header,
    Stanza,
    encode_header,
    encode_signed,
    find_header_end,
    parse_header,
)
from keys.errors import HeaderError

MAC = bytes(MAC_SIZE)
ARGUMENT = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=30)
STANZA = st.builds(Stanza, ARGUMENT, st.lists(ARGUMENT, max_size=3).map(tuple), st.binary(max_size=150))
GOOD = b"age-encryption.org/v1\n-> X25519 abc\nAAAA\n--- " + b"A" * 43 + b"\n"


@given(st.lists(STANZA, min_size=1, max_size=4).map(tuple), st.binary(min_size=32, max_size=32), st.binary())
def test_round_trip(stanzas: tuple[Stanza, ...], mac: bytes, payload: bytes) -> None:
    signed = encode_signed(stanzas)
    data = encode_header(signed, mac)
    header, rest = parse_header(data + payload)
    assert header == Header(stanzas, signed, mac)
    assert bytes(rest) == payload
    assert find_header_end(data + payload) == len(data)


@pytest.mark.parametrize("size", [0, 1, 47, 48, 49, 96])
def test_a_short_line_ends_every_body(size: int) -> None:
    signed = encode_signed((Stanza("a", (), bytes(size)),))
    lines = signed.decode().split("\n")[2:-1]
    assert all(len(line) == 64 for line in lines[:-1])
    assert len(lines[-1]) < 64


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"age",
        b"age-encryption.org/v2\n" + GOOD[22:],
        b"age-encryption.org/v1\r\n" + GOOD[22:],
        b"\n" + GOOD,
        GOOD[:-1],  # no line end
        GOOD[:22] + GOOD[36:],  # no stanza
        GOOD.replace(b"--- ", b"---"),
        GOOD.replace(b"--- ", b"---  "),
        GOOD.replace(b"--- ", b"---\t"),
        GOOD.replace(b"A\n", b"A \n"),
        GOOD[:-2] + b"B\n",  # bits set in the last digit of the MAC
        GOOD[:-3] + b"\n",
        GOOD[:-1] + b"=\n",
        GOOD.replace(b"AAAA\n", b""),
        GOOD.replace(b"AAAA\n", b"AAAA\nAAAA\n"),
        GOOD.replace(b"AAAA", b"AAB"),
        GOOD.replace(b"AAAA", b"AAA="),
        GOOD.replace(b"AAAA", b"A" * 64),  # no short last line
        GOOD.replace(b"AAAA", b"A" * 68),
        GOOD.replace(b"AAAA", b"AA\xc3\xa9"),
        GOOD.replace(b"AAAA", b"A\0AA"),
        GOOD.replace(b"abc", b"ab\x7f"),
        GOOD.replace(b"abc", b"\xd9\xa3"),
        GOOD.replace(b" abc", b"  abc"),
        GOOD.replace(b" abc", b" abc "),
        GOOD.replace(b" abc", b"\tabc"),
        GOOD.replace(b"-> X25519 abc", b"-> "),
        GOOD.replace(b"-> X25519 abc", b"->"),
        GOOD.replace(b"-> ", b"->"),
        GOOD.replace(b"-> ", b"-- "),
        GOOD.replace(b"abc\n", b"abc\r\n"),
    ],
)
def test_other_spellings_are_refused(data: bytes) -> None:
    parse_header(GOOD)
    with pytest.raises(HeaderError):
        parse_header(data)


def test_a_header_beyond_the_limit_is_refused() -> None:
    stanza = Stanza("x", ("A" * 1000,), b"")
    fits = encode_signed((stanza,) * (MAX_HEADER_SIZE // 1010))
    parse_header(encode_header(fits, MAC))
    with pytest.raises(HeaderError, match="too many recipients"):
        encode_header(fits * 2, MAC)
    with pytest.raises(HeaderError, match="without an end"):
        parse_header(GOOD[:22] + b"-> " + b"a" * MAX_HEADER_SIZE + GOOD[30:])


@pytest.mark.parametrize("argument", ["", " ", "a b", "a\n-> b", "é", "\x7f", "\udcff", "a\r"])
def test_an_argument_outside_the_grammar_is_never_written(argument: str) -> None:
    for stanza in (Stanza(argument, (), b""), Stanza("a", ("b", argument), b"")):
        with pytest.raises(HeaderError):
            encode_signed((stanza,))


@given(st.binary(max_size=120))
def test_any_bytes_end_in_a_header_or_our_error(noise: bytes) -> None:
    for data in (noise, GOOD[:22] + noise, GOOD[:22] + noise + GOOD[35:]):
        try:
            header, rest = parse_header(data)
        except HeaderError:
            continue
        assert encode_header(header.signed, header.mac) + bytes(rest) == data
