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

from dispatch.checks.values import PLACEHOLDER, parse_cell
from dispatch.drafts import FENCE
from dispatch.errors import MalformedError, RefusedError
from dispatch.formats.grammar import check_calendar_date, check_decimal
from keys.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dispatch.formats.message import Circular, Report
    from dispatch.formats.obligation import Cell, Field, Form, Obligation

MAX_ROWS = 10_000

_WIDTH = 98
_PARAGRAPH = re.compile(r"^([0-9]{1,9})\.(?![0-9])", re.MULTILINE)
_DELIMITERS = ",;\t"
_QUOTED = re.compile(r'"[^"]*"')
_GROUPED = re.compile(r"-?[0-9]{1,3}([ \u00a0\u202f][0-9]{3})+([.,][0-9]+)?")
"""A number with spaces between its thousands, as spreadsheets write it."""


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
        lines.append(f"event_date = {_day(event_date or _ask('the day, 2026-06-12'))}")
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
    except UnicodeDecodeError as error:
        line = _line_at(data[: error.start].decode("latin-1"))
        hint = "save it as CSV in UTF-8"
        raise MalformedError(f"line {line}: the table is not UTF-8 text", hint=hint) from None
    delimiter = _delimiter(text)
    columns: list[Field] | None = None
    found: list[dict[str, Cell]] = []
    for line, cells in _records(text, delimiter):
        if columns is None:
            columns = _header(field, cells, line)
        elif len(found) == MAX_ROWS:
            raise RefusedError(f"line {line}: more than {MAX_ROWS} rows")
        else:
            found.append(_row(field, columns, cells, line, decimal_comma=delimiter != ","))
    if columns is None:
        raise MalformedError("the table is empty", hint="its first line names the columns")
    return tuple(found)


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


def _line_at(before: str) -> int:
    """Count the line that begins or goes on after a text, however lines end."""
    return 1 + before.count("\n") + before.replace("\r\n", "").count("\r")


def _delimiter(text: str) -> str:
    """Find what stands between cells: what the header has most of, quoted cells apart."""
    header = re.split(r"[\r\n]", text.lstrip("\r\n"), maxsplit=1)[0]
    return max(_DELIMITERS, key=_QUOTED.sub("", header).count)


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Give the records that hold anything, each with its first line. Raises MalformedError."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for record in reader:
            cells = [cell.replace("\r\n", "\n").replace("\r", "\n").strip() for cell in record]
            if any(cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise MalformedError(f"line {line}: not CSV: {error}") from None


def _header(field: Field, cells: Sequence[str], line: int) -> list[Field]:
    last = max(index for index, cell in enumerate(cells) if cell)  # spreadsheets write `a;b;;` too
    columns = [_column(field, cell, line) for cell in cells[: last + 1]]
    names = {column.name for column in columns}
    if len(names) != len(columns):
        raise MalformedError(f"line {line}: a column stands twice")
    for column in field.columns:
        if column.required and column.name not in names:
            raise RefusedError(f"line {line}: the column {column.name} is missing: {column.label}")
    return columns


def _column(field: Field, cell: str, line: int) -> Field:
    for column in field.columns:
        if _folded(cell) == column.name:
            return column
    for column in field.columns:
        if _folded(cell) == _folded(column.label):
            return column
    names = ", ".join(column.name for column in field.columns)
    raise MalformedError(f"line {line}: {field.label} has no column {cell!a}", hint=f"it has: {names}")


def _folded(text: str) -> str:
    """Make one text of those that look alike: a file's letters may come in two parts, as on macOS."""
    return unicodedata.normalize("NFC", text).casefold()


def _row(
    field: Field, columns: Sequence[Field], cells: Sequence[str], line: int, *, decimal_comma: bool
) -> dict[str, Cell]:
    """Read one row, in the order of the form's columns."""
    if any(cells[len(columns) :]):
        raise MalformedError(f"line {line}: more cells than columns")
    texts = {column.name: text for column, text in zip(columns, cells, strict=False) if text}
    row: dict[str, Cell] = {}
    for column in field.columns:
        text = texts.get(column.name)
        if text is None:
            if column.required:
                raise RefusedError(f"line {line}: {column.label} is missing")
            continue
        if column.type in ("integer", "decimal"):
            text = re.sub(r"\s", "", text) if _GROUPED.fullmatch(text) else text
            text = text.replace(",", ".") if decimal_comma else text
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
    """Write a value bare where it has the type of its field; else in quotes, where the check names it."""
    text = str(value)
    if isinstance(value, bool):
        return text.lower()
    if isinstance(value, int):
        return text
    if field.type == "date":
        return _day(text)
    return text if field.type == "decimal" and _passes(check_decimal, text) else _string(text)


def _day(text: str) -> str:
    return text if _passes(check_calendar_date, text) else _string(text)


def _passes(check: Callable[[str], object], text: str) -> bool:
    try:
        check(text)
    except FormatError:
        return False
    return True


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
