"""The table of a report, read from a CSV file: which column each cell is in, and which value it holds. Pure.

    read_tables    CSV files by field name -> the rows of a form's tables
    read_table     one CSV file -> the rows of one table
    parse_cell     how the text of a cell becomes a value

Spreadsheets write CSV in many ways, so several are read: comma, semicolon or tab between cells, a byte order
mark or none, columns by name or label in any order, `1 234,5` for 1234.5.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from typing import TYPE_CHECKING

from dispatch.checks.values import fault_of
from dispatch.errors import MalformedError, RefusedError
from dispatch.formats.grammar import check_decimal, passes
from keys.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dispatch.formats.obligation import Cell, Field, Form

MAX_ROWS = 10_000

_DELIMITERS = ",;\t"
_QUOTED = re.compile(r'"[^"]*"')
_GROUPED = re.compile(r"-?[0-9]{1,3}([ \u00a0\u202f][0-9]{3})+([.,][0-9]+)?")
"""A number with spaces between its thousands, as spreadsheets write it."""
_BOOLEANS = dict.fromkeys(("true", "yes", "да", "истина"), True) | dict.fromkeys(
    ("false", "no", "нет", "ложь"), False
)
"""Booleans as spreadsheets write them and people type them, in English and in Russian."""


def read_tables(form: Form, files: Mapping[str, bytes]) -> dict[str, tuple[dict[str, Cell], ...]]:
    """Read the tables of a form from CSV `files`, each under the name of its field.

    Raises RefusedError for a field that is no table, and as `read_table` does.
    """
    found = {}
    for name, data in files.items():
        field = next((one for one in form.fields if one.name == name and one.type == "table"), None)
        if field is None:
            tables = ", ".join(one.name for one in form.fields if one.type == "table")
            raise RefusedError(f"the form has no table {name!a}", hint=f"it has: {tables or 'none'}")
        found[name] = read_table(field, data)
    return found


def read_table(field: Field, data: bytes) -> tuple[dict[str, Cell], ...]:
    """Read the rows of a table field from CSV: a header with the columns' names or labels, then the rows.

    Raises MalformedError, RefusedError, with the line of the file.
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


def parse_cell(column: Field, text: str, *, decimal_comma: bool) -> Cell:
    """Turn the text of a cell into a value of its column. Raises FormatError.

    `decimal_comma`: commas do not separate cells, and so stand for the decimal point of numbers.
    """
    if column.type in ("integer", "decimal"):
        text = re.sub(r"\s", "", text) if _GROUPED.fullmatch(text) else text
        text = text.replace(",", ".") if decimal_comma else text
    value: Cell = text
    if column.type == "integer" and "." not in text and passes(check_decimal, text):
        value = int(text)
    elif column.type == "boolean":
        value = _BOOLEANS.get(text.casefold(), text)
    fault = fault_of(column, value)
    if fault:
        raise FormatError(fault)
    return value


def _line_at(before: str) -> int:
    """Give the number of the line on which a text ends, with line ends of any kind."""
    return 1 + before.count("\n") + before.replace("\r\n", "").count("\r")


def _delimiter(text: str) -> str:
    """Find what separates cells: what the header has most of, outside of quoted cells."""
    header = re.split(r"[\r\n]", text.lstrip("\r\n"), maxsplit=1)[0]
    return max(_DELIMITERS, key=_QUOTED.sub("", header).count)


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Give the records that are not empty, each with the number of its first line. Raises MalformedError."""
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
    """Find the columns that the cells of the header name. Raises MalformedError, RefusedError."""
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
    """Make texts that look alike the same; on macOS, for example, a letter may come in two parts."""
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
        try:
            row[column.name] = parse_cell(column, text, decimal_comma=decimal_comma)
        except FormatError as error:
            raise RefusedError(f"line {line}: {error}") from None
    return row
