"""Each rule of relations, promises, obligations and forms in drafts, with its line and its code."""

from __future__ import annotations

import re

import pytest

from dispatch.drafts import EXAMPLES, Draft, Problem, parse_draft, read_draft, template
from dispatch.errors import MALFORMED, REFUSED
from dispatch.formats.message import PromiseMade, Relation
from dispatch.formats.obligation import Field, Obligation, check_demands

HEAD = '+++\nkind = "circular"\nsubject = "S"\nto = ["@provinces", "cc"]\n'
BODY = "+++\n1. One.\n\n2. Two.\n4. Four: 5. is none.\n6.7 is none, nor is\n 8. this.\n"
COLUMN = ["[[form.field.column]]", 'name = "c"', 'type = "text"']
TYPES = ("integer", "decimal", "text", "date", "boolean", "select", "table")

MONTHLY = '[[obligation]]\nid = "m"\nevery = "month"\nfrom = "2026-05"\ndue = "P5D"\n'
FORM = '[[form]]\nid = "m"\n'


def circular(fields: str) -> bytes:
    """Write a circular whose `fields` begin on line 5."""
    return (HEAD + fields.strip("\n") + "\n" + BODY).encode()


def letter(fields: str) -> bytes:
    return circular(fields).replace(b'"circular"', b'"letter"')


def duty(*lines: str) -> bytes:
    """Write one obligation on line 5, its id on line 6, and `lines` from 7, with a form behind it."""
    return circular("\n".join(["[[obligation]]", 'id = "m"', *lines, FORM]))


def form(*lines: str) -> bytes:
    """Write a form on line 10 whose first field stands on line 12, its `lines` from 13."""
    return circular("\n".join([MONTHLY.strip(), FORM.strip(), "[[form.field]]", *lines]))


def number(*lines: str, type_: str = "integer") -> bytes:
    """Write a form's field with name on 13, type on 14 and `lines` from 15."""
    return form('name = "n"', f'type = "{type_}"', *lines)


def only(data: bytes) -> Problem:
    problems = read_draft(data).problems
    assert len(problems) == 1, problems
    return problems[0]


def expect(data: bytes, line: int, text: str, code: int = MALFORMED, hint: str = "") -> None:
    problem = only(data)
    assert (problem.line, problem.code) == (line, code), problem
    assert text in problem.text
    assert hint in problem.hint
    assert (read_draft(data).draft is None) == (code == MALFORMED)


def read(data: bytes) -> Draft:
    draft = parse_draft(data)
    assert isinstance(draft, Draft)
    check_demands(draft.obligations, draft.forms)
    return draft


def field(data: bytes) -> Field:
    """Give the one field of the one form."""
    [found] = read(data).forms
    [one] = found.fields
    return one


class TestWhatIsRead:
    def test_a_circular_of_everything(self) -> None:
        draft = read(
            circular("""
[[relation]]
type = "amplifies"
number = "cc/2026/3"
paragraph = 2
[[promise]]
text = " A fuller instruction "
[[obligation]]
id = "monthly"
paragraph = 4
form = "f"
every = "month"
from = "2026-05"
until = "2026-05"
due = "P5D"
nil = true
by = ["@provinces", "tula", "@provinces"]
[[obligation]]
id = "before"
before = "Конференция"
due = "PT12H"
form = "f"
undertaking = true
[[form]]
id = "f"
[[form.field]]
name = "demands"
label = "Требования"
type = "table"
required = true
[[form.field.column]]
name = "kind"
type = "select"
choices = ["a", "b"]
[[form.field.column]]
name = "share"
type = "decimal"
minimum = 0
maximum = "1.50"
target = 0.75
""")
        )
        assert draft.relations == (Relation(type="amplifies", number="cc/2026/3", id=None, paragraph=2),)
        assert draft.promises == (PromiseMade(text="A fuller instruction"),)
        monthly = Obligation(
            id="monthly",
            paragraph=4,
            form="f",
            every="month",
            before=None,
            after=None,
            once=None,
            from_="2026-05",
            until="2026-05",
            due="P5D",
            nil=True,
            undertaking=False,
            by=("@provinces", "tula"),
        )
        before = Obligation(
            id="before",
            paragraph=None,
            form="f",
            every=None,
            before="Конференция",
            after=None,
            once=None,
            from_=None,
            until=None,
            due="PT12H",
            nil=False,
            undertaking=True,
            by=("@provinces", "cc"),
        )
        assert draft.obligations == (monthly, before)
        kind = Field(
            name="kind",
            label="kind",
            type="select",
            required=False,
            minimum=None,
            maximum=None,
            target=None,
            choices=("a", "b"),
            columns=(),
        )
        share = Field(
            name="share",
            label="share",
            type="decimal",
            required=False,
            minimum="0",
            maximum="1.5",
            target="0.75",
            choices=(),
            columns=(),
        )
        [only_form] = draft.forms
        assert only_form.fields[0].columns == (kind, share)
        assert (only_form.fields[0].label, only_form.fields[0].required) == ("Требования", True)

    def test_a_draft_without_them(self) -> None:
        draft = read(circular(""))
        assert (draft.relations, draft.promises, draft.obligations, draft.forms) == ((), (), (), ())

    def test_a_letter_refers(self) -> None:
        draft = read(letter('[[relation]]\ntype = "refers"\nnumber = "cc/2026b/3"'))
        assert draft.relations == (Relation(type="refers", number="cc/2026b/3", id=None, paragraph=None),)

    def test_tables_in_one_line_are_the_same(self) -> None:
        inline = (
            'obligation = [{id = "m", every = "month", from = "2026-05", due = "P5D"}]\nform = [{id = "m"}]'
        )
        assert read(circular(inline)) == read(circular(MONTHLY + FORM))

    def test_the_form_has_the_id_of_the_obligation(self) -> None:
        assert read(circular(MONTHLY + FORM)).obligations[0].form == "m"

    @pytest.mark.parametrize(
        ("lines", "every", "first", "last"),
        [
            (('every = "week"', 'from = "2026-W53"', 'until = "2027-W01"'), "week", "2026-W53", "2027-W01"),
            (('every = "quarter"', 'from = "2026-Q4"'), "quarter", "2026-Q4", None),
            (('every = "year"', "from = 2026", "until = 2027"), "year", "2026", "2027"),
            (('every = "year"', 'from = "2026"'), "year", "2026", None),
        ],
    )
    def test_periods(self, lines: tuple[str, ...], every: str, first: str, last: str | None) -> None:
        [obligation] = read(duty('due = "P0D"', *lines)).obligations
        assert (obligation.every, obligation.from_, obligation.until) == (every, first, last)

    @pytest.mark.parametrize("day", ["2026-12-31", '"2026-12-31"'])
    def test_once(self, day: str) -> None:
        [obligation] = read(duty(f"once = {day}", 'due = "P5D"', "nil = true")).obligations
        assert (obligation.once, obligation.nil) == ("2026-12-31", True)

    @pytest.mark.parametrize(
        ("written", "sent"),
        [
            ("0", "0"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("0e99999", "0"),
            ("1_000", "1000"),
            ("0x10", "16"),
            ("0.1", "0.1"),
            ("1.50", "1.5"),
            ("10.0", "10"),
            ("-2.50", "-2.5"),
            ("1e3", "1000"),
            ("1.5E-3", "0.0015"),
            ("999999999999999999.999999999999999999", "999999999999999999.999999999999999999"),
            ("1e-18", "0.000000000000000001"),
            ('"100"', "100"),
            ('" 1.10 "', "1.1"),
            ("0.10000000000000000000000", "0.1"),
        ],
    )
    def test_numbers_stay_as_they_are_written(self, written: str, sent: str) -> None:
        assert field(number(f"target = {written}", type_="decimal")).target == sent

    def test_every_type_of_field(self) -> None:
        more = {
            "select": ['choices = ["a"]'],
            "table": ["[[form.field.column]]", 'name = "c"', 'type = "text"'],
        }
        assert [field(number(*more.get(one, ()), type_=one)).type for one in TYPES] == list(TYPES)

    def test_64_obligations_and_forms(self) -> None:
        assert len(read(circular(many(64))).obligations) == 64

    def test_problems_find_their_lines_in_the_draft(self) -> None:
        lines = read(number('label = "x"')).lines
        assert (lines["obligation[0].due"], lines["form[0].field[0].label"]) == (9, 15)


def many(count: int) -> str:
    one = '[[obligation]]\nid = "o{0}"\nbefore = "x"\ndue = "P1D"\n[[form]]\nid = "o{0}"\n'
    return "".join(one.format(position) for position in range(count))


class TestRelations:
    @pytest.mark.parametrize(
        ("fields", "line", "text"),
        [
            ('number = "cc/2026/3"', 5, "no type in the relation"),
            ('type = "refers"', 5, "no number in the relation"),
            ('type = "amend"\nnumber = "cc/2026/3"', 6, "type cannot be 'amend': did you mean 'amends'?"),
            ('type = 1\nnumber = "cc/2026/3"', 6, "type should be text in quotes"),
            ('type = "refers"\nnumber = "cc/3"', 7, "number: a number reads HANDLE/VOLUME/ORDINAL"),
            ('type = "refers"\nnumber = "cc/2026/03"', 7, "number: "),
            ('type = "refers"\nnumber = 3', 7, "number should be text in quotes"),
            ('type = "refers"\nnumber = "cc/2026/3"\nparagraph = 0', 8, "a whole number from 1"),
            ('type = "refers"\nnumber = "cc/2026/3"\nparagraph = "2"', 8, "a whole number from 1"),
            ('type = "refers"\nnumber = "cc/2026/3"\nparagraph = true', 8, "a whole number from 1"),
            ('type = "refers"\nnumber = "cc/2026/3"\nparagraph = 9007199254740992', 8, "a whole number"),
            (
                'type = "refers"\nnumber = "cc/2026/3"\nparagaph = 1',
                8,
                "unknown field 'paragaph' in the relation: did you mean 'paragraph'?",
            ),
        ],
    )
    def test_a_wrong_one(self, fields: str, line: int, text: str) -> None:
        expect(circular(f"[[relation]]\n{fields}"), line, text)
        expect(letter(f"[[relation]]\n{fields}"), line, text)

    @pytest.mark.parametrize("type_", ["amends", "supersedes", "cancels", "amplifies"])
    def test_only_a_circular_changes_another(self, type_: str) -> None:
        fields = f'[[relation]]\nnumber = "cc/2026/3"\ntype = "{type_}"'
        assert read(circular(fields)).relations[0].type == type_
        expect(letter(fields), 7, "only a circular amends, supersedes, cancels or amplifies")

    def test_the_same_one_twice(self) -> None:
        one = '[[relation]]\ntype = "refers"\nnumber = "cc/2026/3"\n'
        expect(circular(one + one), 8, "this relation stands twice")
        expect(circular(f"{one}paragraph = 1\n{one}paragraph = 1"), 9, "this relation stands twice")
        assert len(read(circular(f"{one}{one}paragraph = 1\n{one}paragraph = 2")).relations) == 3


class TestPromises:
    @pytest.mark.parametrize(
        ("fields", "line", "text"),
        [
            ("", 5, "no text in the promise"),
            ('text = ""', 6, "text: a line of text of 0 characters"),
            ('text = "a\\nb"', 6, "text: a line of text with the control character"),
            ("text = 1", 6, "text should be text in quotes"),
            ('text = "x"\ntxt = "y"', 7, "unknown field 'txt' in the promise: did you mean 'text'?"),
        ],
    )
    def test_a_wrong_one(self, fields: str, line: int, text: str) -> None:
        expect(circular(f"[[promise]]\n{fields}"), line, text)


class TestTables:
    @pytest.mark.parametrize("name", ["promise", "obligation", "form"])
    def test_a_letter_has_none(self, name: str) -> None:
        expect(letter(f"[[{name}]]"), 5, f"a letter has no '{name}'")

    @pytest.mark.parametrize("name", ["relation", "promise", "obligation", "form"])
    @pytest.mark.parametrize("value", ["{0} = 1", '{0} = "x"', "{0} = [1]", "[{0}]", "{0} = [{{}}, 1]"])
    def test_what_is_no_table(self, name: str, value: str) -> None:
        line = value.format(name)
        expect(circular(line), 5, f"{name} should be a table under a line [[{name}]]")

    def test_what_is_no_table_of_a_form(self) -> None:
        expect(circular(MONTHLY + FORM + "[form.field]"), 12, "a table under a line [[form.field]]")
        expect(number("column = 1", type_="table"), 15, "a table under a line [[form.field.column]]")

    def test_too_many(self) -> None:
        problems = read_draft(circular(many(65))).problems
        assert [(problem.line, problem.text) for problem in problems] == [
            (5 + 64 * 6, "more than 64 of [[obligation]]"),
            (9 + 64 * 6, "more than 64 of [[form]]"),
        ]

    def test_all_problems_are_found_in_one_run(self) -> None:
        data = circular(
            MONTHLY.replace("P5D", "5") + '[[obligation]]\nid = "b"\nform = "m"\n' + FORM + "[[form.field]]\n"
        )
        assert [problem.line for problem in read_draft(data).problems] == [9, 10, 10, 15, 15]


class TestObligations:
    @pytest.mark.parametrize(
        ("lines", "line", "text"),
        [
            (['due = "P5D"'], 5, "exactly one of every, before, after and once"),
            (['due = "P5D"', 'before = "x"', 'after = "x"'], 9, "exactly one of every, before"),
            (['due = "P5D"', 'after = "x"', 'before = "x"'], 9, "exactly one of every, before"),
            (['due = "P5D"', "once = 2026-12-31", 'every = "year"', "from = 2026"], 9, "exactly one of"),
            (['before = "x"'], 5, "no due in the obligation"),
            (['before = "x"', 'due = "5 days"'], 8, "due: a duration reads P7D"),
            (['before = "x"', "due = 5"], 8, "due should be text in quotes"),
            (['before = "x"', "due = 2026-12-31"], 8, "due should be text in quotes"),
            (["before = true", 'due = "P5D"'], 7, "before should be text in quotes"),
            (['before = ""', 'due = "P5D"'], 7, "before: a line of text"),
            (['after = "a\\nb"', 'due = "P5D"'], 7, "after: a line of text"),
            (['every = "month"', 'due = "P5D"'], 5, "no from in the obligation"),
            (['every = "mont"', 'from = "2026-05"', 'due = "P5D"'], 7, "did you mean 'month'?"),
            (['every = "month"', 'from = "2026-W05"', 'due = "P5D"'], 8, "from: not a month"),
            (['every = "month"', 'from = "2026-13"', 'due = "P5D"'], 8, "from: not a period"),
            (['every = "week"', 'from = "2025-W53"', 'due = "P5D"'], 8, "from: the year 2025 has no week 53"),
            (['every = "year"', "from = 1969", 'due = "P5D"'], 8, "from: a period lies in the years"),
            (['every = "year"', "from = true", 'due = "P5D"'], 8, "from should be a period in quotes"),
            (['every = "month"', "from = 2026", 'due = "P5D"'], 8, "from should be a period in quotes"),
            (['every = "month"', "from = 2026-05-01", 'due = "P5D"'], 8, "from should be a period in quotes"),
            (
                ['every = "month"', 'from = "2026-05"', 'until = "2026"', 'due = "P5D"'],
                9,
                "until: not a month",
            ),
            (
                ['every = "month"', 'from = "2026-05"', 'until = "2026-04"', 'due = "P5D"'],
                9,
                "until, 2026-04, is before from, 2026-05",
            ),
            (['before = "x"', 'from = "2026-05"', 'due = "P5D"'], 8, "from goes with every, not with before"),
            (
                ["once = 2026-12-31", 'until = "2026"', 'due = "P5D"'],
                8,
                "until goes with every, not with once",
            ),
            (['once = "31.12.2026"', 'due = "P5D"'], 7, "once: a date reads YYYY-MM-DD"),
            (['once = "2026-02-29"', 'due = "P5D"'], 7, "once: a date reads YYYY-MM-DD"),
            (["once = 1969-12-31", 'due = "P5D"'], 7, "once: a day lies in the years"),
            (["once = 2026-12-31T00:00:00Z", 'due = "P5D"'], 7, "once should be a date"),
            (["once = 2026", 'due = "P5D"'], 7, "once should be a date"),
            (['before = "x"', 'due = "P5D"', 'nil = "yes"'], 9, "nil should be true or false"),
            (['before = "x"', 'due = "P5D"', "undertaking = 1"], 9, "undertaking should be true or false"),
            (['before = "x"', 'due = "P5D"', 'paragraph = "4"'], 9, "paragraph should be a whole number"),
            (['before = "x"', 'due = "P5D"', "paragraph = 4.0"], 9, "paragraph should be a whole number"),
            (['before = "x"', 'due = "P5D"', "paragraph = 0"], 9, "paragraph should be a whole number"),
            (['before = "x"', 'due = "P5D"', "by = []"], 9, "by names nobody"),
            (['before = "x"', 'due = "P5D"', 'by = "tula"'], 9, "by should be a list of handles"),
            (['before = "x"', 'due = "P5D"', "by = [", '  "tula",', '  "Oryol"]'], 11, "by: not a handle"),
            (['before = "x"', 'due = "P5D"', 'form = "M"'], 9, "form: not a handle"),
            (['before = "x"', 'due = "P5D"', "form = 1"], 9, "form should be text in quotes"),
            (
                ['before = "x"', 'due = "P5D"', 'form = "mm"'],
                9,
                "no form 'mm': did you mean 'm'?",
            ),
            (
                ['before = "x"', 'due = "P5D"', 'duee = "P5D"'],
                9,
                "unknown field 'duee' in the obligation: did you mean 'due'?",
            ),
        ],
    )
    def test_a_malformed_one(self, lines: list[str], line: int, text: str) -> None:
        expect(duty(*lines), line, text)

    @pytest.mark.parametrize(
        ("lines", "line", "text"),
        [
            (['before = "x"', "nil = true"], 9, "an event has no nil return"),
            (['after = "x"', "nil = true"], 9, "an event has no nil return"),
            (
                ['after = "x"', "undertaking = true"],
                9,
                "only a report before an event carries an undertaking",
            ),
            (["once = 2026-12-31", "undertaking = true"], 9, "only a report before an event"),
            (['before = "x"', "paragraph = 3"], 9, "the text has no paragraph 3"),
            (['before = "x"', "paragraph = 5"], 9, "the text has no paragraph 5"),
            (['before = "x"', "paragraph = 6"], 9, "the text has no paragraph 6"),
            (['before = "x"', "paragraph = 8"], 9, "the text has no paragraph 8"),
            (['before = "x"', "paragraph = 9007199254740991"], 9, "the text has no paragraph"),
        ],
    )
    def test_a_refused_one(self, lines: list[str], line: int, text: str) -> None:
        expect(duty('due = "P5D"', *lines), line, text, REFUSED)

    @pytest.mark.parametrize("paragraph", [1, 2, 4])
    def test_a_paragraph_of_the_text(self, paragraph: int) -> None:
        [obligation] = read(duty('due = "P5D"', 'before = "x"', f"paragraph = {paragraph}")).obligations
        assert obligation.paragraph == paragraph

    def test_ids(self) -> None:
        expect(circular(MONTHLY + FORM + MONTHLY), 13, "the id 'm' stands twice")
        expect(circular(MONTHLY + FORM + FORM), 13, "the id 'm' stands twice")
        expect(circular(MONTHLY.replace('"m"', '"M"') + 'form = "m"\n' + FORM), 6, "id: not a handle")
        expect(circular(MONTHLY.replace('id = "m"', 'form = "m"') + FORM), 5, "no id in the obligation")

    def test_the_line_of_the_second(self) -> None:
        second = MONTHLY.replace('"m"', '"n"').replace("P5D", "P5W") + 'form = "m"'
        expect(circular(MONTHLY + FORM + second), 16, "due: a duration reads")

    def test_of_a_table_in_one_line(self) -> None:
        inline = '{id = "m", before = "x", due = "P5D", form = "m"}'
        expect(
            circular(
                f"obligation = [\n{inline},\n{inline.replace('P5D', '5').replace('m', 'n', 1)}\n]\n{FORM}"
            ),
            7,
            "due: a duration",
        )


class TestForms:
    def test_one_that_nobody_uses(self) -> None:
        expect(
            circular(MONTHLY + FORM + '[[form]]\nid = "n"'), 13, "no obligation uses the form 'n'", REFUSED
        )

    def test_one_that_is_misspelt_is_one_problem(self) -> None:
        expect(circular(MONTHLY + '[[form]]\nid = "mm"'), 5, "no form 'm': did you mean 'mm'?")

    def test_without_id(self) -> None:
        expect(circular(MONTHLY + FORM + "[[form]]"), 12, "no id in the form")

    @pytest.mark.parametrize(
        ("lines", "line", "text"),
        [
            (['type = "text"'], 12, "no name in the form's field"),
            (['name = "n"'], 12, "no type in the form's field"),
            (['name = "N"', 'type = "text"'], 13, "name: a field's name is lower-case letters"),
            (['name = "1"', 'type = "text"'], 13, "name: a field's name is lower-case letters"),
            ([f'name = "{"n" * 64}"', 'type = "text"'], 13, "name: a field's name is lower-case letters"),
            (['name = "n"', 'type = "string"'], 14, "type cannot be 'string'"),
            (['name = "n"', 'type = "interger"'], 14, "did you mean 'integer'?"),
            (['name = "n"', 'type = "text"', "label = 1"], 15, "label should be text in quotes"),
            (['name = "n"', 'type = "text"', 'label = ""'], 15, "label: a line of text"),
            (['name = "n"', 'type = "text"', 'required = "yes"'], 15, "required should be true or false"),
            (['name = "n"', 'type = "text"', "minimum = 1"], 15, "only numbers have a minimum"),
            (['name = "n"', 'type = "date"', "maximum = 1"], 15, "only numbers have a maximum"),
            (['name = "n"', 'type = "table"', "target = 1", *COLUMN], 15, "only numbers have a target"),
            (['name = "n"', 'type = "text"', "minium = 1"], 15, "did you mean 'minimum'?"),
            (
                ['name = "n"', 'type = "text"', "[[form.field]]", 'name = "n"', 'type = "date"'],
                16,
                "stands twice",
            ),
            (['name = "n"', 'type = "text"', 'choices = ["a"]'], 15, "only a select has choices"),
            (['name = "n"', 'type = "select"'], 14, "a select has no choices"),
            (['name = "n"', 'type = "select"', "choices = []"], 15, "a select has no choices"),
            (['name = "n"', 'type = "select"', 'choices = "a"'], 15, "choices should be a list of texts"),
            (['name = "n"', 'type = "select"', "choices = [1, 2]"], 15, "choices should be a list of texts"),
            (['name = "n"', 'type = "select"', "choices = [", '"a",', '"b", "a"]'], 17, "'a' stands twice"),
            (['name = "n"', 'type = "select"', "choices = [", '"a",', '""]'], 17, "choices: a line of text"),
            (['name = "n"', 'type = "table"'], 14, "a table has no columns"),
            (['name = "n"', 'type = "table"', "column = []"], 15, "a table has no columns"),
            (['name = "n"', 'type = "text"', *COLUMN], 15, "only a table has columns"),
        ],
    )
    def test_a_malformed_field(self, lines: list[str], line: int, text: str) -> None:
        expect(form(*lines), line, text)

    @pytest.mark.parametrize(
        "value",
        [
            '"ten"',
            '"1e3"',
            '"-0"',
            '"1,5"',
            "true",
            "nan",
            "inf",
            "1e18",
            "1e-19",
            "[1]",
            "2026-12-31",
            '"١"',
        ],
    )
    @pytest.mark.parametrize("bound", ["minimum", "maximum", "target"])
    def test_no_number(self, bound: str, value: str) -> None:
        expect(number(f"{bound} = {value}"), 15, f"{bound} should be a number")

    def test_a_number_beyond_any(self) -> None:
        for value in ("1e999999999999999999999", "1" * 5000):
            expect(number(f"minimum = {value}"), 2, "too long a number")

    def test_minimum_and_maximum(self) -> None:
        assert field(number("minimum = 2", "maximum = 2.0", "target = 9")).maximum == "2"
        expect(number("maximum = 9.5", "minimum = 10"), 15, "maximum, 9.5, is less than minimum, 10")
        expect(number('minimum = "0.1"', "maximum = -0.1"), 16, "maximum, -0.1, is less than minimum, 0.1")

    @pytest.mark.parametrize(
        ("lines", "line", "text"),
        [
            (['name = "C"', 'type = "text"'], 16, "name: a field's name"),
            (['type = "text"'], 15, "no name in the column"),
            (['name = "c"', 'type = "txt"'], 17, "did you mean 'text'?"),
            (['name = "c"', 'type = "table"'], 17, "a table in a table"),
            (['name = "c"', 'type = "text"', "[[form.field.column.column]]"], 18, "a table in a table"),
            (["name = 'c'", "type = 'table'", "[[form.field.column.column]]"], 17, "a table in a table"),
            (['name = "c"', 'type = "text"', 'lable = "x"'], 18, "did you mean 'label'?"),
            (['name = "c"', 'type = "select"'], 17, "a select has no choices"),
            (
                ['name = "c"', 'type = "text"', "[[form.field.column]]", 'name = "c"', 'type = "text"'],
                19,
                "the name 'c' stands twice",
            ),
            (
                ['name = "c"', 'type = "text"', "[[form.field.column]]", 'name = "D"', 'type = "text"'],
                19,
                "name: a field's name",
            ),
        ],
    )
    def test_a_malformed_column(self, lines: list[str], line: int, text: str) -> None:
        expect(number("[[form.field.column]]", *lines, type_="table"), line, text)

    def test_a_column_of_a_later_field(self) -> None:
        table = ['type = "table"', *COLUMN]
        lines = ['name = "a"', *table, "[[form.field]]", 'name = "b"', *table]
        expect(
            form(*lines, "[[form.field.column]]", 'name = "D"', 'type = "text"'), 25, "name: a field's name"
        )


class TestOneProblemForOneMistake:
    def test_forms_that_are_none(self) -> None:
        expect(circular("form = 1"), 5, "form should be a table under a line [[form]]")

    def test_two_relations_of_one_wrong_type(self) -> None:
        one = '[[relation]]\ntype = "x"\nnumber = "cc/2026/3"\n'
        assert [problem.line for problem in read_draft(circular(one + one)).problems] == [6, 9]


class TestMarks:
    def test_in_a_label(self) -> None:
        expect(number('label = "{++x++}"'), 15, "an undecided change", REFUSED)

    def test_a_placeholder_among_those_who_owe(self) -> None:
        data = duty('due = "P5D"', 'before = "x"', 'by = ["replace-this"]')
        expect(data, 9, "the template's placeholder", REFUSED)


class TestExamples:
    @pytest.mark.parametrize("example", EXAMPLES["circular"])
    def test_goes_out_once_filled_in(self, example: str) -> None:
        text = re.sub(r"\[Replace this: (?:[^]]*as in )?([^]]+)\]", r"\1", template("circular", example))
        draft = read(text.replace("replace-this", "tula").encode())
        assert draft.obligations
        assert all(one.fields for one in draft.forms)
