"""The values of a report against the form that it fills in: one set of rules for drafts and for what came.

    read_values    TOML values of a draft -> values of a message, and problems at their lines
    check_values   values of a message that came -> nothing, or RefusedError

A target is aimed at, and refuses nothing: a refused zero breeds lies. Pure.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from dispatch.errors import REFUSED, Problem, RefusedError
from dispatch.formats.grammar import check_calendar_date, check_decimal
from keys.canonical import MAX_INTEGER
from keys.errors import FormatError
from keys.text import check_block

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dispatch.formats.obligation import Cell, Field, Form, Value

Faults: TypeAlias = "list[tuple[str, str]]"
"""The path of a value, `values.demands[0].demand`, and what is wrong with it."""

PLACEHOLDER = "[Replace this:"
MAX_DIGITS = 18
"""Of a decimal, before the point and after it."""

_GUESSES = 20
_DUE = {
    "integer": "a whole number",
    "decimal": f"a number, of at most {MAX_DIGITS} digits before the point and after it",
    "text": "text in quotes",
    "date": "a day, as in 2026-06-12",
    "boolean": "true or false",
    "select": "one of the choices, in quotes",
    "table": "rows, each under a line of its own in double brackets",
}
_BOOLEANS = dict.fromkeys(("true", "yes", "да", "истина"), True) | dict.fromkeys(
    ("false", "no", "нет", "ложь"), False
)
"""What spreadsheets write, and people type."""


def read_values(
    form: Form, raw: Mapping[str, Any], lines: Mapping[str, int]
) -> tuple[dict[str, Value], tuple[Problem, ...]]:
    """Turn the TOML values of a draft into those of a message, in the form's order.

    What is empty and not required is left out, and so is what has a problem. `lines`: where
    `values.NAME` stands in the draft.
    """
    faults: Faults = []
    values = _read_row(form.fields, raw, "values", faults)
    problems = tuple(Problem(_line(path, lines), text, "", REFUSED) for path, text in faults)
    return values, problems


def check_values(form: Form, values: Mapping[str, Value]) -> None:
    """Demand that the values of a report fit its form exactly. Raises RefusedError naming the first."""
    faults: Faults = []
    _check_row(form.fields, values, "values", faults)
    for path, text in faults:
        raise RefusedError(f"{path.removeprefix('values.')}: {text}")


def parse_cell(field: Field, text: str) -> Cell:
    """Parse the text of a table's cell by its column. Raises FormatError."""
    value: Cell = text
    if field.type == "integer" and "." not in text and _objection(check_decimal, text) is None:
        value = int(text)
    elif field.type == "boolean":
        value = _BOOLEANS.get(text.casefold(), text)
    fault = _fault(field, value)
    if fault:
        raise FormatError(fault)
    return value


def _line(path: str, lines: Mapping[str, int]) -> int:
    """Find the line of a value, or of the nearest that holds it."""
    while path:
        if path in lines:
            return lines[path]
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return lines.get("kind", 1)


def _read_row(fields: tuple[Field, ...], raw: Mapping[str, Any], path: str, faults: Faults) -> dict[str, Any]:
    _find_unknown(fields, raw, path, faults)
    found = {}
    for field in fields:
        here = f"{path}.{field.name}"
        value = _from_toml(field, raw.get(field.name))
        if value is None or value in ("", ()):
            if field.required:
                faults.append((here, f"{field.label} is missing: {_DUE[field.type]}"))
        elif isinstance(value, str) and PLACEHOLDER in value:
            faults.append((here, f"{field.label} is still to be filled in: {_DUE[field.type]}"))
        elif field.type == "table" and isinstance(value, tuple):
            known = len(faults)
            read = [
                _read_row(field.columns, row, f"{here}[{index}]", faults) for index, row in enumerate(value)
            ]
            rows = tuple(row for row in read if row)
            if rows:
                found[field.name] = rows
            elif field.required and len(faults) == known:
                faults.append((here, f"{field.label} is missing: {_DUE[field.type]}"))
        else:
            fault = _fault(field, value)
            if fault:
                faults.append((here, fault))
            else:
                found[field.name] = value
    return found


def _from_toml(field: Field, value: Any) -> Any:
    """Bring what TOML can write in several ways into the one of messages; what does not fit stays."""
    if isinstance(value, str):
        value = value.strip() if field.type != "text" else value.strip("\n")
    if field.type == "decimal" and isinstance(value, int | Decimal) and not isinstance(value, bool):
        return _plain(Decimal(value)) or value
    if field.type == "date" and isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if field.type == "table" and isinstance(value, list) and all(isinstance(row, dict) for row in value):
        return tuple(value)
    return value


def _plain(number: Decimal) -> str | None:
    """Write a number without an exponent, or give None: 1e999999999 would fill the memory."""
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -MAX_DIGITS or number.adjusted() >= MAX_DIGITS:
        return None
    return format(abs(number) if number.is_zero() else number, "f")


def _check_row(fields: tuple[Field, ...], values: Mapping[str, Any], path: str, faults: Faults) -> None:
    _find_unknown(fields, values, path, faults)
    names = [field.name for field in fields if field.name in values]
    if not faults and names != list(values):
        faults.append((path, "the values are not in the order of the form"))
    for field in fields:
        here = f"{path}.{field.name}"
        if field.name not in values:
            if field.required:
                faults.append((here, "missing"))
            continue
        value = values[field.name]
        fault = _fault(field, value)
        if fault:
            faults.append((here, fault))
        elif field.type == "table":
            for index, row in enumerate(cast("tuple[dict[str, Cell], ...]", value)):
                if not row:
                    faults.append((f"{here}[{index}]", "an empty row"))
                _check_row(field.columns, row, f"{here}[{index}]", faults)


def _find_unknown(fields: tuple[Field, ...], values: Mapping[str, Any], path: str, faults: Faults) -> None:
    known = {field.name: field for field in fields}
    for name in values:
        if name not in known:
            # of very many, nobody reads what the last ones were meant to be
            near = get_close_matches(name, known, 1) if len(faults) < _GUESSES else []
            meant = f": did you mean {near[0]!r}?" if near else ""
            faults.append((f"{path}.{name}", f"the form has no {name!r}{meant}"))


def _fault(field: Field, value: Any) -> str | None:
    """Say what is wrong with one value, or None. Of a table, only that it is one and not empty."""
    match field.type:
        case "integer":
            fits = isinstance(value, int) and not isinstance(value, bool)
        case "decimal":
            fits = isinstance(value, str) and _objection(check_decimal, value) is None
        case "text":
            fits = isinstance(value, str) and value != ""
        case "date":
            fits = isinstance(value, str) and _objection(check_calendar_date, value) is None
        case "boolean":
            fits = isinstance(value, bool)
        case "select":
            fits = isinstance(value, str) and value in field.choices
        case "table":
            fits = isinstance(value, tuple) and len(value) > 0 and all(isinstance(row, dict) for row in value)
    if fits:
        return _limit(field, value)
    due = f"one of {', '.join(field.choices)}" if field.type == "select" else _DUE[field.type]
    return f"{field.label} should be {due}"


def _limit(field: Field, value: Any) -> str | None:
    """Say what is wrong with a value of the right type, or None."""
    if field.type == "integer" and abs(value) > MAX_INTEGER:
        return f"{field.label} should be a whole number between -{MAX_INTEGER} and {MAX_INTEGER}"
    if field.type == "text":
        objection = _objection(check_block, value)
        return objection and f"{field.label}: {objection}"
    if field.minimum is not None and Decimal(value) < Decimal(field.minimum):
        return f"{field.label} is below {field.minimum}"
    if field.maximum is not None and Decimal(value) > Decimal(field.maximum):
        return f"{field.label} is above {field.maximum}"
    return None


def _objection(check: Callable[[str], object], value: str) -> str | None:
    """Say what a check of text has against a value, or None."""
    try:
        check(value)
    except FormatError as error:
        return str(error)
    return None
