from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.errors import FormatError
from keys.text import check_block, check_line, format_date, parse_date, parse_handle


@pytest.mark.parametrize("text", ["a", "0", "cc", "tula-2", "a-", "a" * 63])
def test_a_handle(text: str) -> None:
    assert parse_handle(text) == text


@pytest.mark.parametrize("text", ["", "-a", "A", "a" * 64, "a_b", "a b", "тула", "a\n", "a٣", "@a", "a/b"])
def test_not_a_handle(text: str) -> None:
    with pytest.raises(FormatError):
        parse_handle(text)


@pytest.mark.parametrize("text", ["x", "Тульский губком", "a  b", "x" * 256, "a\u200db", "\U0001f4ee" * 256])
def test_a_line(text: str) -> None:
    assert check_line(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "x" * 257, " a", "a ", "a\u3000", "\u00a0a"),
        *("a\nb", "a\tb", "a\x00", "a\x1b[31m", "a\x7f", "a\x85", "a\u2028b", "a\u2029b", "a\ud800"),
        *("a\u202eb", "a\u2066b", "a\u2069b", "a\u061cb", "\u200ea", "a\u200f"),
    ],
)
def test_not_a_line(text: str) -> None:
    with pytest.raises(FormatError):
        check_line(text)


@pytest.mark.parametrize("text", ["", "\n\ta\n", " a ", "x" * 1000, "a\u202eb", "Тула\n"])
def test_a_block(text: str) -> None:
    assert check_block(text) == text


@pytest.mark.parametrize("text", ["a\r\n", "a\x1b", "\x7f", "\x85", "a\u2028b", "a\u2029", "\udfff", "a\x00"])
def test_not_a_block(text: str) -> None:
    with pytest.raises(FormatError):
        check_block(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2024-02-29T23:59:59Z", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_date(text: str, moment: datetime) -> None:
    assert parse_date(text) == moment
    assert parse_date(text).tzinfo is UTC
    assert format_date(moment) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "2026-11-23", "2026-11-23T09:00Z", "20261123T090000Z", "2026-W47-1T09:00:00Z"),
        *("2026-11-23T09:00:00", "2026-11-23T09:00:00z", "2026-11-23t09:00:00Z", "2026-11-23 09:00:00Z"),
        *("2026-11-23T09:00:00+00:00", "2026-11-23T09:00:00.0Z", "\uff12026-11-23T09:00:00Z"),
        *("2026-02-29T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T09:00:60Z", "1969-12-31T23:59:59Z"),
        *(" 2026-11-23T09:00:00Z", "2026-11-23T09:00:00Z\n"),
    ],
)
def test_not_a_date(text: str) -> None:
    with pytest.raises(FormatError):
        parse_date(text)


def test_a_date_in_another_zone_is_the_same_moment_in_utc() -> None:
    moscow = timezone(timedelta(hours=3))
    assert format_date(datetime(2026, 11, 23, 12, tzinfo=moscow)) == "2026-11-23T09:00:00Z"


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 23),  # noqa: DTZ001 - the fault under test
        datetime(2026, 11, 23, 0, 0, 0, 1, tzinfo=UTC),
        datetime(1969, 12, 31, tzinfo=UTC),
    ],
)
def test_a_moment_that_is_no_date(moment: datetime) -> None:
    with pytest.raises(FormatError):
        format_date(moment)


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31)))  # noqa: DTZ001 - made aware below
def test_dates_round_trip(moment: datetime) -> None:
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    assert parse_date(format_date(moment)) == moment


def test_an_error_shows_nothing_that_a_terminal_would_obey() -> None:
    with pytest.raises(FormatError) as caught:
        parse_handle("\x1b]0;owned\x07" + "x" * 1000)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200
