from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from keys.canonical import MAX_INTEGER, decode_canonical, encode_canonical
from keys.errors import FormatError


class Note(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    text: str
    count: int | None
    more: dict[str, int | str]
    parts: tuple[int, ...]


NOTE = Note(text="Тула", count=7, more={"a": 1}, parts=(1, 2))
LINE = '{"text":"Тула","count":7,"more":{"a":1},"parts":[1,2]}\n'.encode()


def test_round_trip() -> None:
    assert encode_canonical(NOTE) == LINE
    assert decode_canonical(LINE, Note) == NOTE


def test_strings_are_escaped_as_the_format_says_and_in_no_other_way() -> None:
    """FORMAT.md, section 1: msgspec's spelling is ours, so a change of it must be noticed."""
    for code in range(0x3000):
        character = chr(code)
        short = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 0x22: '\\"', 0x5C: "\\\\"}
        expected = short.get(code) or (f"\\u{code:04x}" if code < 0x20 else character)
        assert encode_canonical([character]) == f'["{expected}"]\n'.encode()
    assert encode_canonical(["\U0001f4ee\uffff"]) == '["\U0001f4ee\uffff"]\n'.encode()


@given(st.text(), st.integers(-MAX_INTEGER, MAX_INTEGER), st.dictionaries(st.text(), st.text()))
def test_whatever_is_encoded_decodes(text: str, count: int, more: dict[str, str]) -> None:
    note = Note(text=text, count=count, more={**more}, parts=())
    assert decode_canonical(encode_canonical(note), Note) == note


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"count":7', '"count":7,"count":7'),
        ('"count":7', '"count":8,"count":7'),
        ('{"a":1}', '{"a":1,"a":1}'),
        ('"text":"Тула","count":7', '"count":7,"text":"Тула"'),
        ('"count":7,', ""),
        ('"count":7,', '"count":7,"extra":null,'),
        ('"count":7', '"count": 7'),
        ('"count":7', '"count":07'),
        ('"count":7', '"count":7.0'),
        ('"count":7', '"count":7e0'),
        ('"count":7', '"count":-0'),
        ('"count":7', '"count":"7"'),
        ('"count":7', '"count":true'),
        ('"count":7', f'"count":{2**53}'),
        ('"count":7', f'"count":-{2**53}'),
        ('"count":7', f'"count":{10**30}'),
        ("[1,2]", f"[1,{2**53}]"),
        ('{"a":1}', f'{{"a":{2**53}}}'),
        ("[1,2]", "[1,2,]"),
        ("[1,2]", "null"),
        ("Тула", "\\u0422ула"),
        ("Тула", "\\/"),
        ("Тула", "\\u000A"),
        ("Тула", "\\u000a"),
        ("Тула", "\\u001F"),
        ("Тула", "\\ud800"),
        ("Тула", "\\ud83d\\ude00"),
        ("\n", ""),
        ("\n", "\n\n"),
        ("\n", "\r\n"),
        ("\n", " \n"),
        ("\n", "{}\n"),
        ("{", " {"),
        ("{", "\ufeff{"),
        ("[1,2]", "[" * 100_000),
    ],
)
def test_any_other_spelling_is_refused(old: str, new: str) -> None:
    text = LINE.decode()
    assert old in text
    with pytest.raises(FormatError):
        decode_canonical(text.replace(old, new, 1).encode(), Note)


@pytest.mark.parametrize("wrong", [b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80"])
def test_what_is_not_utf_8_is_refused(wrong: bytes) -> None:
    with pytest.raises(FormatError):
        decode_canonical(LINE.replace("Тула".encode(), wrong), Note)


def test_the_greatest_integers_pass_and_digits_in_strings_are_no_integers() -> None:
    note = Note(text=f"[{10**20},:{10**20}", count=-MAX_INTEGER, more={f",{10**20}": MAX_INTEGER}, parts=())
    assert decode_canonical(encode_canonical(note), Note) == note


@pytest.mark.parametrize("value", ["\ud800", MAX_INTEGER + 1, -MAX_INTEGER - 1, 10**30])
def test_what_has_no_canonical_form_is_not_encoded(value: object) -> None:
    with pytest.raises(FormatError):
        encode_canonical({"a": [value]})


def test_the_error_names_the_place_and_shows_nothing_that_a_terminal_would_obey() -> None:
    with pytest.raises(FormatError, match=r"\$\.parts\[1\]"):
        decode_canonical(LINE.replace(b"[1,2]", b'[1,"2"]'), Note)
    with pytest.raises(FormatError) as caught:
        decode_canonical(LINE.replace(b'"count"', b'"\x7f\xe2\x80\xae' + b"x" * 999 + b'"'), Note)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400
