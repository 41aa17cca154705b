"""Drafts: what clerks write, what stops it, and on which line."""

from __future__ import annotations

import json
import tomllib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.drafts import MAX_DRAFT, Draft, Problem, ReportDraft, parse_draft, read_draft, template
from dispatch.drafts.tomlindex import TomlIndex
from dispatch.errors import MALFORMED, REFUSED, DraftError, NotReadyError, RefusedError, exit_code
from dispatch.formats.message import Letter, encode_message, parse_message
from keys.codec import encode_base64

CIRCULAR = """\
+++
kind = "circular"
subject = "Отношение к беспартийным / On the non-party workers"
to = ["@provinces", "tula"]   # handles, or groups
info = ["control"]
precedence = "priority"
reply = "undertaking"
reply_within = "P7D"
zone = "Europe/Moscow"
+++

1. Губкомпарты должны отвечать перед партией.

2. The second.
"""
LETTER = '+++\nkind = "letter"\nsubject = "Fuel"\nto = ["cc"]\n+++\nWe need fuel.\n'


def letter(*fields: str, body: str = "We need fuel.", without: str = "") -> bytes:
    """Write a letter whose lines 2, 3 and 4 are kind, subject and to; `fields` begin on line 5."""
    lines = [line for line in LETTER.split("\n")[1:4] if not without or not line.startswith(without)]
    return "\n".join(["+++", *lines, *fields, "+++", body, ""]).encode()


def circular(*fields: str) -> bytes:
    return letter(*fields).replace(b'"letter"', b'"circular"')


def parse(data: bytes) -> Draft:
    draft = parse_draft(data)
    assert isinstance(draft, Draft)
    return draft


def found(data: bytes) -> list[tuple[int, int, str]]:
    """Give code, line and text of every problem."""
    return [(problem.code, problem.line, problem.text) for problem in read_draft(data).problems]


def only(data: bytes) -> Problem:
    problems = read_draft(data).problems
    assert len(problems) == 1, problems
    return problems[0]


class TestWhatIsRead:
    def test_every_field_of_a_circular(self) -> None:
        draft = parse(CIRCULAR.encode())
        assert draft == Draft(
            kind="circular",
            subject="Отношение к беспартийным / On the non-party workers",
            to=("@provinces", "tula"),
            info=("control",),
            precedence="priority",
            body="1. Губкомпарты должны отвечать перед партией.\n\n2. The second.",
            zone="Europe/Moscow",
            reply="undertaking",
            reply_within="P7D",
            lines={},
        )

    def test_defaults(self) -> None:
        draft = parse(LETTER.encode())
        assert (draft.info, draft.precedence) == ((), "routine")
        assert (draft.zone, draft.reply, draft.reply_within) == ("UTC", "receipt", None)

    def test_a_drafts_lines_are_those_of_the_file(self) -> None:
        lines = parse(CIRCULAR.encode()).lines
        assert {name: lines[name] for name in ("kind", "to", "to[1]", "zone", "body")} == {
            "kind": 2,
            "to": 4,
            "to[1]": 4,
            "zone": 9,
            "body": 12,
        }

    def test_an_addressee_named_twice_gets_one_copy(self) -> None:
        draft = parse(LETTER.replace('["cc"]', '["tula", "cc", "tula", "@all", "@all"]').encode())
        assert draft.to == ("tula", "cc", "@all")

    def test_the_body_keeps_what_markdown_means(self) -> None:
        body = "First,  \nbroken by two spaces.\n\n\t+++\n\n+++\n\n    code"
        assert parse(letter(body=body)).body == body

    def test_right_to_left_text_may_have_its_controls_in_the_body(self) -> None:
        assert parse(letter(body="\u200fשלום")).body == "\u200fשלום"


class TestWhatEditorsDo:
    @pytest.mark.parametrize(
        "data",
        [
            b"\xef\xbb\xbf" + CIRCULAR.encode(),
            CIRCULAR.replace("\n", "\r\n").encode(),
            b"\xef\xbb\xbf" + CIRCULAR.replace("\n", "\r\n").encode(),
            CIRCULAR.replace("+++\n", "+++ \t\n").encode(),
            CIRCULAR.replace('workers"\n', 'workers  "  \n').replace('"tula"', '" tula "').encode(),
            CIRCULAR.rstrip("\n").encode(),
            CIRCULAR.encode() + b"\n \n\n",
            b"\n \n" + CIRCULAR.encode(),
        ],
        ids=["bom", "crlf", "bom-crlf", "fence-spaces", "value-spaces", "no-last-lf", "more-lf", "lf-first"],
    )
    def test_is_the_same_draft(self, data: bytes) -> None:
        assert parse(data) == parse(CIRCULAR.encode())

    def test_crlf_counts_as_one_line(self) -> None:
        assert only(letter('subjekt = "x"').replace(b"\n", b"\r\n")).line == 5

    def test_a_lone_carriage_return_is_named(self) -> None:
        assert found(letter(body="one\rtwo"))[0][:2] == (MALFORMED, 6)

    def test_another_encoding(self) -> None:
        problem = only(CIRCULAR.encode("cp1251"))
        byte = CIRCULAR.index("О") + 1
        assert (problem.line, problem.text) == (3, f"not UTF-8 text, at byte {byte} of the file")
        assert problem.hint == "save the draft as UTF-8"

    def test_another_encoding_after_a_byte_order_mark_counts_the_mark(self) -> None:
        assert "at byte 6 " in only(b"\xef\xbb\xbf++\xff").text

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "cp866", "koi8-r"])
    def test_no_encoding_ends_in_another_error(self, encoding: str) -> None:
        with pytest.raises(DraftError, match=r"^line [0-9]+: not UTF-8"):
            parse_draft(CIRCULAR.encode(encoding))

    def test_surrogates_are_not_utf8(self) -> None:
        assert "not UTF-8" in only(letter(body="x").replace(b"x", b"\xed\xa0\x80")).text

    def test_too_long(self) -> None:
        assert "longer than" in only(letter(body="x" * MAX_DRAFT)).text


class TestWhatDoesNotParse:
    @pytest.mark.parametrize(
        ("data", "line", "text"),
        [
            (b"", 1, "begins with a line +++"),
            (b"\n\nHello\n", 3, "begins with a line +++"),
            (b"---\nkind: letter\n---\n", 1, "begins with a line +++"),
            (b'+++\nkind = "letter"\nHello\n', 1, "second line +++ is missing"),
            (letter("precedence = routine"), 5, "not a value"),
            (letter("", "", "info = “all”"), 7, "typographic"),
            (letter("info = «all»"), 5, "typographic"),
            (letter('zone = "UTC'), 5, "does not end"),
            (letter('to = ["x"]'), 5, "stands twice"),
            (letter("[kind]"), 5, "stands twice"),
            (letter("kind.x = 1"), 5, "stands twice"),
            (letter("info = [", '"a",'), 7, "not TOML"),
            (letter("a = " + "[" * 9000), 2, "too many brackets"),
            (letter("a = " + "9" * 5000), 2, "too long a number"),
            (letter("a = 2026-13-01"), 5, "no day of the calendar"),
            (letter("a = 2026-02-30 # x"), 5, "no day of the calendar"),
            (letter("a = -12,5"), 5, "a number"),
            (letter("a = 1 234"), 5, "a number"),
            (letter("a = 1\u202f234,5\t# x"), 5, "a number"),
            (letter("a = 007"), 5, "a number"),
            (letter("a = 1,b"), 5, "not TOML"),
            (letter("a =  # b = 2026-02-30"), 5, "not a value"),
        ],
    )
    def test_names_the_line_of_the_file(self, data: bytes, line: int, text: str) -> None:
        problem = only(data)
        assert (problem.code, problem.line) == (MALFORMED, line)
        assert text in problem.text
        assert read_draft(data).draft is None

    def test_the_body_is_looked_at_all_the_same(self) -> None:
        assert [line for _, line, _ in found(letter("x", body="{++y++}\n\x07"))] == [5, 7, 8]

    @given(st.binary(max_size=200))
    def test_any_bytes_end_in_problems(self, data: bytes) -> None:
        assert read_draft(data).draft is None
        assert read_draft(b"+++\n" + data + b"\n+++\n").problems


class TestNames:
    @pytest.mark.parametrize(
        ("field", "text"),
        [
            ('subjet = "x"', "unknown field 'subjet': did you mean 'subject'?"),
            ('Info = ["x"]', "unknown field 'Info': did you mean 'info'?"),
            ("[[obligations]]", "unknown field 'obligations': did you mean 'obligation'?"),
            ("xyzzy = 1", "unknown field 'xyzzy'"),
            ('"to\\u0007" = 1', "unknown field 'to\\x07': did you mean 'to'?"),
            ("attachments = []", "unknown field 'attachments'"),
        ],
    )
    def test_an_unknown_one_is_an_error(self, field: str, text: str) -> None:
        assert found(letter(field)) == [(MALFORMED, 5, text)]

    @pytest.mark.parametrize("field", ['reply = "receipt"', 'reply_within = "P7D"', 'zone = "UTC"'])
    def test_a_letter_asks_for_no_reply(self, field: str) -> None:
        assert parse(circular(field)).kind == "circular"
        assert found(letter(field)) == [(MALFORMED, 5, f"a letter has no {field.partition(' ')[0]!r}")]

    @pytest.mark.parametrize("name", ["kind", "subject", "to"])
    def test_a_missing_one(self, name: str) -> None:
        problem = only(letter(without=name))
        assert (problem.code, problem.line) == (MALFORMED, 1)
        assert problem.text in ("no kind", "no subject", "no addressee")
        assert problem.hint.startswith(f"{name} = ")


class TestValues:
    @pytest.mark.parametrize(
        ("field", "text", "hint"),
        [
            (
                'precedence = "prority"',
                "precedence cannot be 'prority': did you mean 'priority'?",
                "deferred, ",
            ),
            ('precedence = ""', "precedence cannot be ''", "deferred, routine, priority, immediate, flash"),
            ("precedence = 1", "precedence should be text in quotes", "precedence = "),
            ('reply = "Receipt"', "reply cannot be 'Receipt': did you mean 'receipt'?", "acknowledgement"),
            ('zone = "Moscow"', "no such time zone", "did you mean 'Europe/Moscow'?"),
            ('zone = "europe/moscow"', "no such time zone", "did you mean 'Europe/Moscow'?"),
            ('zone = "../etc/passwd"', "no such time zone", "IANA"),
            ('zone = ""', "no such time zone", "IANA"),
            ('reply_within = "7 days"', "reply_within: a duration reads", '"P7D" is seven days'),
            ('reply_within = "P1W"', "reply_within: a duration reads", '"P7D" is seven days'),
            ('reply_within = "P7D\\n"', "reply_within: a duration reads", '"P7D" is seven days'),
            ("reply_within = 7", "reply_within should be text", 'reply_within = "…"'),
            ('info = "control"', "info should be a list", 'info = ["tula", "@provinces"]'),
            ("info = [1]", "info should be a list", ""),
            ('info = ["Tula"]', "info: not a handle: 'Tula'", "a to z"),
            ('info = ["tul\u0430"]', "info: not a handle: 'tul\\u0430'", "a to z"),
            ('info = ["@@all"]', "info: not a handle", ""),
            ('info = ["@"]', "info: not a handle", ""),
            ('info = [""]', "info: not a handle", ""),
        ],
    )
    def test_a_wrong_one(self, field: str, text: str, hint: str) -> None:
        problem = only(circular(field))
        assert (problem.code, problem.line) == (MALFORMED, 5)
        assert text in problem.text
        assert hint in problem.hint

    @pytest.mark.parametrize(
        "subject",
        [
            '""',
            '"  "',
            '"a\\u001b[31mb"',
            '"a\\u202eb"',
            '"a\\u2028b"',
            '"a\\u200fb"',
            '"""a\nb"""',
            f'"{"x" * 257}"',
            "1",
            '["x"]',
        ],
    )
    def test_a_subject_that_is_not_one_visible_line(self, subject: str) -> None:
        problem = only(LETTER.replace('"Fuel"', subject).encode())
        assert (problem.code, problem.line) == (MALFORMED, 3)

    @pytest.mark.parametrize("kind", ['"circlar"', '"receipt"', '"decision"', '""', "1"])
    def test_a_kind_that_nobody_drafts(self, kind: str) -> None:
        assert (MALFORMED, 2) in [problem[:2] for problem in found(LETTER.replace('"letter"', kind).encode())]

    def test_no_addressee(self) -> None:
        assert found(LETTER.replace('["cc"]', "[]").encode()) == [(MALFORMED, 4, "no addressee")]

    def test_an_addressee_is_named_with_its_own_line(self) -> None:
        fields = ("info = [ # [[x]]", '  "tula",  # "y" = 1', "", '  "Oryol", "kaluga",', '  "ПЕНЗА"', "]")
        assert [line for _, line, _ in found(letter(*fields))] == [8, 9]

    def test_a_control_character_in_the_body(self) -> None:
        assert [problem[:2] for problem in found(letter(body="a\n\x1b[31mb\nc\n\x9bd"))] == [
            (MALFORMED, 7),
            (MALFORMED, 9),
        ]

    def test_all_are_found_in_one_run(self) -> None:
        data = letter('precedence = "x"', "info = 1", "y = 1", "[[form]]", body="{++z").replace(
            b"letter", b"leter"
        )
        assert [line for _, line, _ in found(data)] == [2, 5, 6, 7, 8, 10]


class TestUnfinishedEditing:
    @pytest.mark.parametrize(
        "mark",
        ["{++new++}", "{--old--}", "{~~old~>new~~}", "{==look==}{>>why?<<}", "{>>why?<<}", "{==look==}"],
    )
    def test_a_mark_stops_the_draft(self, mark: str) -> None:
        first = mark if "}{" not in mark else mark.partition("}{")[0] + "}"
        problem = read_draft(letter(body=f"One\n\nTwo {mark} three")).problems[0]
        assert (problem.code, problem.line) == (REFUSED, 8)
        assert first in problem.text
        assert "two readings of one word" in problem.text

    @pytest.mark.parametrize("mark", ["{++", "{--", "{~~", "{==", "{>>"])
    def test_a_mark_without_its_end_stops_it_too(self, mark: str) -> None:
        problem = only(letter(body=f"One\nTwo {mark} three"))
        assert (problem.code, problem.line) == (REFUSED, 7)
        assert "is missing" in problem.hint

    def test_a_mark_ends_with_its_own_end_only(self) -> None:
        assert "is missing" in only(letter(body="{++ a --}")).hint

    def test_a_mark_over_several_lines_is_named_where_it_begins(self) -> None:
        assert only(letter(body="One {--two\n\nthree\x20--} four")).line == 6

    def test_each_mark_is_named(self) -> None:
        body = "{++a++} {--b--}\n{~~агитации~>организации~~}\n{++ {--nested--} ++}\n{>>open"
        assert [line for _, line, _ in found(letter(body=body))] == [6, 6, 7, 8, 9]

    @pytest.mark.parametrize("subject", ['"On {++new++} duties"', '"On \\u007b\\u002b+new++}"', "'On {--'"])
    def test_a_mark_in_a_field(self, subject: str) -> None:
        problem = only(LETTER.replace('"Fuel"', subject).encode())
        assert (problem.code, problem.line) == (REFUSED, 3)

    def test_a_mark_in_a_promise(self) -> None:
        fields = ("[[promise]]", 'text = "a"', "[[promise]]", 'text = "{++b++}"')
        assert [problem[:2] for problem in found(circular(*fields))] == [(REFUSED, 8)]

    def test_a_comment_does_not_go_out(self) -> None:
        assert parse(letter("# {++ x", 'info = ["tula"]  # {>>why?<<} [Replace this: x]')).to == ("cc",)

    def test_braces_alone_are_no_marks(self) -> None:
        body = "{+a+} {a} { ++ } ++} a --} f(x){-1} {~a~}"
        assert parse(letter(body=body)).body == body

    def test_the_excerpt_is_short_and_shows_no_control_characters(self) -> None:
        problem = read_draft(letter(body="{++" + "\u202e" * 9 + "x" * 999 + "++}")).problems[0]
        assert problem.text.isprintable()
        assert len(problem.text) < 200

    def test_an_empty_body(self) -> None:
        problem = only(letter(body=" \n\t\n"))
        assert (problem.code, problem.line, problem.text) == (REFUSED, 6, "the draft has no text")


class TestWhatIsRaised:
    def test_the_worst_first_and_all_of_it_carried(self) -> None:
        data = letter("[[relation]]", 'type = "refers"', 'number = "cc/2026/1"', "[x]", body="{++y++}")
        with pytest.raises(DraftError, match=r"^line 8: unknown field 'x' \(and 1 more\)$") as caught:
            parse_draft(data)
        assert caught.value.problems == read_draft(data).problems
        assert exit_code(caught.value) == 5

    def test_what_is_not_ready(self) -> None:
        with pytest.raises(NotReadyError, match=r"^line 6: an undecided change") as caught:
            parse_draft(letter(body="{++y++}"))
        assert [problem.line for problem in caught.value.problems] == [6]
        assert caught.value.hint == "accept or reject the change and take its marks away"
        assert exit_code(caught.value) == 7

    def test_a_report_is_parsed_too(self) -> None:
        lines = ('kind = "report"', 'answers = "cc/2026/4#monthly"', 'period = "2026-05"', "nil = true")
        data = "\n".join(["+++", *lines, "+++", ""]).encode()
        draft = parse_draft(data)
        assert isinstance(draft, ReportDraft)
        assert (str(draft.answers_number), draft.obligation) == ("cc/2026/4", "monthly")
        with pytest.raises(DraftError, match="no answers"):
            parse_draft(data.replace(lines[1].encode(), b""))

    def test_what_is_not_ready_can_still_be_read(self) -> None:
        draft = read_draft(letter(body="{++y++}")).draft
        assert isinstance(draft, Draft)
        assert draft.to == ("cc",)


class TestWhatBecomesOfIt:
    @given(st.text(max_size=40), st.text(max_size=40))
    def test_what_passes_is_a_message(self, subject: str, body: str) -> None:
        draft, problems = read_draft(
            letter(without="subject", body=body).replace(b"to =", toml_line(subject))
        )
        if not isinstance(draft, Draft) or problems:
            return
        assert parse_message(encode_message(as_letter(draft))) == as_letter(draft)

    def test_nothing_is_refused_that_a_message_may_hold(self) -> None:
        for body in ("a", "a\tb", "\u200fa", "a\u00a0\u200db", "😀", "a" * 10_000):
            assert as_letter(parse(letter(body=body))).body == body


class TestTemplates:
    @pytest.mark.parametrize("kind", ["circular", "letter"])
    def test_stops_only_at_its_own_placeholders(self, kind: str) -> None:
        draft, problems = read_draft(template(kind).encode())
        assert isinstance(draft, Draft)
        assert draft.kind == kind
        assert {problem.code for problem in problems} == {REFUSED}
        assert all("placeholder" in problem.text for problem in problems)
        placeholders = [n for n, line in enumerate(template(kind).split("\n"), 1) if "eplace" in line]
        assert [problem.line for problem in problems] == placeholders
        assert {draft.lines["subject"], draft.lines["to"], draft.lines["body"]} <= set(placeholders)

    @pytest.mark.parametrize("kind", ["circular", "letter"])
    def test_goes_out_once_filled_in(self, kind: str) -> None:
        lines = [line for line in template(kind).split("\n") if "eplace" not in line]
        lines[1:1] = ['subject = "x"', 'to = ["tula"]']
        assert parse("\n".join([*lines, "Text."]).encode()).kind == kind

    @pytest.mark.parametrize("kind", ["circular", "letter"])
    def test_explains_every_field(self, kind: str) -> None:
        lines = template(kind).split("\n")
        own = ["zone", "reply", "reply_within"] if kind == "circular" else []
        for name in ["subject", "to", "info", "precedence", *own]:
            at = next(n for n, line in enumerate(lines) if line.removeprefix("# ").startswith(f"{name} = "))
            assert lines[at - 1].startswith("# ")

    @pytest.mark.parametrize("name", ["report", "receipt", "../letter", ""])
    def test_there_are_no_others(self, name: str) -> None:
        with pytest.raises(RefusedError):
            template(name)


class TestLines:
    """The scanner that finds the lines, which the TOML parser does not tell."""

    SOURCE = '''\
+++
# kind = "no"

kind = "circular"
subject = """

to = ["not", "here"]
[[form]]
\\""" still "inside" """ # "
"to" = [ # a ] and a "
  "a\\"]",  # to = 1
  '"b',

  """c
d""", '\\'
]
info = ["e=f", 'g#h']
x.y . "z" = { "k" = [1, "two"], l = 'three' }

[[form]]
id = "one"
  [[form.field]]
  name = "p"
  [[form.field]]
  name = "q"
  choices = [
    "r",
    "s"]
[[ form ]] # [[form]]
id = "two"
[[form.field]]
name = """"quoted""""
[form.field.more]
deep = 1
[[obligation]]
id = "m"
+++
'''

    def test_every_field_is_found(self) -> None:
        source = self.SOURCE.removeprefix("+++\n").removesuffix("+++\n")
        assert list(tomllib.loads(source)) == ["kind", "subject", "to", "info", "x", "form", "obligation"]
        data = self.SOURCE.replace('kind = "circular"', 'kind = "letter"').encode()
        expected = {"kind": 4, "subject": 5, "to": 10, "info": 17, "x": 18, "form": 20, "obligation": 35}
        lines = index(self.SOURCE)
        assert {name: lines[name] for name in expected} == expected
        assert {problem.line for problem in read_draft(data).problems} >= {5, 11, 12, 14, 17, 18, 20, 35}

    def test_so_is_every_part(self) -> None:
        lines = index(self.SOURCE)
        assert {name: line for name, line in lines.items() if "[" in name} == {
            "to[0]": 11,
            "to[1]": 12,
            "to[2]": 14,
            "to[3]": 15,
            "info[0]": 17,
            "info[1]": 17,
            "x.y.z.k[1]": 18,
            "form[0]": 20,
            "form[0].id": 21,
            "form[0].field": 22,
            "form[0].field[0]": 22,
            "form[0].field[0].name": 23,
            "form[0].field[1]": 24,
            "form[0].field[1].name": 25,
            "form[0].field[1].choices": 26,
            "form[0].field[1].choices[0]": 27,
            "form[0].field[1].choices[1]": 28,
            "form[1]": 29,
            "form[1].id": 30,
            "form[1].field": 31,
            "form[1].field[0]": 31,
            "form[1].field[0].name": 32,
            "form[1].field[0].more": 33,
            "form[1].field[0].more.deep": 34,
            "obligation[0]": 35,
            "obligation[0].id": 36,
        }

    def test_so_is_every_part_of_inline_tables(self) -> None:
        source = """\
obligation = [{id = "a", due = "P5D"}, # , {
  { "id" = 'b',  by = [
    "x", 1, "y", ["z"],
  ], "a b".c = {d = [{}]} },
]
form.field = [{name = 1}]
"""
        assert TomlIndex(source, 1).lines == {
            "obligation": 1,
            "obligation[0]": 1,
            "obligation[0].id": 1,
            "obligation[0].due": 1,
            "obligation[1]": 2,
            "obligation[1].id": 2,
            "obligation[1].by": 2,
            "obligation[1].by[0]": 3,
            "obligation[1].by[2]": 3,
            "obligation[1].by[3]": 3,
            "obligation[1].by[3][0]": 3,
            "obligation[1].a b": 4,
            "obligation[1].a b.c": 4,
            "obligation[1].a b.c.d": 4,
            "obligation[1].a b.c.d[0]": 4,
            "form": 6,
            "form.field": 6,
            "form.field[0]": 6,
            "form.field[0].name": 6,
        }
        assert [value for _, value in TomlIndex(source, 1).strings] == ["a", "P5D", "b", "x", "y", "z"]

    def test_what_lies_deeper_than_any_draft_takes_no_memory(self) -> None:
        name = "a" * 10_000
        source = f"{name} = [{'[], ' * 500}]\n[{name}b]\n" + "".join(f"c{n} = 1\n" for n in range(500))
        assert sum(map(len, TomlIndex(source, 1).lines)) < 50_000
        deep = "x = " + "[" * 200 + '"y", ' * 500 + "]" * 200 + "\n"
        assert sum(map(len, TomlIndex(deep, 1).lines)) < 50_000

    @given(st.lists(st.text(st.sampled_from("a\"'\\#[]{}=\n+-, "), max_size=12), min_size=1, max_size=6))
    def test_any_strings_are_taken_for_strings(self, values: list[str]) -> None:
        fields: list[str] = []
        starts = []
        line = 2
        for value in values:
            text = as_toml(value, len(fields) % 3)
            starts.append(line)
            fields.append(f"k{len(fields)} = [\n{text}, # ]\n]")
            line += fields[-1].count("\n") + 1
        lines = index("+++\n" + "\n".join(fields) + "\n+++\n")
        assert [lines[f"k{n}"] for n in range(len(values))] == starts
        assert all(second > first for first, second in pairwise(starts))


def toml_line(subject: str) -> bytes:
    return f"subject = {json.dumps(subject)}\nto =".encode()


def as_letter(draft: Draft) -> Letter:
    """Make the message that a letter's draft is for."""
    return Letter(
        format="dispatch-message/v1",
        salt=encode_base64(bytes(32)),
        secrets=encode_base64(bytes(32)),
        number="tula/2026/1",
        date="2026-11-23T09:00:00Z",
        from_="tula",
        to=draft.to,
        info=draft.info,
        precedence=draft.precedence,
        subject=draft.subject,
        attachments=(),
        body=draft.body,
        relations=(),
    )


def index(text: str) -> dict[str, int]:
    """Give the lines of all fields, as problems see them."""
    return TomlIndex(text.removeprefix("+++\n").removesuffix("+++\n"), 2).lines


def as_toml(value: str, style: int) -> str:
    """Write a TOML string: basic, multi-line, or literal where it can be."""
    escaped = value.replace("\\", "\\\\")
    if style == 1:
        return (
            '"""' + escaped.replace('"""', '""\\"') + '"""'
            if not escaped.endswith('"')
            else as_toml(value, 0)
        )
    if style == 2 and not set(value) & {"'", "\n"}:
        return f"'{value}'"
    return '"' + escaped.replace('"', '\\"').replace("\n", "\\n") + '"'
