from __future__ import annotations

import subprocess
from datetime import date
from decimal import Decimal
from fractions import Fraction
from statistics import median
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.duties.collation import Choices, Entries, Figures, Lines, Missing, is_below_target
from dispatch.formats.message import Event
from keys.codec import encode_base64
from tests.forge.returns import CIRCULAR_ID, FORM, collation, field, obligation_of, row

if TYPE_CHECKING:
    from random import Random

    from dispatch.duties.collation import Collation
    from dispatch.formats.obligation import Value

MEETINGS = field("meetings", "Собрания", "integer", target="1")
SHARE = field("share", "Доля", "decimal", target="75")
COURSE = field("course", "Ход", "select", choices=("спокойно", "оживлённо", "враждебно"))


def figures(found: Collation, place: int = 0) -> Figures:
    summary = found.summaries[place]
    assert isinstance(summary, Figures)
    return summary


def test_sums_of_decimals_are_exact() -> None:
    # as floats these come to 0.30000000000000004 and 1e18
    found = collation([row("tula", {"share": "0.1"}), row("penza", {"share": "0.2"})], [SHARE])
    assert figures(found).total == Decimal("0.3")
    found = collation(
        [row("tula", {"share": "999999999999999999"}), row("penza", {"share": "0.000000000000000001"})],
        [SHARE],
    )
    assert str(figures(found).total) == "999999999999999999.000000000000000001"
    assert str(figures(found).median) == "499999999999999999.5000000000000000005"


def test_money_keeps_its_digits() -> None:
    found = figures(collation([row("tula", {"share": "1.50"}), row("penza", {"share": "2.50"})], [SHARE]))
    assert [str(one) for one in (found.total, found.median, found.minimum, found.maximum)] == [
        "4.00",
        "2.00",
        "1.50",
        "2.50",
    ]


def test_missing_is_not_zero() -> None:
    rows = [row("tula", {"meetings": 0}), row("penza", {"meetings": 4}), row("samara", {}), row("saratov")]
    found = collation(rows, [MEETINGS], expected=5)
    assert (found.expected, found.actual, found.nil) == (5, 4, 1)
    summary = figures(found)
    assert (summary.reporting, summary.of) == (2, 5)
    assert [str(one) for one in (summary.total, summary.median, summary.minimum, summary.maximum)] == [
        "4",
        "2",
        "0",
        "4",
    ]
    assert [one.office for one in summary.offices] == ["penza", "tula"]


def test_without_a_value_there_is_no_figure() -> None:
    summary = figures(collation([row("saratov")], [MEETINGS]))
    assert (summary.reporting, summary.total, summary.median, summary.minimum) == (0, None, None, None)
    assert figures(collation([], [MEETINGS], expected=0)).of == 0


def test_a_nil_return_gives_no_value() -> None:
    forged = row("saratov")
    object.__setattr__(forged, "values", {"meetings": 7})
    found = collation([forged], [MEETINGS])
    assert found.nil == 1
    assert not found.rows[0].values
    assert figures(found).reporting == 0


def test_targets_unmet_are_counted_and_marked() -> None:
    rows = [row("tula", {"meetings": 0}), row("penza", {"meetings": 1}), row("samara", {"meetings": 0})]
    summary = figures(collation(rows, [MEETINGS]))
    assert summary.below_target == 2
    assert [one.below_target for one in summary.offices] == [0, 1, 1]
    assert is_below_target(MEETINGS, 0)
    assert not is_below_target(MEETINGS, 1)
    assert is_below_target(SHARE, "74.9")
    assert not is_below_target(SHARE, "75.0")
    assert not is_below_target(field("n", "N", "integer"), -5)


def test_a_field_without_a_target_is_below_none() -> None:
    summary = figures(collation([row("tula", {"n": -5})], [field("n", "N", "integer")]))
    assert (summary.below_target, summary.offices[0].below_target) == (0, 0)


def test_choices_are_counted_in_the_order_of_the_form() -> None:
    food = field("food", "Прод", "boolean")
    rows = [
        row("tula", {"course": "враждебно", "food": True}),
        row("penza", {"course": "спокойно", "food": False}),
        row("samara", {"course": "враждебно"}),
    ]
    course, fed = collation(rows, [COURSE, food]).summaries
    assert isinstance(course, Choices)
    assert isinstance(fed, Choices)
    assert list(course.counts.items()) == [("спокойно", 1), ("оживлённо", 0), ("враждебно", 2)]
    assert list(fed.counts.items()) == [("true", 1), ("false", 1)]
    assert (course.reporting, fed.reporting, fed.of) == (3, 2, 5)


def test_texts_and_dates_are_listed_with_their_office() -> None:
    text, day = field("criticism", "Критика", "text"), field("last", "День", "date")
    rows = [row("tula", {"criticism": "Нет дров.\nНет соли.", "last": "2026-05-30"}), row("penza", {})]
    said, held = collation(rows, [text, day]).summaries
    assert isinstance(said, Entries)
    assert isinstance(held, Entries)
    assert [(one.row.office, one.value) for one in said.entries] == [("tula", "Нет дров.\nНет соли.")]
    assert [(one.row.office, one.value) for one in held.entries] == [("tula", "2026-05-30")]


def test_tables_give_all_their_rows_and_sum_their_numbers() -> None:
    columns = (field("demand", "Что", "text"), field("times", "Раз", "integer"), COURSE)
    demands = field("demands", "Требования", "table", columns=columns)
    rows = [
        row("tula", {"demands": ({"demand": "Дрова", "times": 3, "course": "спокойно"}, {"demand": "Соль"})}),
        row("penza", {"demands": ({"demand": "Хлеб", "times": 2},)}),
        row("samara", {"demands": ()}),
        row("saratov"),
    ]
    [summary] = collation(rows, [demands]).summaries
    assert isinstance(summary, Lines)
    assert (summary.reporting, summary.of) == (3, 5)  # an empty table is an answer, a nil return is not
    assert [(line.row.office, line.cells["demand"]) for line in summary.lines] == [
        ("penza", "Хлеб"),
        ("tula", "Дрова"),
        ("tula", "Соль"),
    ]
    said, times, course = summary.columns
    assert isinstance(said, Entries)
    assert isinstance(times, Figures)
    assert isinstance(course, Choices)
    assert (str(times.total), times.reporting, times.of) == ("5", 2, 3)
    assert course.counts["спокойно"] == 1


def test_rows_stand_by_period_then_office() -> None:
    rows = [row("tula", {}, period="2026-06"), row("penza", {}, period="2026-06"), row("tula", {})]
    assert [(one.period, one.office) for one in collation(rows).rows] == [
        ("2026-05", "tula"),
        ("2026-06", "penza"),
        ("2026-06", "tula"),
    ]


def test_events_stand_by_day_then_count() -> None:
    events = [
        Event(count=count, label="Конференция", date=day)
        for count, day in ((2, "2026-06-01"), (10, "2026-05-01"))
    ]
    rows = [row("tula", {}, period=None, event=event) for event in events]
    rows.append(row("penza", {}, period=None, event=Event(count=1, label="К", date="2026-06-01")))
    found = collation(rows, obligation=obligation_of(None, after="conference"))
    assert [(one.office, one.event.count) for one in found.rows if one.event] == [
        ("tula", 10),
        ("penza", 1),
        ("tula", 2),
    ]


def test_what_is_missing_is_listed_in_order() -> None:
    absent = [
        Missing(office=office, title=office, period=period, event=None, state="overdue")
        for office, period in (("tula", "2026-06"), ("samara", "2026-05"), ("penza", "2026-06"))
    ]
    found = collation([], missing=absent)
    assert [one.office for one in found.missing] == ["samara", "penza", "tula"]


def test_late_and_revised_are_counted() -> None:
    found = collation([row("tula", {}, state="late"), row("penza", {}, revised=2), row("samara", {})])
    assert (found.late, found.revised) == (1, 1)


def test_the_digest_is_that_of_the_format_document() -> None:
    rows = [row("tula", {}), row("penza", {})]
    ids = "\n".join(encode_base64(one.id) for one in rows)
    ordered = subprocess.run(
        ["sort"],
        input=ids,
        capture_output=True,
        text=True,
        check=True,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
    ).stdout
    text = f"dispatch-collation/v1\n{encode_base64(CIRCULAR_ID)}\nmonthly\n{ordered}"
    summed = subprocess.run(["sha256sum"], input=text, capture_output=True, text=True, check=True).stdout
    assert collation(rows).digest.hex() == summed.split()[0]


def test_the_digest_tells_sets_of_reports_apart() -> None:
    rows = [row("tula", {}), row("penza", {})]
    digests = {collation(some).digest for some in ([], rows[:1], rows[1:], rows)}
    assert len(digests) == 4


NUMBERS = st.builds(
    lambda negative, whole, part: (
        f"{'-' * (negative and bool(whole))}{whole}" + (f".{part:03}" if part else "")
    ),
    st.booleans(),
    st.integers(0, 10**18 - 1),
    st.integers(0, 999),
)
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "meetings": st.integers(-(2**53) + 1, 2**53 - 1),
        "share": NUMBERS,
        "course": st.sampled_from(COURSE.choices),
        "criticism": st.text(max_size=5),
        "demands": st.lists(
            st.fixed_dictionaries({}, optional={"demand": st.text(max_size=3), "times": st.integers(0, 9)}),
            max_size=3,
        ).map(tuple),
    },
)
RETURNS = st.dictionaries(
    st.tuples(st.sampled_from(["tula", "penza", "samara"]), st.dates(date(2026, 1, 1), date(2026, 6, 1))),
    st.none() | VALUES,
    max_size=8,
)


@given(RETURNS, st.randoms(use_true_random=False))
def test_nothing_depends_on_the_order_of_arrival(
    returns: dict[tuple[str, date], dict[str, Value] | None], random: Random
) -> None:
    rows = [
        row(office, values, period=f"{day:%Y-%m}", ordinal=place + 2)
        for place, ((office, day), values) in enumerate(returns.items())
    ]
    shuffled = rows[:]
    random.shuffle(shuffled)
    assert collation(rows) == collation(shuffled)
    assert repr(collation(rows)) == repr(collation(shuffled))  # also the digits: 1.5 equals 1.50


@given(st.lists(NUMBERS, min_size=1, max_size=9))
def test_figures_agree_with_fractions(values: list[str]) -> None:
    summary = figures(
        collation(
            [row("tula", {"share": value}, ordinal=place + 2) for place, value in enumerate(values)], [SHARE]
        )
    )
    exact = [Fraction(value) for value in values]
    assert summary.total is not None
    assert summary.median is not None
    assert Fraction(summary.total) == sum(exact)
    assert Fraction(summary.median) == median(exact)
    assert summary.below_target == sum(value < 75 for value in exact)
    assert sum(Fraction(one.total) for one in summary.offices) == sum(exact)


def test_the_form_of_the_example_is_summarised_whole() -> None:
    found = collation([row("tula", {"meetings": 3})])
    assert [type(one).__name__ for one in found.summaries] == [
        "Figures",
        "Figures",
        "Figures",
        "Choices",
        "Choices",
        "Entries",
        "Entries",
        "Lines",
    ]
    assert [one.field for one in found.summaries] == list(FORM.fields)


@pytest.mark.parametrize("count", [1, 2, 12_000])
def test_many_rows(count: int) -> None:
    rows = [row("tula", {"meetings": 1}, ordinal=place + 2) for place in range(count)]
    assert figures(collation(rows, [MEETINGS], expected=count)).total == count
