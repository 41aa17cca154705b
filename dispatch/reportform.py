"""The form of a report to fill in: an obligation -> a commented draft, with what is known already filled in.

Foreign text (labels, choices, the circular's paragraph) stands in comments and TOML strings, and cannot
break out of either. Pure.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from typing import TYPE_CHECKING, Any

from dispatch.draft import FENCE
from dispatch.errors import MalformedError, RefusedError
from dispatch.formvalues import PLACEHOLDER, parse_cell
from keys.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dispatch.message import Circular, Report
    from dispatch.obligation import Cell, Field, Form, Obligation

MAX_ROWS = 10_000

_WIDTH = 98
_PARAGRAPH = re.compile(r"^([0-9]{1,9})\.(?![0-9])", re.MULTILINE)
_DELIMITERS = ",;\t"


def report_template(
    *,
    number: str,
    circular: Circular,
    obligation: Obligation,
    form: Form,
    period: str | None,
    event: int | None,
    event_label: str | None,
    event_date: str | None,
    nil: bool,
    previous: Report | None,
    tables: Mapping[str, Sequence[Mapping[str, Cell]]],
) -> str:
    """Write the draft of a report. `previous`: the one that it revises; `tables`: rows of table fields."""
    lines = [FENCE, *_comment(f"A report: {circular.subject}")]
    lines += _comment(paragraph_text(circular.body, obligation.paragraph))
    lines += ["", 'kind = "report"', f"answers = {_string(f'{number}#{obligation.id}')}"]
    if period is not None:
        lines.append(f"period = {_string(period)}")
    if event is not None:
        lines.append(f"event = {event}")
        lines.append(f"event_label = {_string(event_label or _ask('what it is called'))}")
        lines.append(f"event_date = {event_date or _string(_ask('the day, 2026-06-12'))}")
    if previous is not None:
        lines.append(f"revision_reason = {_string(_ask('why the figures change'))}")
    if nil:
        lines += ["", "# There is nothing to report.", "nil = true"]
    else:
        lines += _values(form, previous.values if previous and not previous.nil else {}, tables)
    body = [previous.body] if previous and previous.body else []
    return "\n".join([*lines, FENCE, *body, ""])


def paragraph_text(body: str, paragraph: int | None) -> str:
    """Give the numbered paragraph of a circular's text, or nothing."""
    starts = [(int(found[1]), found.start()) for found in _PARAGRAPH.finditer(body)]
    for index, (number, start) in enumerate(starts):
        if number == paragraph:
            end = starts[index + 1][1] if index + 1 < len(starts) else len(body)
            return body[start:end].strip()
    return ""


def read_table(field: Field, data: bytes) -> tuple[dict[str, Cell], ...]:
    """Read the rows of a table field from CSV: a header of names or labels, then a row a line.

    UTF-8; comma, semicolon or tab between cells, whichever the header has most of. Raises
    MalformedError, RefusedError, with the line of the file.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise MalformedError("the table is not UTF-8 text", hint="save it as CSV in UTF-8") from None
    header = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=header.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise MalformedError(f"not CSV: {error}") from None
    if not rows:
        raise MalformedError("the table is empty", hint="its first line names the columns")
    columns = [_column(field, cell) for cell in rows[0]]
    if len({column.name for column in columns}) != len(columns):
        raise MalformedError("line 1: a column stands twice")
    if len(rows) > MAX_ROWS + 1:
        raise RefusedError(f"more than {MAX_ROWS} rows")
    found = [_row(columns, row, line, delimiter) for line, row in enumerate(rows[1:], 2) if any(row)]
    return tuple(row for row in found if row)


def read_tables(form: Form, files: Mapping[str, bytes]) -> dict[str, tuple[dict[str, Cell], ...]]:
    """Read the tables of a form from CSV, by field name. Raises RefusedError for a field that is no table."""
    found = {}
    for name, data in files.items():
        field = next((one for one in form.fields if one.name == name and one.type == "table"), None)
        if field is None:
            tables = ", ".join(one.name for one in form.fields if one.type == "table")
            raise RefusedError(f"the form has no table {name!a}", hint=f"it has: {tables or 'none'}")
        found[name] = read_table(field, data)
    return found


def _column(field: Field, cell: str) -> Field:
    word = cell.strip().casefold()
    for column in field.columns:
        if word in (column.name, column.label.casefold()):
            return column
    names = ", ".join(column.name for column in field.columns)
    raise MalformedError(f"line 1: {field.label} has no column {cell.strip()!a}", hint=f"it has: {names}")


def _row(columns: Sequence[Field], cells: Sequence[str], line: int, delimiter: str) -> dict[str, Cell]:
    if len(cells) > len(columns):
        raise MalformedError(f"line {line}: more cells than columns")
    row: dict[str, Cell] = {}
    for column, cell in zip(columns, cells, strict=False):
        text = cell.strip()
        if not text:
            continue
        if column.type in ("integer", "decimal"):
            text = text.replace("\u00a0", "").replace(" ", "")
            text = text.replace(",", ".") if delimiter != "," else text
        try:
            row[column.name] = parse_cell(column, text)
        except FormatError as error:
            raise RefusedError(f"line {line}: {error}") from None
    return row


def _values(
    form: Form, values: Mapping[str, Any], tables: Mapping[str, Sequence[Mapping[str, Cell]]]
) -> list[str]:
    """Write [values]; the tables come last, as TOML wants it."""
    known = dict(values) | {name: tuple(rows) for name, rows in tables.items()}
    lines = ["", "[values]"]
    for field in form.fields:
        if field.type == "table":
            continue
        lines += ["", *_comment(_about(field)), _assignment(field, known.get(field.name))]
    for field in form.fields:
        if field.type == "table":
            lines += _table(field, known.get(field.name, ()))
    return lines


def _table(field: Field, rows: Sequence[Mapping[str, Cell]]) -> list[str]:
    lines = ["", *_comment(f"{_about(field)} Repeat these lines for each row.")]
    for column in field.columns:
        lines += _comment(f"  {column.name}: {_about(column)}")
    header = f"[[values.{field.name}]]"
    for row in rows:
        lines += [header, *(_assignment(one, row[one.name]) for one in field.columns if one.name in row)]
    if rows:
        return lines
    mark = "" if field.required else "# "
    return [*lines, f"{mark}{header}", *(f"{mark}{_assignment(one, None)}" for one in field.columns)]


def _assignment(field: Field, value: Any) -> str:
    if value is None:
        return f"{field.name} = {_string(_ask(field.type))}" if field.required else f"# {field.name} = "
    return f"{field.name} = {_literal(field, value)}"


def _literal(field: Field, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if field.type in ("integer", "date"):
        return str(value)
    return _string(str(value))


def _about(field: Field) -> str:
    rules = ["required" if field.required else "may be left out"]
    rules += [
        f"{word} {bound}"
        for word, bound in (("at least", field.minimum), ("at most", field.maximum), ("target", field.target))
        if bound is not None
    ]
    rules += [f"one of: {', '.join(field.choices)}"] if field.choices else []
    return f"{field.label} ({field.type}; {'; '.join(rules)})"


def _ask(what: str) -> str:
    return f"{PLACEHOLDER} {what}]"


def _comment(text: str) -> list[str]:
    """Write text as comments, without what a comment may not hold."""
    lines = []
    for line in re.split(r"[\r\n\u0085\u2028\u2029]+", text):
        rest = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in line).rstrip()
        while len(rest) > _WIDTH:
            cut = rest.rfind(" ", 1, _WIDTH)
            cut = cut if cut > 0 else _WIDTH
            lines.append(f"# {rest[:cut]}".rstrip())
            rest = rest[cut:].lstrip()
        if rest:
            lines.append(f"# {rest}")
    return lines


def _string(text: str) -> str:
    """Write a TOML string on one line."""

    def escape(character: str) -> str:
        if character in '"\\':
            return f"\\{character}"
        if character == "\n":
            return "\\n"
        if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp"):
            return f"\\U{ord(character):08X}"
        return character

    return '"' + "".join(map(escape, text)) + '"'
