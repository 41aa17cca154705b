"""Periods and due moments, against python-dateutil and against the calendar by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil import rrule, tz
from dateutil.relativedelta import MO, relativedelta
from hypothesis import given
from hypothesis import strategies as st

from dispatch.errors import RefusedError
from dispatch.formats.periods import (
    Every,
    Span,
    due_after,
    due_before,
    due_since,
    find_zone,
    midnight,
    parse_period,
    period_of,
)
from keys.errors import FormatError

ZONES = (
    "UTC",
    "Europe/Moscow",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
)
KINDS: tuple[Every, ...] = ("week", "month", "quarter", "year")
STEP = {
    "week": relativedelta(weeks=1),
    "month": relativedelta(months=1),
    "quarter": relativedelta(months=3),
    "year": relativedelta(years=1),
}

days = st.dates(date(1971, 1, 1), date(2998, 12, 31))
recent = st.dates(date(1975, 1, 1), date(2036, 12, 31))  # dateutil reads zone files only so far


@pytest.mark.parametrize(
    ("text", "first", "end"),
    [
        ("2026-01", "2026-01-01", "2026-02-01"),
        ("2026-12", "2026-12-01", "2027-01-01"),
        ("2028-02", "2028-02-01", "2028-03-01"),
        ("2026-Q1", "2026-01-01", "2026-04-01"),
        ("2026-Q4", "2026-10-01", "2027-01-01"),
        ("2026", "2026-01-01", "2027-01-01"),
        ("2026-W01", "2025-12-29", "2026-01-05"),
        ("2026-W53", "2026-12-28", "2027-01-04"),
        ("2020-W53", "2020-12-28", "2021-01-04"),
        ("2027-W01", "2027-01-04", "2027-01-11"),
    ],
)
def test_a_period_is_these_days(text: str, first: str, end: str) -> None:
    period = parse_period(text)
    assert (period.first, period.end) == (date.fromisoformat(first), date.fromisoformat(end))
    assert period_of(period.first, period.every) == period
    assert period_of(period.end - timedelta(days=1), period.every) == period


@pytest.mark.parametrize(
    "text",
    [
        "2025-W53",
        "2026-W00",
        "2026-W54",
        "2026-W5",
        "2026-w05",
        "2026-13",
        "2026-00",
        "2026-5",
        "2026-05-01",
        "2026-Q0",
        "2026-Q5",
        "26-01",
        "1969",
        "3000",
        "٢٠٢٦",
        " 2026",
        "2026\n",
        "",
    ],
)
def test_no_period(text: str) -> None:
    with pytest.raises(FormatError):
        parse_period(text)


@pytest.mark.parametrize(("text", "every"), [("2026", "month"), ("2026-05", "week"), ("2026-W05", "quarter")])
def test_a_period_of_another_kind(text: str, every: Every) -> None:
    with pytest.raises(FormatError, match=f"not a {every}"):
        parse_period(text, every)


@given(day=days, every=st.sampled_from(KINDS))
def test_periods_are_those_of_dateutil(day: date, every: Every) -> None:
    period = period_of(day, every)
    if every == "week":
        first = day + relativedelta(weekday=MO(-1))
    elif every == "quarter":
        first = day.replace(day=1) - relativedelta(months=(day.month - 1) % 3)
    else:
        first = day.replace(day=1) if every == "month" else day.replace(month=1, day=1)
    assert period.first == first
    assert period.end == first + STEP[every]
    assert period.next().first == period.end
    assert parse_period(period.text, every) == period


@given(start=recent, zone=st.sampled_from(ZONES), count=st.integers(1, 70), every=st.sampled_from(KINDS))
def test_periods_begun_are_those_of_a_recurrence(start: date, zone: str, count: int, every: Every) -> None:
    first = period_of(start, every)
    rule: dict[str, Any] = {
        "week": rrule.WEEKLY,
        "month": rrule.MONTHLY,
        "quarter": rrule.MONTHLY,
        "year": rrule.YEARLY,
    }
    interval = 3 if every == "quarter" else 1
    starts = [
        moment.date()
        for moment in rrule.rrule(
            rule[every],
            dtstart=datetime(first.first.year, first.first.month, first.first.day),  # noqa: DTZ001 - a day
            interval=interval,
            count=count + 1,
        )
    ]
    if starts[-1].year > 2036:
        return
    now = midnight(starts[-1], ZoneInfo(zone)) - timedelta(seconds=1)
    begun = list(Span(first, None).begun(ZoneInfo(zone), now))
    assert [period.first for period in begun] == starts[:-1]
    # half-open to the second: the next one begins at that very moment
    assert len(list(Span(first, None).begun(ZoneInfo(zone), now + timedelta(seconds=1)))) == count + 1
    assert list(Span(first, begun[0]).begun(ZoneInfo(zone), now)) == begun[:1]


@given(
    day=recent,
    zone=st.sampled_from(ZONES),
    count=st.integers(0, 400),
)
def test_due_moments_are_those_of_dateutil(day: date, zone: str, count: int) -> None:
    other = tz.gettz(zone)
    assert other is not None
    local = datetime(day.year, day.month, day.day, tzinfo=other)

    def in_utc(moment: datetime) -> datetime:
        # where the clock skips midnight, the first instant that there is
        return tz.resolve_imaginary(moment).astimezone(UTC).replace(tzinfo=UTC)

    after = in_utc(local + relativedelta(days=count))
    before = in_utc(local - relativedelta(days=count))
    assert due_after(day, f"P{count}D", ZoneInfo(zone)) == after
    assert due_before(day, f"P{count}D", ZoneInfo(zone)) == before
    if count:
        hours = timedelta(hours=count)
        assert due_after(day, f"PT{count}H", ZoneInfo(zone)) == in_utc(local) + hours
        assert due_before(day, f"PT{count}H", ZoneInfo(zone)) == in_utc(local) - hours


@pytest.mark.parametrize(
    ("day", "duration", "zone", "due"),
    [
        # the clock goes forward on the night of 29 March: the day has 23 hours
        ("2026-03-29", "P1D", "Europe/Berlin", "2026-03-29T22:00:00Z"),
        ("2026-03-29", "PT24H", "Europe/Berlin", "2026-03-29T23:00:00Z"),
        # and back on 25 October: 25 hours
        ("2026-10-25", "P1D", "Europe/Berlin", "2026-10-25T23:00:00Z"),
        ("2026-10-25", "PT24H", "Europe/Berlin", "2026-10-25T22:00:00Z"),
        # in Beirut the clock skips midnight itself
        ("2026-03-29", "P0D", "Asia/Beirut", "2026-03-28T22:00:00Z"),
        ("2026-02-28", "P1D", "UTC", "2026-03-01T00:00:00Z"),
        ("2028-02-28", "P1D", "UTC", "2028-02-29T00:00:00Z"),
        ("2026-12-31", "P1D", "Pacific/Kiritimati", "2026-12-31T10:00:00Z"),
        ("2026-12-31", "P1D", "Pacific/Pago_Pago", "2027-01-01T11:00:00Z"),
    ],
)
def test_due_at_the_edges(day: str, duration: str, zone: str, due: str) -> None:
    assert due_after(date.fromisoformat(day), duration, ZoneInfo(zone)) == datetime.fromisoformat(due)


def test_within_days_of_a_moment_means_the_same_time_of_day() -> None:
    moment = datetime(2026, 3, 28, 9, 30, tzinfo=UTC)  # 10:30 in Berlin, before the clock goes forward
    assert due_since(moment, "P2D", ZoneInfo("Europe/Berlin")) == datetime(2026, 3, 30, 8, 30, tzinfo=UTC)
    assert due_since(moment, "PT48H", ZoneInfo("Europe/Berlin")) == moment + timedelta(hours=48)
    assert due_since(moment, "P0D", ZoneInfo("Europe/Berlin")) == moment


@pytest.mark.parametrize(
    "zone", ["Mars/Olympus", "Europe", "posixrules/..", "../etc/passwd", "localtime", "right/UTC"]
)
def test_a_zone_that_this_machine_does_not_know(zone: str) -> None:
    with pytest.raises(RefusedError, match="no time zone"):
        find_zone(zone)


def test_the_longest_duration_from_the_last_year_still_has_a_moment() -> None:
    last = parse_period("2999")
    assert due_after(last.end, "P99999D", ZoneInfo("UTC")).year == 3273
    assert due_before(date(1970, 1, 1), "P99999D", ZoneInfo("Europe/Moscow")).year == 1696


def test_a_span_holds_its_first_and_last_period_and_none_beside_them() -> None:
    months = [parse_period(f"2026-{month:02}") for month in range(4, 9)]
    span = Span(months[1], months[3])
    assert [span.holds(month) for month in months] == [False, True, True, True, False]
    assert list(span.periods()) == months[1:4]
    assert Span(months[1], None).holds(parse_period("2999-12"))
