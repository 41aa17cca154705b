from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import codec
from keys.errors import FormatError

HUMAN_PARTS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20)


@given(st.binary(max_size=200))
def test_base64_round_trip(data: bytes) -> None:
    text = codec.encode_base64(data)
    assert codec.decode_base64(text) == data
    assert codec.decode_base64(text.encode(), len(data)) == data
    raw = codec.encode_base64_raw(data)
    assert raw == text.rstrip("=")
    assert codec.decode_base64_raw(raw, len(data)) == data


@pytest.mark.parametrize(
    "text",
    [
        "AAB=",  # bits set under the padding
        "AB==",
        "AAA",  # no padding
        "AA==AA==",
        "AAAA=",
        "====",
        "=AAA",
        "AA=A",
        "AAA=\n",
        "AA AA",
        "\nAAAA",
        "AA-_",  # the alphabet for URLs
        "ААВ=",  # Cyrillic
        "AAAA\0",
    ],
)
def test_base64_has_one_spelling(text: str) -> None:
    with pytest.raises(FormatError):
        codec.decode_base64(text)


def test_base64_of_another_size_is_refused() -> None:
    with pytest.raises(FormatError, match="3 bytes where 4"):
        codec.decode_base64("AAAA", 4)


@pytest.mark.parametrize("text", ["AAA=", "AA==", "AAB", "A", "AAA\n", "AAÅ"])
def test_raw_base64_has_one_spelling(text: str) -> None:
    with pytest.raises(FormatError):
        codec.decode_base64_raw(text)


@given(st.text(max_size=12))
def test_base64_never_leaks_another_error(text: str) -> None:
    for decode in (codec.decode_base64, codec.decode_base64_raw):
        try:
            data = decode(text)
        except FormatError:
            continue
        encode = codec.encode_base64 if decode is codec.decode_base64 else codec.encode_base64_raw
        assert encode(data) == text


@given(st.integers(0, 10**18))
def test_decimal_round_trip(value: int) -> None:
    assert codec.decode_decimal(str(value), 10**18) == value


@pytest.mark.parametrize(
    "text",
    ["", "-1", "+5", " 7", "7 ", "7\n", "1_000", "007", "00", "1.0", "1e3", "0x10", "٣", "７", "१२", "²"],
)
def test_decimal_has_one_spelling(text: str) -> None:
    with pytest.raises(FormatError):
        codec.decode_decimal(text, 10**18)


def test_decimal_above_its_maximum_is_refused() -> None:
    assert codec.decode_decimal("92", 92) == 92
    with pytest.raises(FormatError, match="above 92"):
        codec.decode_decimal("93", 92)


@given(HUMAN_PARTS, st.binary(max_size=1300))
def test_bech32_round_trip(human_part: str, data: bytes) -> None:
    text = codec.encode_bech32(human_part, data)
    assert text.islower()
    assert codec.decode_bech32(text) == (human_part, data)
    assert codec.decode_bech32(text.upper()) == (human_part, data)


@pytest.mark.parametrize(
    ("text", "human_part", "size"),
    [
        # BIP 173, those of its valid strings that hold whole bytes
        ("A12UEL5L", "a", 0),
        ("abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", "abcdef", 20),
        ("split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w", "split", 30),
        ("age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj", "age", 32),  # C2SP age.md
    ],
)
def test_bech32_of_the_standards(text: str, human_part: str, size: int) -> None:
    found, data = codec.decode_bech32(text)
    assert (found, len(data)) == (human_part, size)
    assert codec.encode_bech32(human_part, data) == text.lower()


@pytest.mark.parametrize(
    "text",
    [
        # BIP 173, its invalid strings but for those that only break the limit of 90 characters
        "\x201nwldj5",
        "\x7f1axkwrx",
        "\x801eym55h",
        "pzry9x0s0muk",
        "1pzry9x0s0muk",
        "x1b4n0q5v",
        "li1dgmt3",
        "de1lg7wt\xff",
        "A1G7SGD8",
        "10a06t8",
        "1qzzfhee",
        "",
        "1",
        "A12uEL5L",  # mixed case
        "a12uel5l ",
        "a12uel5\u0131",  # dotless i, which upper-cases to ASCII
        "\u212a12uel5l",  # the Kelvin sign, which lower-cases to ASCII
    ],
)
def test_bech32_refuses(text: str) -> None:
    with pytest.raises(FormatError):
        codec.decode_bech32(text)


@given(st.binary(min_size=1, max_size=60), st.data())
def test_bech32_notices_every_wrong_character(data: bytes, draw: st.DataObject) -> None:
    text = codec.encode_bech32("age", data)
    place = draw.draw(st.integers(4, len(text) - 1))
    other = draw.draw(st.sampled_from("qpzry9x8gf2tvdw0s3jn54khce6mua7l").filter(lambda c: c != text[place]))
    with pytest.raises(FormatError):
        codec.decode_bech32(text[:place] + other + text[place + 1 :])


@pytest.mark.parametrize("digits", ["q", "qp", "qqq", "qqqp", "qqqqql"])
def test_bech32_refuses_bits_that_fill_no_byte(digits: str) -> None:
    with pytest.raises(FormatError, match="canonical"):
        codec.decode_bech32(_with_checksum("age", digits))


def test_bech32_checks_a_hybrid_key_in_linear_time() -> None:
    data = bytes(range(256)) * 40
    assert codec.decode_bech32(codec.encode_bech32("age1pq", data)) == ("age1pq", data)


@given(st.text(max_size=80))
def test_bech32_never_leaks_another_error(text: str) -> None:
    try:
        human_part, data = codec.decode_bech32(text)
    except FormatError:
        return
    assert codec.encode_bech32(human_part, data) == text.lower()


def _with_checksum(human_part: str, digits: str) -> str:
    """Add a right checksum to digits that are themselves wrong (the definition in BIP 173)."""
    alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    values = [ord(c) >> 5 for c in human_part] + [0] + [ord(c) & 31 for c in human_part]
    checksum = 1
    for value in [*values, *(alphabet.index(digit) for digit in digits), 0, 0, 0, 0, 0, 0]:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            checksum ^= generator if top >> bit & 1 else 0
    checksum ^= 1
    return f"{human_part}1{digits}{''.join(alphabet[checksum >> 5 * (5 - i) & 31] for i in range(6))}"


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_ssh_string_round_trip(value: bytes, rest: bytes) -> None:
    assert codec.get_string(codec.put_string(value) + rest) == (value, rest)


@given(st.integers(0, 2**32 - 1), st.binary(max_size=10))
def test_ssh_number_round_trip(value: int, rest: bytes) -> None:
    assert codec.get_u32(codec.put_u32(value) + rest) == (value, rest)


@given(st.binary(max_size=50))
def test_ssh_data_cut_off_is_refused(value: bytes) -> None:
    whole = codec.put_string(value)
    for size in range(len(whole)):
        with pytest.raises(FormatError):
            codec.get_string(whole[:size])
