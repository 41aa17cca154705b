"""The draft of a report, written and read again; tables from CSV."""

from __future__ import annotations

import csv
import io
import tomllib
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.checks.values import check_values
from dispatch.drafts import ReportDraft, read_draft
from dispatch.drafts.csvtable import MAX_ROWS, read_table, read_tables
from dispatch.drafts.form import report_template
from dispatch.drafts.values import read_values
from dispatch.errors import REFUSED, MalformedError, RefusedError
from dispatch.formats.message import Answered, Circular, Report
from dispatch.formats.note import Number
from dispatch.formats.obligation import Field, Form
from tests.forge.dispatches import NOW, make_message, make_obligation

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELD = Field(
    name="a",
    label="A",
    type="text",
    required=False,
    minimum=None,
    maximum=None,
    target=None,
    choices=(),
    columns=(),
)
MESSAGE: dict[str, Any] = {
    "format": "dispatch-message/v1",
    "salt": "",
    "secrets": "",
    "date": "2026-06-01T00:00:00Z",
    "to": (),
    "info": (),
    "precedence": "routine",
    "attachments": (),
}
OBLIGATION = make_obligation("monthly", paragraph=4, every="month", from_="2026-05")


def field(name: str, type_: Any, **changes: Any) -> Field:
    default: dict[str, Any] = {"label": name.capitalize()} | changes
    return Field(
        **{one: getattr(FIELD, one) for one in Field.__struct_fields__}
        | default
        | {"name": name, "type": type_}
    )


def circular(
    subject: str = "On meetings", body: str = "3. No.\n\n4. Report it.\nEach month.\n\n5. No."
) -> Circular:
    number = Number("cc", "2026", 4)
    return make_message(
        Circular, number, NOW, to=(), subject=subject, body=body, obligations=(OBLIGATION,), forms=()
    )


def report(values: Mapping[str, Any], *, body: str = "", nil: bool = False) -> Report:
    return Report(
        **MESSAGE,
        number="tula/2026/1",
        from_="tula",
        subject="x",
        body=body,
        answers=Answered(number="cc/2026/4", id="", obligation="monthly", form=""),
        period="2026-05",
        event=None,
        nil=nil,
        values=dict(values),
        revises=None,
        revision_reason=None,
    )


def template(form: Form, **changes: Any) -> str:
    default: dict[str, Any] = {
        "number": "cc/2026/4",
        "circular": circular(),
        "obligation": OBLIGATION,
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
    lines = text.split("\n")
    assert lines[0] == "+++"
    return tomllib.loads("\n".join(lines[1 : lines.index("+++", 1)]) + "\n", parse_float=Decimal)


EACH = Form(
    id="monthly",
    fields=(
        field("meetings", "integer", required=True, minimum="0", target="1"),
        field("share", "decimal", maximum="12.5"),
        field("demands", "table", columns=(field("demand", "text", required=True), field("met", "boolean"))),
        field("day", "date", required=True),
        field("open", "boolean"),
        field("course", "select", choices=("good", "bad")),
    ),
)


class TestTemplate:
    def test_it_reads_as_a_clerk_sees_it(self) -> None:
        assert template(EACH).split("\n") == [
            "+++",
            "# A report: On meetings",
            "# 4. Report it.",
            "# Each month.",
            "",
            'kind = "report"',
            'answers = "cc/2026/4#monthly"',
            'period = "2026-05"',
            "",
            "[values]",
            "",
            "# Meetings (integer; required; at least 0; target 1)",
            'meetings = "[Replace this: integer]"',
            "",
            "# Share (decimal; may be left out; at most 12.5)",
            "# share = ",
            "",
            "# Day (date; required)",
            'day = "[Replace this: date]"',
            "",
            "# Open (boolean; may be left out)",
            "# open = ",
            "",
            "# Course (select; may be left out; one of: good, bad)",
            "# course = ",
            "",
            "# Demands (table; may be left out) Repeat these lines for each row.",
            "#   demand: Demand (text; required)",
            "#   met: Met (boolean; may be left out)",
            "# [[values.demands]]",
            '# demand = "[Replace this: text]"',
            "# # met = ",
            "+++",
            "",
        ]

    def test_a_check_names_the_line_of_each_field_that_is_still_empty(self) -> None:
        text = template(EACH)
        reading = read_draft(text.encode())
        assert isinstance(reading.draft, ReportDraft)
        assert {one.code for one in reading.problems} == {REFUSED}
        _, problems = read_values(EACH, reading.draft.values, reading.draft.lines)
        lines = text.split("\n")
        assert [lines[one.line - 1].split(" ")[0] for one in problems] == ["meetings", "day"]

    def test_a_revision_is_a_draft_once_its_reason_is_given(self) -> None:
        values: dict[str, Any] = {
            "meetings": 2,
            "share": "1.50",
            "demands": ({"demand": 'Fuel, "now"\n+++\nand'}, {"demand": "\u202eСвет", "met": False}),
            "day": "2026-06-12",
        }
        check_values(EACH, values)
        text = template(EACH, previous=report(values, body="# Free text\n\nMore"))
        assert "share = 1.50\n" in text
        assert "day = 2026-06-12\n" in text
        reading = read_draft(text.replace("[Replace this: why the figures change]", "A miscount").encode())
        assert reading.problems == ()
        assert isinstance(reading.draft, ReportDraft)
        assert reading.draft.revision_reason == "A miscount"
        assert reading.draft.body == "# Free text\n\nMore"
        assert read_values(EACH, reading.draft.values, reading.draft.lines) == (values, ())

    @pytest.mark.parametrize(
        ("changes", "due"),
        [
            ({"nil": True}, {"period": "2026-05", "nil": True}),
            ({"nil": True, "period": None}, {"nil": True}),
            ({"nil": True, "previous": report({"meetings": 1})}, {"period": "2026-05", "nil": True}),
            (
                {
                    "nil": True,
                    "period": None,
                    "event": 3,
                    "event_label": 'A\n"\\',
                    "event_date": "2026-06-12",
                },
                {"nil": True, "event": 3, "event_label": 'A\n"\\', "event_date": "2026-06-12"},
            ),
            (
                {"nil": True, "period": None, "event": 3, "event_date": "2026-06-12\nx = 1"},
                {
                    "nil": True,
                    "event": 3,
                    "event_label": "[Replace this: what it is called]",
                    "event_date": "2026-06-12\nx = 1",
                },
            ),
        ],
    )
    def test_what_it_answers(self, changes: dict[str, Any], due: dict[str, Any]) -> None:
        found = front(template(EACH, **changes))
        assert found.pop("kind") == "report"
        assert found.pop("answers") == "cc/2026/4#monthly"
        assert ("revision_reason" in found) is ("previous" in changes)
        found.pop("revision_reason", None)
        assert {name: value if name != "event_date" else str(value) for name, value in found.items()} == due

    def test_a_nil_return_that_is_revised_prefills_nothing(self) -> None:
        found = front(template(EACH, previous=report({}, nil=True)))
        assert found["values"]["meetings"] == "[Replace this: integer]"

    @pytest.mark.parametrize("value", ["x\ny = 1", "2026-02-30", "1.5.5", "\u2028", True, -5])
    @pytest.mark.parametrize("type_", ["integer", "decimal", "text", "date", "boolean", "select"])
    def test_a_value_of_another_type_breaks_out_of_nothing(self, type_: str, value: Any) -> None:
        form = Form(id="monthly", fields=(field("a", type_, choices=("b",) if type_ == "select" else ()),))
        assert front(template(form, previous=report({"a": value})))["values"] == {"a": value}


lines = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=40).filter(
    lambda text: text == text.strip()
)
blocks = st.text(
    st.characters(exclude_categories=("Cs", "Zl", "Zp", "Cc")) | st.sampled_from('\n\t"\\#+='), min_size=1
).filter(lambda text: text == text.strip("\n") and "[Replace this:" not in text)
decimals = st.builds(
    lambda sign, whole, rest: (
        "0" if not (whole or rest.strip("0")) and sign else f"{sign}{whole}{rest and '.'}{rest}"
    ),
    st.sampled_from(("", "-")),
    st.integers(0, 10**18 - 1),
    st.text("0123456789", max_size=18),
)
numbers = st.integers(1 - 2**53, 2**53 - 1)
days = st.dates(min_value=date(1970, 1, 1)).filter(lambda day: day.year < 3000).map(str)


@st.composite
def filled_fields(draw: st.DrawFn, *, tables: bool = True) -> tuple[tuple[Field, ...], dict[str, Any]]:
    """Draw fields and values that fit them."""
    fields = []
    values: dict[str, Any] = {}
    types = ["integer", "decimal", "text", "date", "boolean", "select", *(["table"] if tables else [])]
    for name in draw(
        st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True), unique=True, max_size=6)
    ):
        type_ = draw(st.sampled_from(types))
        required, is_filled = draw(st.booleans()), draw(st.booleans())
        choices = tuple(draw(st.lists(lines, min_size=1, max_size=3))) if type_ == "select" else ()
        columns: tuple[Field, ...] = ()
        value: Any
        if type_ == "table":
            columns, row = draw(filled_fields(tables=False))
            value = (row,) * draw(st.integers(1, 3)) if row else None
            required = required and bool(row)
        else:
            among = {"integer": numbers, "decimal": decimals, "text": blocks, "date": days}
            value = draw(among[type_] if type_ in among else st.sampled_from(choices or (True, False)))
        if (required or is_filled) and value is not None:
            values[name] = value
        label = draw(lines)
        fields.append(field(name, type_, required=required, label=label, choices=choices, columns=columns))
    return tuple(fields), values


class TestProperties:
    @given(filled_fields(), st.text())
    def test_what_is_filled_in_reads_back(
        self, drawn: tuple[tuple[Field, ...], dict[str, Any]], body: str
    ) -> None:
        form, values = Form(id="monthly", fields=drawn[0]), drawn[1]
        check_values(form, values)
        found = front(template(form, previous=report(values, body=body)))
        read, problems = read_values(form, found["values"], {})
        assert problems == ()
        assert read == values
        assert list(read) == list(values)
        assert [type(value) for value in read.values()] == [type(value) for value in values.values()]

    @given(st.data())
    def test_no_text_breaks_out(self, data: st.DataObject) -> None:
        hostile = st.text(st.characters(codec="utf-8") | st.sampled_from('\n\r"\\#+\u202e\u2028\x85'))

        def text() -> str:
            return data.draw(hostile)

        column = field("c", "select", label=text(), choices=(text(),))
        form = Form(
            id="monthly",
            fields=(
                field("a", "text", label=text(), required=True),
                field("b", "select", label=text(), choices=(text(), text())),
                field("t", "table", label=text(), columns=(column,)),
            ),
        )
        cell = text()
        found = front(
            template(
                form,
                circular=circular(text(), f"4. {text()}"),
                previous=report({"a": text()}, body=text()),
                period=None,
                event=1,
                event_label=text(),
                event_date=text(),
                tables={"t": [{"c": cell}]},
            )
        )
        assert list(found) == [
            *("kind", "answers", "event", "event_label", "event_date", "revision_reason", "values")
        ]
        assert set(found["values"]) == {"a", "t"}
        assert found["values"]["t"] == [{"c": cell}]

    @given(
        filled_fields(tables=False).filter(lambda drawn: bool(drawn[1])),
        st.sampled_from(",;\t"),
        st.sampled_from(("\n", "\r\n")),
        st.booleans(),
        st.booleans(),
    )
    def test_a_table_reads_back(
        self,
        drawn: tuple[tuple[Field, ...], dict[str, Any]],
        delimiter: str,
        end: str,
        bom: bool,  # noqa: FBT001
        comma: bool,  # noqa: FBT001
    ) -> None:
        row = {
            name: value.strip() if isinstance(value, str) else value
            for name, value in drawn[1].items()
            if value not in ("\t", " ")
        }
        columns = [one for one in drawn[0] if row.get(one.name, "") != "" or not one.required]
        row = {one.name: row[one.name] for one in columns if row.get(one.name, "") != ""}
        if not row:
            return
        file = io.StringIO()
        writer = csv.writer(file, delimiter=delimiter, lineterminator=end)
        writer.writerow([*(one.name for one in columns), *[""] * 7])  # the header has most of its delimiter
        for _ in range(2):
            cells = []
            for one in columns:
                text = (
                    str(row.get(one.name, ""))
                    if one.type != "boolean"
                    else str(row.get(one.name, "")).lower()
                )
                is_swapped = one.type == "decimal" and comma and delimiter != ","
                cells.append(text.replace(".", ",") if is_swapped else text)
            writer.writerow(cells)
        data = file.getvalue().encode("utf-8-sig" if bom else "utf-8")
        assert read_table(field("t", "table", columns=tuple(columns)), data) == (row, row)


TABLE = field(
    "demands",
    "table",
    columns=(
        field("demand", "text", required=True, label="Требование й, всё"),
        field("count", "integer", minimum="0", label="数"),
        field("share", "decimal", label="demand"),  # a name goes before another's label
    ),
)


class TestTables:
    @pytest.mark.parametrize(
        "text",
        [
            "demand,count,share\nx,1234,1.5\n",
            "demand;count;share\nx;1 234;1,5\n",
            "demand;count;share\r\nx;1\u00a0234;1.5\r\n\r\n",
            "\r\ndemand\tcount\tshare\t\t\rx\t1\u202f234\t1,5\t\t\r",
            '"Требование и\u0306, всё";数;share\n"x";"1234";"1,5"',
            "SHARE,数,Demand\n1.5,1234, x ",
        ],
    )
    def test_each_way_to_write_it(self, text: str) -> None:
        [row] = read_table(TABLE, text.encode())
        assert row == {"demand": "x", "count": 1234, "share": "1.5"}
        assert list(row) == ["demand", "count", "share"]

    @pytest.mark.parametrize(
        ("cell", "value"), [("TRUE", True), ("ЛОЖЬ", False), ("истина", True), ("Нет", False)]
    )
    def test_truth_as_spreadsheets_write_it(self, cell: str, *, value: bool) -> None:
        table = field("t", "table", columns=(field("met", "boolean"),))
        assert read_table(table, f"met\n{cell}\n".encode()) == ({"met": value},)

    def test_a_cell_of_several_lines(self) -> None:
        assert read_table(TABLE, b'demand,count\r\n"a\r\nb",1\r\n') == ({"demand": "a\nb", "count": 1},)

    def test_a_header_alone_is_no_rows(self) -> None:
        assert read_table(TABLE, b"demand\n") == ()

    @pytest.mark.parametrize(
        ("data", "kind", "said"),
        [
            (b"", MalformedError, "empty"),
            (b"\n\r\n;;\n", MalformedError, "empty"),
            (b"demand\nx\n\xd0", MalformedError, "line 3: the table is not UTF-8"),
            (b"demand\r\nx\r\n\xff", MalformedError, "line 3: the table is not UTF-8"),
            ("demand\n".encode("utf-16"), MalformedError, "line 1: the table is not UTF-8"),
            (b"\n\ndemand,other\n", MalformedError, "line 3: Demands has no column 'other'"),
            (b"demand,Demand\n", MalformedError, "line 1: a column stands twice"),
            (b"count\n1\n", RefusedError, "line 1: the column demand is missing"),
            (b"demand,count\n,1\n", RefusedError, "line 2: .* is missing"),
            (b"count,demand\n1\n", RefusedError, "line 2: .* is missing"),
            (b"demand\nx,y\n", MalformedError, "line 2: more cells than columns"),
            (b'demand,count\n"a\nb",1\n\nc,d\n', RefusedError, "line 5: 数 should be a whole number"),
            (b'demand\nx\n"y\nz\n', MalformedError, "line 3: not CSV"),
            (b'demand\nx\n"y" z\n', MalformedError, "line 3: not CSV"),
            (b"demand,count\nx,-1\n", RefusedError, "line 2: 数 is below 0"),
            (b"demand;count\nx;1 2\n", RefusedError, "line 2: 数 should be a whole number"),
            (b"demand;count\nx;1,5\n", RefusedError, "line 2: 数 should be a whole number"),
            (b"demand,count\nx,99999999999999999\n", RefusedError, "line 2: 数 should be a whole number"),
            (b'demand,share\nx,"1,5"\n', RefusedError, "line 2: demand should be a number"),
            (b"demand\nx\x07\n", RefusedError, "line 2: .*control character"),
            (
                b"demand\n" + b"x\n" * (MAX_ROWS + 1),
                RefusedError,
                f"line {MAX_ROWS + 2}: more than {MAX_ROWS}",
            ),
            (b"demand\n" + b"x" * 200_000, MalformedError, "line 2: not CSV"),
        ],
    )
    def test_what_is_wrong_is_said_with_its_line(self, data: bytes, kind: type[Exception], said: str) -> None:
        with pytest.raises(kind, match=said):
            read_table(TABLE, data)

    def test_as_many_rows_as_there_may_be(self) -> None:
        assert len(read_table(TABLE, b"demand\n" + b"x\n\n" * MAX_ROWS)) == MAX_ROWS

    def test_each_table_of_a_form_is_filled_by_its_name(self) -> None:
        first, second = (field(name, "table", columns=(field(name[0], "text"),)) for name in ("ask", "did"))
        form = Form(id="form", fields=(field("text", "text"), first, second))
        files = {"did": b"d\nx\n", "ask": b"a\ny\n"}
        assert read_tables(form, files) == {"did": ({"d": "x"},), "ask": ({"a": "y"},)}
        for name in ("text", "none"):
            with pytest.raises(RefusedError, match=f"no table '{name}'") as refused:
                read_tables(form, {name: b"a\ny\n"})
            assert refused.value.hint == "it has: ask, did"
