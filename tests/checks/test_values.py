"""The values of a report against its form: from a draft, and as they come."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.checks.values import check_values
from dispatch.drafts.csvtable import read_table
from dispatch.drafts.form import paragraph_text, report_template
from dispatch.drafts.values import read_values
from dispatch.errors import MalformedError, RefusedError
from dispatch.formats.message import Circular, Report
from dispatch.formats.note import Number
from dispatch.formats.obligation import Field, Form
from tests.forge.dispatches import NOW, make_message, make_obligation


def field(name: str, type_: Any, **changes: Any) -> Field:
    default: dict[str, Any] = {
        "label": name.capitalize(),
        "required": False,
        "minimum": None,
        "maximum": None,
        "target": None,
        "choices": (),
        "columns": (),
    }
    return Field(name=name, type=type_, **(default | changes))


COLUMNS = (
    field("demand", "text", required=True, label="Требование"),
    field("count", "integer", minimum="0"),
    field("share", "decimal"),
    field("met", "boolean"),
)
FORM = Form(
    id="monthly",
    fields=(
        field("meetings", "integer", required=True, minimum="0", maximum="100", target="1"),
        field("share", "decimal", maximum="12.5"),
        field("course", "text"),
        field("day", "date"),
        field("open", "boolean"),
        field("choice", "select", choices=("хорошо", "плохо")),
        field("demands", "table", columns=COLUMNS),
    ),
)
NAMES = ("meetings", "share", "course", "day", "open", "choice", "demands", "demand", "count", "met", "other")
LINES = {"values": 5, "values.meetings": 6, "values.demands": 8, "values.demands[0].demand": 9}


def read(toml: str) -> tuple[dict[str, Any], list[tuple[int, str]]]:
    values, problems = read_values(FORM, tomllib.loads(toml, parse_float=Decimal), LINES)
    assert {one.code for one in problems} <= {7}
    return values, [(one.line, one.text) for one in problems]


def test_everything_in_the_order_of_the_form() -> None:
    values, problems = read(
        'choice = "плохо"\nday = 2026-06-12\nopen = false\nmeetings = 0\nshare = 1.50\ncourse = "Так"\n'
        '[[demands]]\ndemand = "Топливо"\ncount = 3\n'
    )
    assert problems == []
    assert list(values) == ["meetings", "share", "course", "day", "open", "choice", "demands"]
    assert values["share"] == "1.50"
    assert values["day"] == "2026-06-12"
    assert values["demands"] == ({"demand": "Топливо", "count": 3},)
    check_values(FORM, values)


def test_what_is_empty_and_not_required_is_left_out() -> None:
    values, problems = read('meetings = 1\ncourse = ""\n')
    assert (values, problems) == ({"meetings": 1}, [])


@pytest.mark.parametrize(
    ("toml", "line", "text"),
    [
        ("", 6, "Meetings is missing"),
        ('meetings = "[Replace this: integer]"', 6, "still to be filled in"),
        ('meetings = "12"', 6, "a whole number"),
        ("meetings = true", 6, "a whole number"),
        ("meetings = 1.5", 6, "a whole number"),
        ("meetings = -1", 6, "below 0"),
        ("meetings = 101", 6, "above 100"),
        ("meetings = 9007199254740992", 6, "a whole number"),
        ("meetings = 1\nshare = 12.51", 5, "above 12.5"),
        ("meetings = 1\nshare = inf", 5, "a number"),
        ('meetings = 1\nday = "12.06.2026"', 5, "a day"),
        ("meetings = 1\nday = 2026-06-12T10:00:00", 5, "a day"),
        ('meetings = 1\nopen = "yes"', 5, "true or false"),
        ('meetings = 1\nchoice = "так"', 5, "one of хорошо, плохо"),
        ("meetings = 1\nmeting = 2", 5, "did you mean 'meetings'"),
        ("meetings = 1\n[[demands]]\ncount = 1", 9, "Требование is missing"),
        ('meetings = 1\n[[demands]]\ndemand = "x"\ncount = -1', 8, "below 0"),
        ('meetings = 1\ndemands = "x"', 8, "rows"),
        ("meetings = 1\nshare = 1e999999999999", 5, "18 digits"),
        ("meetings = 1\nshare = 1e-19", 5, "18 digits"),
        ("meetings = 1\nshare = nan", 5, "a number"),
        ("meetings = 1\nshare = true", 5, "a number"),
        ('meetings = 1\ncourse = "a\\u0007"', 5, "Course: a text with the control character U+0007"),
        ('meetings = 1\ncourse = "so [Replace this: text] so"', 5, "still to be filled in"),
        ('meetings = 1\n[[demands]]\ndemand = "[Replace this: text]"', 9, "still to be filled in"),
        ('meetings = 1\n[[demands]]\ndemand = "x"\nshares = 1', 8, "did you mean 'share'"),
        ("meetings = 1\ndemands = [1]", 8, "rows"),
    ],
)
def test_each_rule_at_its_line(toml: str, line: int, text: str) -> None:
    _, problems = read(toml)
    assert len(problems) == 1
    assert problems[0][0] == line
    assert text in problems[0][1]


@pytest.mark.parametrize(
    ("toml", "share"),
    [("1.50", "1.50"), ("-0.0", "0.0"), ("3", "3"), ("1e1", "10"), ("12.500", "12.500"), ('"0.1"', "0.1")],
)
def test_a_number_is_written_as_messages_write_it(toml: str, share: str) -> None:
    assert read(f"meetings = 1\nshare = {toml}") == ({"meetings": 1, "share": share}, [])


def test_bounds_are_compared_exactly() -> None:
    form = Form(id="a", fields=(field("n", "decimal", minimum="0.1", maximum="0.300000000000000001"),))
    for text, fits in (("0.1", 1), ("0.30", 1), ("0.300000000000000002", 0), ("0.09999999999999999", 0)):
        _, problems = read_values(form, {"n": Decimal(text)}, {})
        assert bool(problems) is not bool(fits)


def test_a_required_table_of_empty_rows_is_missing() -> None:
    form = Form(id="a", fields=(field("t", "table", required=True, columns=(field("c", "text"),)),))
    values, problems = read_values(form, {"t": [{"c": ""}, {}]}, {"values": 3})
    assert (values, [one.line for one in problems]) == ({}, [3])


def test_without_lines_a_problem_is_at_the_first() -> None:
    [problem] = read_values(FORM, {}, {})[1]
    assert problem.line == 1


toml_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.dates() | st.datetimes() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(NAMES), toml_values, max_size=7))
def test_what_a_draft_says_without_a_problem_fits_where_it_arrives(raw: dict[str, Any]) -> None:
    values, problems = read_values(FORM, raw, LINES)
    assert {one.code for one in problems} <= {7}
    if not problems:
        check_values(FORM, values)


@given(
    st.fixed_dictionaries(
        {"meetings": st.integers(-1, 101)},
        optional={
            "share": st.decimals(-20, 20, places=3),
            "course": st.text(max_size=9),
            "day": st.dates(),
            "demands": st.lists(
                st.fixed_dictionaries(
                    {"demand": st.text(max_size=3)}, optional={"count": st.integers(-1, 9)}
                ),
                max_size=3,
            ),
        },
    )
)
def test_what_nearly_fits_has_a_problem_or_fits(raw: dict[str, Any]) -> None:
    values, problems = read_values(FORM, raw, LINES)
    if not problems:
        check_values(FORM, values)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"meetings": "1"},
        {"meetings": True},
        {"meetings": -1},
        {"meetings": 101},
        {"meetings": 1, "extra": 1},
        {"course": "x", "meetings": 1},
        {"meetings": 1, "share": "1,5"},
        {"meetings": 1, "share": 1},
        {"meetings": 1, "share": "13"},
        {"meetings": 1, "course": ""},
        {"meetings": 1, "course": 5},
        {"meetings": 1, "day": "2026-02-30"},
        {"meetings": 1, "open": 1},
        {"meetings": 1, "choice": "так"},
        {"meetings": 1, "demands": ()},
        {"meetings": 1, "demands": ({},)},
        {"meetings": 1, "demands": ({"count": 1},)},
        {"meetings": 1, "demands": ({"demand": "x", "other": 1},)},
        {"meetings": 1, "demands": ({"count": 1, "demand": "x"},)},
        {"meetings": 2**53},
        {"meetings": 1, "share": "-0"},
        {"meetings": 1, "share": "01"},
        {"meetings": 1, "day": "20260612"},
        {"meetings": 1, "course": "\u2028"},
        {"meetings": 1, "choice": True},
        {"meetings": 1, "demands": "x"},
        {"meetings": 1, "demands": ({"demand": ({"demand": "x"},)},)},
    ],
)
def test_what_comes_fits_exactly_or_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(RefusedError):
        check_values(FORM, values)


def test_a_refusal_names_the_field() -> None:
    with pytest.raises(RefusedError, match=r"^demands\[1\]\.count: Count is below 0$"):
        check_values(FORM, {"meetings": 1, "demands": ({"demand": "x"}, {"demand": "y", "count": -1})})


def test_a_target_refuses_nothing() -> None:
    check_values(FORM, {"meetings": 0})


class TestTables:
    def test_any_delimiter_and_a_header_in_any_script(self) -> None:
        for data in (
            "demand,count,share,met\nТопливо,3,1.5,true\n",
            "Требование;count;share;met\r\nТопливо;3;1,5;да\r\n",
            "\ufeffdemand\tcount\tshare\tmet\nТопливо\t3\t1,5\tyes\n",
        ):
            assert read_table(FORM.fields[-1], data.encode()) == (
                {"demand": "Топливо", "count": 3, "share": "1.5", "met": True},
            )

    def test_empty_cells_and_rows_are_left_out(self) -> None:
        assert read_table(FORM.fields[-1], b"demand,count\nx,\n,\n\n") == ({"demand": "x"},)

    @pytest.mark.parametrize(
        ("data", "error", "text"),
        [
            (b"\xff", MalformedError, "UTF-8"),
            (b"", MalformedError, "empty"),
            (b"demand,other\n", MalformedError, "no column 'other'"),
            (b"demand,demand\n", MalformedError, "twice"),
            (b"demand\nx,y\n", MalformedError, "line 2: more cells"),
            (b'demand\n"x\n', MalformedError, "not CSV"),
            (b"demand,count\nx,1\ny,many\n", RefusedError, "line 3"),
            (b"demand,count\nx,-1\n", RefusedError, "line 2"),
            (b"demand,met\nx,perhaps\n", RefusedError, "line 2"),
        ],
    )
    def test_what_is_wrong_is_said_with_its_line(
        self, data: bytes, error: type[Exception], text: str
    ) -> None:
        with pytest.raises(error, match=text):
            read_table(FORM.fields[-1], data)

    @given(st.binary(max_size=200))
    def test_any_bytes_end_in_rows_or_our_own_error(self, data: bytes) -> None:
        with suppress(MalformedError, RefusedError):
            read_table(FORM.fields[-1], data)


hostile = st.text(max_size=60)


def template(form: Form, *, subject: str = "x", body: str = "4. Text", **changes: Any) -> str:
    circular = make_message(Circular, Number("cc", "2026", 4), NOW, to=(), subject=subject, body=body)
    obligation = make_obligation("monthly", paragraph=4, every="month", from_="2026-05")
    default: dict[str, Any] = {
        "number": "cc/2026/4",
        "circular": circular,
        "obligation": obligation,
        "form": form,
        "period": "2026-05",
        "event": None,
        "event_label": None,
        "event_date": None,
        "nil": False,
        "previous": None,
        "tables": {},
    }
    return report_template(**(default | changes))


def front(text: str) -> dict[str, Any]:
    return tomllib.loads(text.split("+++\n")[1], parse_float=Decimal)


class TestForms:
    def test_what_is_missing_is_asked_for_and_described(self) -> None:
        text = template(FORM)
        assert "# 4. Text" in text
        assert "# Meetings (integer; required; at least 0; at most 100; target 1)" in text
        _, problems = read_values(FORM, front(text)["values"], {})
        assert [one.text.split(" is")[0] for one in problems] == ["Meetings"]

    def test_nothing_to_report(self) -> None:
        table = front(template(FORM, nil=True))
        assert table["nil"] is True
        assert "values" not in table

    def test_a_table_from_csv(self) -> None:
        table = front(template(FORM, tables={"demands": ({"demand": 'a "b" \\', "count": 3},)}))
        assert table["values"]["demands"] == [{"demand": 'a "b" \\', "count": 3}]

    def test_an_event(self) -> None:
        table = front(template(FORM, period=None, event=2, event_label="Съезд", event_date="2026-06-12"))
        assert (table["event"], table["event_label"], str(table["event_date"])) == (2, "Съезд", "2026-06-12")

    @given(
        meetings=st.integers(0, 100),
        course=st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1).filter(
            lambda text: text.strip("\n") == text and "[Replace this:" not in text
        ),
        demand=st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1).filter(
            lambda text: "[Replace this:" not in text
        ),
    )
    def test_a_revision_reads_back_what_was_reported(self, meetings: int, course: str, demand: str) -> None:
        values: dict[str, Any] = {
            "meetings": meetings,
            "share": "1.50",
            "course": course,
            "open": False,
            "choice": "плохо",
            "demands": ({"demand": demand, "met": True},),
        }
        previous = Report(
            format="dispatch-message/v1",
            salt="",
            secrets="",
            number="tula/2026/1",
            date="",
            from_="tula",
            to=(),
            info=(),
            precedence="routine",
            subject="x",
            attachments=(),
            body="",
            answers=None,  # type: ignore[arg-type]  # not looked at
            period="2026-05",
            event=None,
            nil=False,
            values=values,
            revises=None,
            revision_reason=None,
        )
        table = front(template(FORM, previous=previous))
        assert "[Replace this:" in table["revision_reason"]
        found, problems = read_values(FORM, table["values"], {})
        assert problems == ()
        assert found == values

    @given(subject=hostile, body=hostile, label=hostile, choice=hostile)
    def test_no_text_breaks_out_of_its_comment(
        self, subject: str, body: str, label: str, choice: str
    ) -> None:
        form = Form(
            id="monthly",
            fields=(
                field("a", "select", label=label, choices=(choice,)),
                field("b", "table", label=label, columns=(field("c", "text", label=label),)),
            ),
        )
        table = front(template(form, subject=subject, body=f"4. {body}").replace("+++\n+++", "+++\n"))
        assert set(table) == {"kind", "answers", "period", "values"}
        assert table["values"] == {}


def test_a_paragraph_goes_to_the_next_number() -> None:
    body = "1. One\n\n2. Two\nand more\n\n10. Ten"
    assert paragraph_text(body, 2) == "2. Two\nand more"
    assert paragraph_text(body, 10) == "10. Ten"
    assert paragraph_text(body, 3) == paragraph_text(body, None) == ""


def test_of_very_many_unknown_names_only_the_first_are_guessed_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guessing takes a while for each, and a report may have a hundred thousand."""
    guessed: list[str] = []

    def guess(word: str, *_: object) -> list[str]:
        guessed.append(word)
        return []

    monkeypatch.setattr("dispatch.checks.values.get_close_matches", guess)
    with pytest.raises(RefusedError, match="has no 'n0'"):
        check_values(FORM, {f"n{number}": 1 for number in range(1000)})
    assert len(guessed) == 20
