"""A collation as text, spreadsheet, JSON and page: nothing foreign runs, escapes or steers."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.render.collation import collation_csv, collation_html, collation_json, collation_text
from dispatch.render.csv import csv_cell, csv_text
from dispatch.render.html import shown
from tests.forge.browser import complaints
from tests.forge.returns import HOSTILE, example

if TYPE_CHECKING:
    from playwright.sync_api import Page as BrowserPage


class Page(HTMLParser):
    """What a page holds: its tags with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


SIGNS = "=+-@"
SEPARATORS = (",", ";", "|", "\t", "\n", "\r", "\r\n", "\v", "\f", "\x1e", "\x85", "\u2028")
BEFORE = ("", " ", '"', "'", "\xa0", "\u200b", '" ', "\ufeff", "\x01")


@pytest.mark.parametrize(
    "cell", ["=1+1", "+7", "-1+2", "@SUM(A1)", " =1", "|x", "%x", "＝1", "\xa0=1", '"=1']
)
def test_a_formula_is_text(cell: str) -> None:
    assert csv_cell(cell) == f"'{cell}"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (";=1+1", ";'=1+1"),
        ("\t=1", "'\t'=1"),
        ("\r\n@A1", "'\r\n'@A1"),
        ("|=1", "'|'=1"),
        (',"=1', ",\"'=1"),
        ("a; ; -b", "a; ; '-b"),
        ("=1;=2,=3", "'=1;'=2,'=3"),
        ("Тула; Пенза; 7", "Тула; Пенза; 7"),
    ],
)
def test_an_apostrophe_stands_wherever_a_cell_can_begin(cell: str, expected: str) -> None:
    assert csv_cell(cell) == expected


@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize("lead", ["", "calm", "=1"])
def test_a_formula_is_text_whatever_ends_the_cells(separator: str, lead: str) -> None:
    """Excel takes the list separator of its country, and a paste or an import what it likes."""
    for before, sign in product(BEFORE, SIGNS):
        line = csv_text(("a",), [("x", f"{lead}{separator}{before}{sign}1+1")]).removeprefix("\ufeffa\r\n")
        cells = line.split(separator)
        for quotes in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
            if separator not in ("\n", "\r", "\r\n"):
                [found] = csv.reader([line], delimiter=separator, quoting=quotes)
                cells += found
        assert not [cell for cell in cells if re.match(rf"[\s\"\u200b\ufeff\x01]*[{re.escape(SIGNS)}]", cell)]


def test_separators_without_an_end_cost_nothing() -> None:
    for text in (";" * 200_000, "\t" * 200_000, "; " * 100_000, " " * 200_000, ";'" * 100_000):
        assert len(csv_cell(text)) <= len(text) + 1


def test_no_other_module_writes_csv() -> None:
    package = Path(__file__).parents[2] / "dispatch"
    writers = [path.name for path in package.rglob("*.py") if "csv.writer(" in path.read_text("utf-8")]
    assert writers == ["csv.py"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12\n34\t56", "12\n34\t56"),
        ("12\r34\u202856", "12 34 56"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
        ("a\u202eb\x1b", "ab"),
        ("\ue000\U0002ebf0", "\ue000\U0002ebf0"),
    ],
)
def test_a_page_shows_all_that_does_not_steer(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize("cell", ["-1", "-12.50", "12", "0", "a=b", "Топливо", "1+1"])
def test_what_is_none_stays(cell: str) -> None:
    assert csv_cell(cell) == cell


def test_empty_and_true() -> None:
    assert (csv_cell(None), csv_cell(value=True), csv_cell(0)) == ("", "true", "0")


@given(
    st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2), max_size=5)
)
def test_a_spreadsheet_reads_what_was_written(rows: list[list[str]]) -> None:
    text = csv_text(("a", "b"), rows)
    assert text.startswith("\ufeff")
    found = list(csv.reader(io.StringIO(text[1:], newline="")))
    assert found == [["a", "b"], *([csv_cell(cell) for cell in row] for row in rows)]


def test_the_csv_has_a_row_for_each_report() -> None:
    collation = example()
    rows = list(csv.DictReader(io.StringIO(collation_csv(collation)[1:], newline="")))
    assert [row["number"] for row in rows] == [str(row.number) for row in collation.rows]
    assert all("Ё" not in row["office"] for row in rows)


def test_the_json_is_json_and_every_row_has_its_id() -> None:
    found = json.loads(json.dumps(collation_json(example())))
    assert {"office", "period", "number", "id", "nil", "values"} <= set(found["rows"][0])
    assert found["actual"] == len(found["rows"])


def test_the_text_names_every_report_and_fits() -> None:
    collation = example()
    text = collation_text(collation, 80)
    for row in collation.rows:
        assert str(row.number) in text
    assert max(map(len, text.split("\n"))) <= 80


def test_the_page_is_one_file_without_script() -> None:
    page = Page(collation_html(example()))
    names = {tag for tag, _ in page.tags}
    assert names.isdisjoint({"script", "link", "img", "iframe", "object", "form", "a"})
    for _, attributes in page.tags:
        assert not any(name.startswith("on") or name in ("src", "href") for name in attributes)
    assert "default-src 'none'" in collation_html(example())
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")
    assert sum(tag == "table" for tag, _ in page.tags) == sum(tag == "caption" for tag, _ in page.tags)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_and_does_nothing(text: str) -> None:
    plain, page = Page(collation_html(example())), Page(collation_html(example(text)))
    assert {tag for tag, _ in page.tags} == {tag for tag, _ in plain.tags}
    for character in "\u202e\u200f\x1b\x00":
        assert character not in collation_html(example(text))
        assert character not in collation_text(example(text), 80)


@pytest.mark.tool("chromium")
@pytest.mark.parametrize("text", ["Топливо на зиму", *HOSTILE])
def test_a_browser_shows_the_text_and_has_nothing_to_complain_about(
    page: BrowserPage, tmp_path: Path, text: str
) -> None:
    (tmp_path / "page.html").write_text(collation_html(example(text)), "utf-8")
    page.goto((tmp_path / "page.html").as_uri())
    assert complaints(page) == []
    assert page.locator("script, link, img, iframe, object, form, a").count() == 0
    expected = "".join(character for character in text if character not in "\u202e\u200f\x1b")
    assert page.locator("h1").inner_text() == expected[:250]
    reports = page.locator("section", has=page.get_by_role("heading", name="The reports", exact=True))
    assert reports.locator("tbody th").all_inner_texts() == [expected[:200]] * 4
    assert reports.locator("td.text").all_inner_texts().count(expected) == 3
