"""The note: one spelling for each, and one refusal for each rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.errors import MalformedError, NoteError
from dispatch.formats.merkle import EMPTY_ROOT
from dispatch.formats.note import (
    FIRST_HEAD,
    MAX_NOTE,
    Copies,
    Head,
    Note,
    Number,
    RosterRef,
    encode_note,
    note_id,
    parse_note,
    parse_number,
    parse_volume,
)
from keys.codec import encode_base64
from keys.errors import FormatError

ARABIC_3 = "\u0663"


def digest(n: int) -> bytes:
    return sha256(str(n).encode()).digest()


DIGESTS = sorted(digest(n) for n in range(1100))
FIRST = Note(
    number=Number("cc", "2026", 1),
    date=datetime(2026, 11, 23, 9, 0, 0, tzinfo=UTC),
    roster=RosterRef("rkp", 7, digest(1)),
    register=FIRST_HEAD,
    content=digest(3),
    copies=Copies(93, digest(4)),
)
NOTE = replace(
    FIRST,
    number=Number("cc", "2026", 17),
    register=Head("2026", 16, digest(2)),
    answers=tuple(DIGESTS[:2]),
    receipts=tuple(DIGESTS[2:5]),
    voids=tuple(DIGESTS[5:6]),
)
TEXT = encode_note(NOTE)


def b64(value: bytes) -> str:
    return encode_base64(value)


def test_the_text_is_the_formats() -> None:
    assert TEXT.decode() == (
        "dispatch/v1\n"
        "number: cc/2026/17\n"
        "date: 2026-11-23T09:00:00Z\n"
        f"roster: rkp/7 {b64(digest(1))}\n"
        f"register: 2026/16 {b64(digest(2))}\n"
        f"content: {b64(digest(3))}\n"
        f"copies: 93 {b64(digest(4))}\n"
        f"answers: {b64(DIGESTS[0])}\n"
        f"answers: {b64(DIGESTS[1])}\n"
        f"receipts: {b64(DIGESTS[2])}\n"
        f"receipts: {b64(DIGESTS[3])}\n"
        f"receipts: {b64(DIGESTS[4])}\n"
        f"voids: {b64(DIGESTS[5])}\n"
    )
    assert note_id(TEXT) == sha256(TEXT).digest()


@pytest.mark.parametrize(
    "note",
    [
        NOTE,
        FIRST,
        replace(FIRST, register=Head("2025", 3, digest(9))),
        replace(FIRST, register=Head("2025z", 3, digest(9))),
        replace(FIRST, number=Number("cc", "2026a", 1), register=Head("2026", 40, digest(9))),
        replace(FIRST, number=Number("cc", "2026b", 1), register=Head("2026a", 1, digest(9))),
        replace(NOTE, number=Number("cc", "2026a", 17), register=Head("2026a", 16, digest(9))),
        replace(
            NOTE, number=Number("cc", "2026", 999_999_999), register=Head("2026", 999_999_998, digest(9))
        ),
        replace(NOTE, copies=Copies(1, digest(4))),
        replace(NOTE, answers=tuple(DIGESTS[:64]), receipts=tuple(DIGESTS[:1024]), voids=tuple(DIGESTS[:64])),
        replace(NOTE, answers=(), receipts=(), voids=tuple(DIGESTS[:1])),
    ],
)
def test_round_trip(note: Note) -> None:
    assert parse_note(encode_note(note)) == note


@st.composite
def notes(draw: st.DrawFn) -> Note:
    hashes = st.binary(min_size=32, max_size=32)

    def several(most: int) -> st.SearchStrategy[tuple[bytes, ...]]:
        return st.lists(hashes, max_size=most, unique=True).map(lambda values: tuple(sorted(values)))

    date = draw(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31)))  # noqa: DTZ001 - Hypothesis wants it so
    volume = f"{date.year:04}{draw(st.sampled_from(['', 'a', 'z']))}"
    ordinal = draw(st.integers(2, 999_999_999))
    handle = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True)
    return Note(
        number=Number(draw(handle), volume, ordinal),
        date=date.replace(microsecond=0, tzinfo=UTC),
        roster=RosterRef(draw(handle), draw(st.integers(1, 999_999_999)), draw(hashes)),
        register=Head(volume, ordinal - 1, draw(hashes)),
        content=draw(hashes),
        copies=Copies(draw(st.integers(1, 999_999_999)), draw(hashes)),
        answers=draw(several(3)),
        receipts=draw(several(3)),
        voids=draw(several(3)),
    )


@given(notes())
def test_every_note_comes_back(note: Note) -> None:
    assert parse_note(encode_note(note)) == note


def with_lines(name: str, digests: tuple[bytes, ...]) -> Note:
    match name:
        case "answers":
            return replace(NOTE, answers=digests)
        case "receipts":
            return replace(NOTE, receipts=digests)
    return replace(NOTE, voids=digests)


def alter(old: str, new: str, text: bytes = TEXT) -> bytes:
    assert text.count(old.encode()) == 1, old
    return text.replace(old.encode(), new.encode())


D1, D2, D3, D4 = (b64(digest(n)) for n in range(1, 5))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n",
        b"dispatch/v1",
        b"dispatch/v1\n",
        TEXT[:-1],
        TEXT + b"\n",
        b"\n" + TEXT,
        TEXT + TEXT,
        b"\xef\xbb\xbf" + TEXT,
        TEXT.replace(b"\n", b"\r\n"),
        TEXT.replace(b"\n", b"\n\n", 1),
        TEXT.replace(b": ", b":"),
        TEXT.replace(b": ", b":  "),
        TEXT.replace(b"\n", b" \n"),
        TEXT + b"seal: x\n",
        alter("dispatch/v1", "dispatch/v2"),
        alter("dispatch/v1", "dispatch/v1 "),
        alter("number: ", "Number: "),
        alter("number: cc/2026/17\n", ""),
        alter("number: cc/2026/17\n", "number: cc/2026/17\nnumber: cc/2026/17\n"),
        alter("content", "contents"),
        alter(f"content: {D3}\ncopies: 93 {D4}\n", f"copies: 93 {D4}\ncontent: {D3}\n"),
    ],
    ids=range(22),
)
def test_the_lines_are_these_in_this_order(text: bytes) -> None:
    with pytest.raises(NoteError):
        parse_note(text)


@pytest.mark.parametrize(
    "number",
    [
        "cc/2026/017", "cc/2026/+17", "cc/2026/1_7", f"cc/2026/1{ARABIC_3}", "cc/2026/ 17", "cc/2026/17 ",
        "CC/2026/17", "cc/2026", "cc/2026/17/1", "/2026/17", "-cc/2026/17", "cc/26/17", "cc/2026A/17",
        "cc/2026ab/17", "cc//17", "cc/2026/", "cc/2026/1000000000", "cc/2026/0", "c\u0441/2026/17",
        "cc/2025/17", "cc/2027/17", "cc/2026a/17", "cc/0000/17", "cc/2026/-17", "cc/2026/17.0",
        "cc/2026/0x11",
    ],
)  # fmt: skip
def test_a_wrong_number(number: str) -> None:
    with pytest.raises(NoteError):
        parse_note(alter("cc/2026/17", number))


@pytest.mark.parametrize(
    "date",
    [
        "2026-11-23T09:00:00", "2026-11-23T09:00:00+00:00", "2026-11-23 09:00:00Z", "2026-11-23T09:00:00z",
        "2026-11-31T09:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T09:00:60Z", "2026-11-23T09:00Z",
        "20261123T090000Z", "2026-11-23T09:00:00.0Z", "2026-11-23T09:00:00Z ", "2025-11-23T09:00:00Z",
        "2026-W48-1T09:00:00Z", f"2026-11-2{ARABIC_3}T09:00:00Z", "2026-11-23T09:00:00,5Z",
        "1969-12-31T23:59:59Z",
    ],
)  # fmt: skip
def test_a_wrong_date(date: str) -> None:
    with pytest.raises(NoteError):
        parse_note(alter("2026-11-23T09:00:00Z", date))


def test_a_date_before_1970_is_refused_even_with_its_volume() -> None:
    text = alter("2026-11-23T09:00:00Z", "1969-11-23T09:00:00Z").replace(b"2026", b"1969")
    with pytest.raises(NoteError, match="date"):
        parse_note(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rkp/7 ", "rkp/0 "),
        ("rkp/7 ", "rkp/07 "),
        ("rkp/7 ", "rkp/ "),
        ("rkp/7 ", "rkp "),
        ("rkp/7 ", "/7 "),
        ("rkp/7 ", "RKP/7 "),
        ("rkp/7 ", "rkp/7/1 "),
        ("rkp/7 ", "rkp/7  "),
        ("rkp/7 ", "rkp/7\t"),
        ("rkp/7 ", "rkp/1000000000 "),
        (f"rkp/7 {D1}", "rkp/7"),
        (f"rkp/7 {D1}", f"rkp/7 {D1} "),
        (f"rkp/7 {D1}", f"rkp/7 {D1} x"),
        (f"register: 2026/16 {D2}", "register: 2026/16"),
        ("2026/16 ", "2026/15 "),
        ("2026/16 ", "2026/17 "),
        ("2026/16 ", "2026/016 "),
        ("2026/16 ", "2025/16 "),
        ("2026/16 ", "2026a/16 "),
        ("2026/16 ", "0000/0 "),
        ("2026/16 ", "cc/2026/16 "),
        ("copies: 93 ", "copies: 0 "),
        ("copies: 93 ", "copies: 093 "),
        ("copies: 93 ", "copies: -1 "),
        ("copies: 93 ", "copies: 1000000000 "),
        ("copies: 93 ", "copies: "),
        ("copies: 93 ", "copies:  "),
        (D3, D3[:-1]),
        (D3, D3[:-4]),
        (D3, D3 + "AAAA"),
        (D3, D3 + "="),
        (D3, D3.replace("=", "")),
        (D3, D3[:8] + " " + D3[8:]),
        (D3, D3[:-4] + "!" + D3[-3:]),
        (D3, b64(digest(3)[:31])),
        (D3, b64(digest(3) + b"\0")),
        (D3, digest(3).hex()),
        (D3, ""),
    ],
)
def test_a_wrong_field(old: str, new: str) -> None:
    with pytest.raises(NoteError):
        parse_note(alter(old, new))


def test_what_a_field_reads_too_kindly_is_caught_when_it_is_written_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dispatch.formats.note.decode_decimal", lambda text, _: int(text))
    with pytest.raises(NoteError, match="canonical form"):
        parse_note(TEXT.replace(b"copies: 93 ", b"copies: 093 "))


def test_unused_bits_of_base64_are_zero() -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = D3[42]
    for other in alphabet.replace(last, ""):
        text = alter(D3, f"{D3[:42]}{other}=")
        if alphabet.index(other) % 4 == 0:
            assert parse_note(text).content != digest(3)
        else:
            with pytest.raises(NoteError, match="canonical"):
                parse_note(text)


@pytest.mark.parametrize(
    "note",
    [
        replace(FIRST, register=Head("0000", 0, digest(9))),
        replace(FIRST, register=Head("2025", 0, EMPTY_ROOT)),
        replace(FIRST, register=Head("0000", 1, digest(9))),
        replace(FIRST, register=Head("0000a", 0, EMPTY_ROOT)),
        replace(FIRST, register=Head("0000a", 1, digest(9))),
        replace(FIRST, register=Head("2026", 5, digest(9))),
        replace(FIRST, register=Head("2026a", 5, digest(9))),
        replace(FIRST, register=Head("2027", 5, digest(9))),
        replace(FIRST, number=Number("cc", "2026a", 1), register=Head("2026b", 5, digest(9))),
        replace(FIRST, number=Number("cc", "2026a", 1), register=Head("2026a", 5, digest(9))),
        replace(NOTE, register=FIRST_HEAD),
        replace(NOTE, register=Head("2026", 16, digest(2))._replace(volume="2026a")),
    ],
    ids=range(12),
)
def test_the_register_line_names_what_goes_before(note: Note) -> None:
    with pytest.raises(NoteError, match=r"volume|register|empty"):
        parse_note(encode_note(note))


@pytest.mark.parametrize("name", ["answers", "receipts", "voids"])
class TestRepeatedLines:
    def test_ascend(self, name: str) -> None:
        with pytest.raises(NoteError, match=f"{name} lines are not in ascending order"):
            parse_note(encode_note(with_lines(name, (DIGESTS[8], DIGESTS[7]))))

    def test_do_not_repeat(self, name: str) -> None:
        with pytest.raises(NoteError, match="ascending"):
            parse_note(encode_note(with_lines(name, (DIGESTS[8], DIGESTS[8]))))

    def test_ascend_as_bytes_not_as_text(self, name: str) -> None:
        """In base64 `/` and `+` stand before the letters, and as values after them."""
        by_bytes = (b"\x00" * 32, b"\xff" * 32)
        assert sorted(by_bytes, key=encode_base64) != list(by_bytes)
        assert getattr(parse_note(encode_note(with_lines(name, by_bytes))), name) == by_bytes
        with pytest.raises(NoteError, match="ascending"):
            parse_note(encode_note(with_lines(name, by_bytes[::-1])))

    def test_are_limited(self, name: str) -> None:
        most = 1024 if name == "receipts" else 64
        parse_note(encode_note(with_lines(name, tuple(DIGESTS[:most]))))
        with pytest.raises(NoteError, match=f"more than {most} {name} lines"):
            parse_note(encode_note(with_lines(name, tuple(DIGESTS[: most + 1]))))

    def test_are_32_bytes_each(self, name: str) -> None:
        with pytest.raises(NoteError, match=name):
            parse_note(encode_note(with_lines(name, (b"short",))))


def test_repeated_lines_stand_in_their_order() -> None:
    lines = encode_note(replace(NOTE, answers=NOTE.answers[:1], receipts=NOTE.receipts[:1])).split(b"\n")
    for order in ((7, 9, 8), (8, 7, 9), (8, 9, 7), (9, 7, 8), (9, 8, 7)):
        with pytest.raises(NoteError, match="does not belong there"):
            parse_note(b"\n".join([*lines[:7], *(lines[n] for n in order), b""]))
    assert parse_note(b"\n".join(lines)).voids == NOTE.voids


def test_the_longest_note_and_one_byte_more() -> None:
    with pytest.raises(NoteError, match=f"longer than {MAX_NOTE} bytes"):
        parse_note(b"x" * (MAX_NOTE + 1))
    with pytest.raises(NoteError, match="begins with"):
        parse_note(b"x" * MAX_NOTE)


def flips(text: bytes) -> list[bytes]:
    return [
        text[:at] + bytes([text[at] ^ 1 << bit]) + text[at + 1 :]
        for at in range(len(text))
        for bit in range(8)
    ]


@pytest.mark.parametrize("note", [FIRST, NOTE], ids=["first", "note"])
def test_one_flipped_bit_is_an_error_or_another_note(note: Note) -> None:
    for text in flips(encode_note(note)):
        try:
            other = parse_note(text)
        except NoteError:
            continue
        assert other != note
        assert encode_note(other) == text


@pytest.mark.parametrize("note", [FIRST, NOTE], ids=["first", "note"])
def test_a_note_that_is_cut_off_is_an_error_or_another_note(note: Note) -> None:
    text = encode_note(note)
    for size in range(len(text)):
        try:
            other = parse_note(text[:size])
        except NoteError:
            continue
        assert text[size - 1 : size] == b"\n"
        assert size > text.index(b"copies: ")
        assert encode_note(other) == text[:size] != text


@given(st.binary(max_size=300))
def test_any_bytes_end_in_our_error(data: bytes) -> None:
    for text in (data, TEXT[:200] + data, TEXT + data + b"\n"):
        with pytest.raises(MalformedError):
            parse_note(text)


@given(st.integers(0, len(TEXT) - 1), st.integers(0, len(TEXT) - 1), st.binary(max_size=4))
def test_any_edit_is_an_error_or_another_note(start: int, end: int, put: bytes) -> None:
    text = TEXT[:start] + put + TEXT[end:]
    try:
        note = parse_note(text)
    except NoteError:
        return
    assert encode_note(note) == text


def test_numbers_order_as_issued() -> None:
    texts = ["cc/2025/10", "cc/2026/2", "cc/2026/10", "cc/2026a/1", "cc/2026b/1", "cc/2027/1"]
    numbers = [parse_number(text) for text in texts]
    assert sorted(numbers, key=lambda number: (number.ordinal, number)) != numbers == sorted(numbers)
    assert [str(number) for number in numbers] == texts


@pytest.mark.parametrize(
    "text", ["", "2026aa", "2026A", "026", "20261", "2026-", "a2026", f"202{ARABIC_3}", "2026\n"]
)
def test_other_volumes(text: str) -> None:
    with pytest.raises(FormatError):
        parse_volume(text)
