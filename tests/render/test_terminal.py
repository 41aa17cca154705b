"""What a terminal shows: nothing that others wrote can steer it or pass for our words."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from dispatch.formats.message import Circular, Letter
from dispatch.render.message import message_text
from dispatch.render.terminal import (
    clean,
    clean_block,
    dtg,
    escape_json,
    fields,
    fold,
    moment_text,
    table,
    wrapped,
)

MOMENT = datetime(2026, 11, 23, 9, 0, 0, tzinfo=UTC)
COMMON: dict[str, Any] = {
    "format": "dispatch-message/v1",
    "salt": "",
    "secrets": "",
    "number": "cc/2026/1",
    "date": "2026-11-23T09:00:00Z",
    "from_": "cc",
    "to": ("@provinces", "tula"),
    "info": (),
    "precedence": "routine",
    "subject": "Отчёт",
    "attachments": (),
    "body": "1. Первый.\n\n\tдва\n",
    "relations": (),
}


def width_of(line: str) -> int:
    return sum(1 + (unicodedata.east_asian_width(character) in "WF") for character in line)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Отчёт о съезде — 各省 ❤", "Отчёт о съезде — 各省 ❤"),
        ("a\x1b[31mred\x1b[0m", "a[31mred[0m"),
        ("a\x9b31m", "a31m"),
        ("\x1b]0;title\x07", "]0;title"),
        ("a\rb\x08c\x00\x7f", "a bc"),
        ("a\nb\u2028c\u2029d\x85e\tf", "a b c d e f"),
        ("abc\u202etxt.exe", "abctxt.exe"),
        ("\u2066a\u2069\u200e\u200f\u061c", "a"),
        ("zero\u200bwidth\ufeff\u00ad", "zerowidth"),
        ("\u200c\u200d", "\u200c\u200d"),
        ("tags\U000e0041", "tags"),
        ("half\ud800", "half"),
    ],
)
def test_what_could_steer_a_terminal_goes(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(st.text())
def test_a_cleaned_line_is_one_line_without_controls(text: str) -> None:
    cleaned = clean(text)
    assert len(cleaned.splitlines()) <= 1
    assert "\x1b" not in cleaned
    assert clean(cleaned) == cleaned


def test_blanks_at_the_end_cost_nothing() -> None:
    """Looking for a word behind each of them would take days."""
    assert wrapped("word" + " " * 2_000_000, 80) == ["word"]
    assert wrapped(" " * 2_000_000, 80) == [""]


def test_a_block_keeps_its_lines_and_loses_its_tabs() -> None:
    assert clean_block("a\tb\r\nc\x1b[2J\nd\re") == "a    b\nc[2J\nd e"


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("", ""),
        ("a\n\nb", "a\n\nb"),
        ("x" * 24, "x" * 24),
        ("x" * 25, "x" * 24 + "\n" + " " * 12 + "x"),
        ("  " + "x" * 30, "  " + "x" * 22 + "\n  " + "x" * 8),
        ("subject     one two three four", "subject     one two\n            three four"),
        (" " * 42 + "end", "\n\n" + " " * 18 + "end"),
        ("各" * 13, "各" * 12 + "\n" + " " * 12 + "各"),
    ],
)
def test_a_line_that_is_too_long_goes_on_indented(text: str, folded: str) -> None:
    assert fold(text, 24) == folded


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=60), st.integers(0, 50))
def test_nothing_is_lost_or_wider_or_at_the_left_edge(text: str, width: int) -> None:
    first, *more = fold(text, width).split("\n")
    assert all(cell_len(line) <= max(width, 24) for line in (first, *more))
    assert all(line.startswith("  ") or not line for line in more)
    assert "".join((first, *more)).replace(" ", "") == text.replace(" ", "")


@given(st.text())
def test_escaped_json_is_the_same_value(text: str) -> None:
    written = escape_json(json.dumps(text, ensure_ascii=False))
    assert json.loads(written) == text
    assert clean(written) == written


def test_a_date_time_group_is_that_of_acp_121() -> None:
    assert dtg(MOMENT) == "230900Z NOV 26"
    assert dtg(datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)) == "020304Z JAN 30"
    assert moment_text(MOMENT) == "2026-11-23 09:00 UTC (230900Z NOV 26)"


def test_all_months_have_their_names() -> None:
    assert [dtg(datetime(2026, month, 1, tzinfo=UTC))[8:11] for month in range(1, 13)] == [
        *("JAN", "FEB", "MAR", "APR", "MAY", "JUN"),
        *("JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
    ]


def test_fields_are_cleaned_and_aligned() -> None:
    assert fields([("a", "1\x1b[0m"), ("subject", "два\nтри")]) == "a           1[0m\nsubject     два три"


class TestMessage:
    def test_a_letter_is_shown_with_its_text_indented(self) -> None:
        text = message_text(Letter(**COMMON), MOMENT, {"cc": "Центральный комитет"}, 80)
        assert text == (
            "number      cc/2026/1\n"
            "kind        letter\n"
            "date        2026-11-23 09:00 UTC (230900Z NOV 26)\n"
            "from        cc  Центральный комитет\n"
            "to          @provinces, tula\n"
            "subject     Отчёт\n"
            "\n"
            "  1. Первый.\n"
            "\n"
            "      два"
        )

    def test_a_text_cannot_pass_for_what_we_say(self) -> None:
        """SigSpoof: every line of it begins with the indent, whatever it uses for a line end."""
        body = "x\ndispatch: holds\nnumber      cc/2\r\nfrom tula\rfrom cc\x0bfrom\x0cfrom\x85\u2028from"
        text = message_text(Letter(**COMMON | {"body": body}), MOMENT, {}, 80)
        head, _, shown = text.partition("\n\n")
        assert [line.split(" ")[0] for line in head.splitlines()] == [
            *("number", "kind", "date", "from", "to", "subject")
        ]
        assert all(line.startswith("  ") for line in shown.splitlines())

    def test_a_subject_or_title_cannot_add_a_line(self) -> None:
        text = message_text(
            Letter(**COMMON | {"subject": "a\nfrom        tula\x1b[A"}),
            MOMENT,
            {"cc": "b\rfrom        tula"},
            80,
        )
        assert len(text.split("\n\n")[0].splitlines()) == 6
        assert "\x1b" not in text

    @given(
        st.text(st.sampled_from("ab Ж各\u0301"), max_size=256),
        st.text(st.sampled_from("ab Ж各\u0301\n"), max_size=400),
        st.integers(min_value=30, max_value=120),
    )
    @example(subject="a" * 19 + " \u0301", body="", width=35)
    def test_what_is_longer_than_the_terminal_does_not_go_on_at_its_left(
        self, subject: str, body: str, width: int
    ) -> None:
        text = message_text(
            Letter(**COMMON | {"subject": subject, "body": body}), MOMENT, {"cc": subject}, width
        )
        assert all(cell_len(line) <= max(width, 49) for line in text.split("\n"))  # 49: the date
        head, _, shown = text.partition("\n\n")
        assert len([line for line in head.split("\n") if not line.startswith(" ")]) == 6
        assert all(line.startswith("  ") for line in shown.split("\n") if line)
        for said, meant in ((head, [subject, *COMMON["to"]]), (shown, [body])):
            assert {*"".join(meant).replace("\n", "")} - {" "} <= {*said}

    def test_a_text_is_broken_at_its_spaces(self) -> None:
        body = "1. Каждый губернский комитет\n   отвечает за каждую конференцию.\n\nа" + "б" * 40
        shown = message_text(Letter(**COMMON | {"body": body}), MOMENT, {}, 30).partition("\n\n")[2]
        assert shown == (
            "  1. Каждый губернский комитет\n"
            "     отвечает за каждую\n"
            "     конференцию.\n"
            "\n"
            f"  а{'б' * 27}\n"
            f"  {'б' * 13}"
        )

    def test_a_circular_says_what_is_expected(self) -> None:
        more: dict[str, Any] = {
            "zone": "UTC",
            "promises": (),
            "obligations": (),
            "forms": (),
            "precedence": "flash",
            "info": ("penza",),
        }
        text = message_text(
            Circular(**COMMON | more, reply="undertaking", reply_within="P7D"), MOMENT, {}, 80
        )
        assert "\ninfo        penza\nprecedence  flash\n" in text
        assert "\nreply       undertaking expected, within P7D" in text
        assert "reply" not in message_text(
            Circular(**COMMON | more, reply="receipt", reply_within=None), MOMENT, {}, 80
        )


class TestTable:
    ROWS = (("cc/2026/1", "Отношение к беспартийным"), ("cc/2026/10", "各省委员会" * 20))

    @pytest.mark.parametrize("width", [40, 80, 120])
    def test_no_line_is_wider_than_the_terminal(self, width: int) -> None:
        lines = table(("number", "subject"), self.ROWS, width, "subject").splitlines()
        assert len(lines) == 3
        assert all(width_of(line) <= width for line in lines)
        assert lines[0].split() == ["number", "subject"]
        assert lines[1].startswith("cc/2026/1 ")
        assert lines[2].startswith("cc/2026/10 ")

    def test_what_fits_is_whole(self) -> None:
        assert table(("number", "subject"), self.ROWS[:1], 80, "subject") == (
            "number     subject\ncc/2026/1  Отношение к беспартийным"
        )

    def test_cells_are_cleaned_and_no_markup(self) -> None:
        shown = table(("a", "b"), [("[red]x[/red]\x1b[31m", "1\n2")], 80, "b")
        assert shown.splitlines()[1].split() == ["[red]x[/red][31m", "1", "2"]
