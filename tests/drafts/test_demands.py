"""Relations, promises, obligations and forms in drafts; reports; each rule with its line and code."""

from __future__ import annotations

from typing import Any

import pytest

from dispatch.drafts import EXAMPLES, Draft, ReportDraft, read_draft, template
from dispatch.errors import MALFORMED, REFUSED
from dispatch.formats.message import PromiseMade
from dispatch.formats.note import Number

CIRCULAR = """\
+++
kind = "circular"
subject = "Отчёты"
to = ["@provinces"]
zone = "Europe/Moscow"

[[relation]]
type = "amplifies"
number = "cc/2026/3"
paragraph = 2

[[promise]]
text = "Подробная инструкция"

[[obligation]]
id = "monthly"
paragraph = 4
every = "month"
from = "2026-05"
until = "2027-04"
due = "P5D"
nil = true

[[obligation]]
id = "before"
form = "plan"
before = "conference"
due = "P7D"
undertaking = true
by = ["tula"]

[[form]]
id = "monthly"
[[form.field]]
name = "meetings"
label = "Число собраний"
type = "integer"
minimum = 0
target = 1
required = true
[[form.field]]
name = "share"
type = "decimal"
maximum = 12.50
[[form.field]]
name = "course"
type = "select"
choices = ["хорошо", "плохо"]
[[form.field]]
name = "demands"
type = "table"
[[form.field.column]]
name = "demand"
label = "Требование"
type = "text"

[[form]]
id = "plan"
[[form.field]]
name = "text"
type = "text"
+++
1. Первый.

4. Четвёртый.
"""


def read(text: str = CIRCULAR) -> Draft:
    draft, problems = read_draft(text.encode())
    assert problems == ()
    assert isinstance(draft, Draft)
    return draft


def changed(old: str, new: str) -> list[tuple[int, int, str]]:
    """The problems of the circular in which `old` reads `new`: code, line, text."""
    assert CIRCULAR.count(old) == 1, old
    _, problems = read_draft(CIRCULAR.replace(old, new).encode())
    return [(one.code, one.line, one.text) for one in problems]


class TestWhatIsRead:
    def test_obligations_with_what_is_derived(self) -> None:
        monthly, before = read().obligations
        assert (monthly.form, monthly.by, monthly.from_, monthly.until) == (
            "monthly",
            ("@provinces",),
            "2026-05",
            "2027-04",
        )
        assert (monthly.nil, monthly.undertaking, monthly.due) == (True, False, "P5D")
        assert (before.before, before.every, before.by, before.undertaking) == (
            "conference",
            None,
            ("tula",),
            True,
        )

    def test_forms_with_numbers_as_messages_write_them(self) -> None:
        monthly, plan = read().forms
        assert [one.name for one in monthly.fields] == ["meetings", "share", "course", "demands"]
        meetings, share, course, demands = monthly.fields
        assert (meetings.minimum, meetings.target, meetings.required) == ("0", "1", True)
        assert (share.label, share.maximum) == ("share", "12.5")
        assert course.choices == ("хорошо", "плохо")
        assert [(one.name, one.label) for one in demands.columns] == [("demand", "Требование")]
        assert [one.id for one in (monthly, plan)] == ["monthly", "plan"]

    def test_relations_and_promises(self) -> None:
        [relation] = read().relations
        assert (relation.type, relation.number, relation.id, relation.paragraph) == (
            "amplifies",
            "cc/2026/3",
            None,
            2,
        )
        assert read().promises == (PromiseMade(text="Подробная инструкция"),)

    @pytest.mark.parametrize("once", ["2026-12-31", '"2026-12-31"'])
    def test_a_day_is_a_day(self, once: str) -> None:
        text = CIRCULAR.replace('before = "conference"', f"once = {once}").replace("undertaking = true\n", "")
        assert read(text).obligations[1].once == "2026-12-31"


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "text"),
    [
        ('every = "month"\n', 'every = "mouth"\n', MALFORMED, 18, "did you mean 'month'"),
        ('every = "month"\n', 'every = "month"\nonce = 2026-12-31\n', MALFORMED, 19, "exactly one of"),
        ('before = "conference"\n', "", MALFORMED, 24, "exactly one of"),
        ('due = "P5D"\n', "", MALFORMED, 15, "no due"),
        ('due = "P5D"', 'due = "5 days"', MALFORMED, 21, "duration"),
        ('from = "2026-05"\n', "", MALFORMED, 15, "no from"),
        ('from = "2026-05"', 'from = "2026-W05"', MALFORMED, 19, "not a month"),
        ('until = "2027-04"', 'until = "2026-04"', MALFORMED, 20, "is before from"),
        ('id = "before"', 'id = "monthly"', MALFORMED, 25, "stands twice"),
        ('form = "plan"', 'form = "plam"', MALFORMED, 26, "did you mean 'plan'"),
        ("nil = true", 'nil = "yes"', MALFORMED, 22, "true or false"),
        ('by = ["tula"]', 'by = ["Tula"]', MALFORMED, 30, "not a handle"),
        ('by = ["tula"]', "by = []", MALFORMED, 30, "nobody"),
        ("paragraph = 4", "paragraph = 5", REFUSED, 17, "no paragraph 5"),
        ("paragraph = 4", "paragraph = 0", MALFORMED, 17, "whole number"),
        ('by = ["tula"]', "nil = true", REFUSED, 30, "no nil return"),
        ("undertaking = true", 'undertaking = true\nevery2 = "x"', MALFORMED, 30, "did you mean 'every'"),
        ('name = "share"', 'name = "meetings"', MALFORMED, 42, "stands twice"),
        ('name = "share"', 'name = "Share"', MALFORMED, 42, "lower-case"),
        ("minimum = 0", "minimum = 0\nmaximum = -1", MALFORMED, 39, "less than minimum"),
        ("minimum = 0", 'minimum = "zero"', MALFORMED, 38, "a number"),
        ('choices = ["хорошо", "плохо"]', "", MALFORMED, 47, "no choices"),
        ('choices = ["хорошо", "плохо"]', 'choices = ["а", "а"]', MALFORMED, 48, "stands twice"),
        ('choices = ["хорошо", "плохо"]', "choices = [1]", MALFORMED, 48, "list of texts"),
        ('type = "select"\n', 'type = "select"\nminimum = 1\n', MALFORMED, 48, "only numbers"),
        ('type = "table"\n', 'type = "tabel"\n', MALFORMED, 51, "did you mean 'table'"),
        ('number = "cc/2026/3"', 'number = "cc/3"', MALFORMED, 9, "number"),
        ('type = "amplifies"', 'type = "ends"', MALFORMED, 8, "cannot be 'ends'"),
        ('text = "Подробная инструкция"', "", MALFORMED, 12, "no text"),
    ],
)
def test_each_rule_at_its_line(old: str, new: str, code: int, line: int, text: str) -> None:
    found = changed(old, new)
    assert [(one[0], one[1]) for one in found if text in one[2]] == [(code, line)], found


def test_a_form_that_nobody_uses_stops_the_draft() -> None:
    [found] = changed('form = "plan"', 'form = "monthly"')
    assert found[:2] == (REFUSED, 58)


def test_a_table_in_a_table() -> None:
    found = changed('label = "Требование"\ntype = "text"', 'type = "table"')
    assert any("table in a table" in one[2] for one in found)


def test_more_obligations_than_a_message_holds() -> None:
    more = '[[obligation]]\nid = "x{}"\nform = "plan"\nonce = 2026-12-31\ndue = "P0D"\n'
    text = CIRCULAR.replace(
        '[[form]]\nid = "monthly"', "".join(map(more.format, range(64))) + '[[form]]\nid = "monthly"'
    )
    assert [one.text for one in read_draft(text.encode()).problems] == ["more than 64 of [[obligation]]"]


def test_a_letter_refers_and_does_no_more() -> None:
    relation = '[[relation]]\ntype = "{}"\nnumber = "cc/2026/1"\n'
    letter = f'+++\nkind = "letter"\nsubject = "x"\nto = ["cc"]\n{relation}+++\nText\n'
    assert read_draft(letter.format("refers").encode()).problems == ()
    [problem] = read_draft(letter.format("cancels").encode()).problems
    assert (problem.code, problem.line) == (MALFORMED, 6)
    assert "only a circular" in problem.text


@pytest.mark.parametrize("example", [None, *EXAMPLES["circular"]])
def test_examples_stop_only_at_their_placeholders(example: str | None) -> None:
    text = template("circular", example=example)
    _, problems = read_draft(text.encode())
    assert problems
    assert all("eplace" in text.split("\n")[one.line - 1] for one in problems)
    filled = text.replace("replace-this", "tula")
    filled = filled.replace("[Replace this: the first month, as in 2026-05]", "2026-05")
    filled = filled.replace("[Replace this: the day, as in 2026-12-31]", "2026-12-31")
    while "[Replace this:" in filled:
        start = filled.index("[Replace this:")
        filled = filled[:start] + "Text" + filled[filled.index("]", start) + 1 :]
    draft, problems = read_draft(filled.encode())
    assert problems == ()
    assert isinstance(draft, Draft)
    assert bool(draft.obligations) == (example is not None)


REPORT = """\
+++
kind = "report"
answers = "cc/2026/4#monthly"
period = "2026-05"
[values]
meetings = 12
[[values.demands]]
demand = "Топливо"
+++
"""


class TestReports:
    def read(self, text: str) -> tuple[Any, list[tuple[int, int]]]:
        draft, problems = read_draft(text.encode())
        return draft, [(one.code, one.line) for one in problems]

    def test_one_without_a_text(self) -> None:
        draft, problems = self.read(REPORT)
        assert problems == []
        assert isinstance(draft, ReportDraft)
        assert (draft.answers_number, draft.obligation) == (Number("cc", "2026", 4), "monthly")
        assert (draft.period, draft.event, draft.nil, draft.subject) == ("2026-05", None, False, None)
        assert draft.values == {"meetings": 12, "demands": [{"demand": "Топливо"}]}
        assert draft.lines["values.demands[0].demand"] == 8

    def test_an_event(self) -> None:
        text = REPORT.replace('period = "2026-05"', 'event = 3\nevent_label = "x"\nevent_date = 2026-06-12')
        draft, problems = self.read(text)
        assert problems == []
        assert (draft.event, draft.event_label, draft.event_date) == (3, "x", "2026-06-12")

    @pytest.mark.parametrize(
        ("old", "new", "line"),
        [
            ('answers = "cc/2026/4#monthly"', 'answers = "cc/2026/4"', 3),
            ('answers = "cc/2026/4#monthly"', 'answers = "cc/4#monthly"', 3),
            ('answers = "cc/2026/4#monthly"\n', "", 1),
            ('period = "2026-05"', "period = 2026", 4),
            ('period = "2026-05"', 'period = "2026-05"\nto = ["cc"]', 5),
            ('period = "2026-05"', 'peroid = "2026-05"', 4),
            ('period = "2026-05"', "event = 0", 4),
            ('period = "2026-05"', 'period = "2026-05"\nevent_label = "x"', 5),
            ('period = "2026-05"', 'period = "2026-05"\nnil = 1', 5),
            ('period = "2026-05"', 'period = ""', 4),
            ('period = "2026-05"', 'period = "May"', 4),
            ('period = "2026-05"', 'period = "2025-W53"', 4),  # a week that the year does not have
        ],
    )
    def test_each_rule_at_its_line(self, old: str, new: str, line: int) -> None:
        draft, problems = self.read(REPORT.replace(old, new))
        assert draft is None
        assert (MALFORMED, line) in problems

    @pytest.mark.parametrize("day", ["1969-12-31", "3000-01-01", '"1900-01-01"', '"12.06.2026"'])
    def test_an_event_is_on_a_day_that_its_receivers_take(self, day: str) -> None:
        """It went out, was rejected by everybody, and stopped `due` of the office that had sent it."""
        text = REPORT.replace('period = "2026-05"', f'event = 1\nevent_label = "x"\nevent_date = {day}')
        assert self.read(text) == (None, [(MALFORMED, 6)])

    @pytest.mark.parametrize("value", ["12,5", "2026-02-30"])
    def test_one_that_does_not_parse_may_be_without_a_text_all_the_same(self, value: str) -> None:
        assert self.read(REPORT.replace("= 12", f"= {value}")) == (None, [(MALFORMED, 6)])

    def test_an_event_half_said(self) -> None:
        _, problems = self.read(REPORT.replace('period = "2026-05"', "event = 1"))
        assert problems == [(MALFORMED, 1), (MALFORMED, 1)]
