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
from dispatch.grammar import check_decimal
from dispatch.periods import parse_day
from keys.canonical import MAX_INTEGER
from keys.errors import FormatError
from keys.text import check_block

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dispatch.obligation import Cell, Field, Form, Value

Faults: TypeAlias = "list[tuple[str, str]]"
"""The path of a value, `values.demands[0].demand`, and what is wrong with it."""

PLACEHOLDER = "[Replace this:"
_DUE = {
    "integer": "a whole number",
    "decimal": "a number",
    "text": "text in quotes",
    "date": "a day, as in 2026-06-12",
    "boolean": "true or false",
    "select": "one of the choices, in quotes",
    "table": "rows, each under a line of its own in double brackets",
}


def read_values(
    form: Form, raw: Mapping[str, Any], lines: Mapping[str, int]
) -> tuple[dict[str, Value], tuple[Problem, ...]]:
    """Turn the TOML values of a draft into those of a message, in the form's order.

    What is empty and not required is left out. `lines`: where `values.NAME` stands in the draft.
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
    match field.type:
        case "integer":
            check_decimal(text)
            value: Cell = int(text) if "." not in text else text
        case "boolean":
            words = {"true": True, "false": False, "yes": True, "no": False, "да": True, "нет": False}
            value = words.get(text.casefold(), text)
        case _:
            value = text
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
            rows = [
                _read_row(field.columns, row, f"{here}[{index}]", faults) for index, row in enumerate(value)
            ]
            found[field.name] = tuple(row for row in rows if row)
        else:
            fault = _fault(field, value)
            if fault:
                faults.append((here, fault))
            found[field.name] = value
    return found


def _from_toml(field: Field, value: Any) -> Any:
    """Bring what TOML can write in several ways into the one of messages; what does not fit stays."""
    if isinstance(value, str):
        value = value.strip() if field.type != "text" else value.strip("\n")
    if field.type == "decimal" and isinstance(value, int | Decimal) and not isinstance(value, bool):
        number = Decimal(value)
        return format(number, "f") if number.is_finite() else value
    if field.type == "date" and isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if field.type == "table" and isinstance(value, list) and all(isinstance(row, dict) for row in value):
        return tuple(value)
    return value


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
    known = [field.name for field in fields]
    for name in values:
        if name not in known:
            near = get_close_matches(name, known, 1)
            meant = f": did you mean {near[0]!r}?" if near else ""
            faults.append((f"{path}.{name}", f"the form has no {name!r}{meant}"))


def _fault(field: Field, value: Any) -> str | None:
    """Say what is wrong with one value, or None. Of a table, only that it is one and not empty."""
    match field.type:
        case "integer":
            fits = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_INTEGER
        case "decimal":
            fits = isinstance(value, str) and _passes(check_decimal, value)
        case "text":
            fits = isinstance(value, str) and value != "" and _passes(check_block, value)
        case "date":
            fits = isinstance(value, str) and _passes(parse_day, value)
        case "boolean":
            fits = isinstance(value, bool)
        case "select":
            if isinstance(value, str) and value in field.choices:
                return None
            return f"{field.label}: one of {', '.join(field.choices)}"
        case "table":
            fits = isinstance(value, tuple) and len(value) > 0 and all(isinstance(row, dict) for row in value)
    if not fits:
        return f"{field.label} should be {_DUE[field.type]}"
    return _beyond(field, value)


def _beyond(field: Field, value: Any) -> str | None:
    if field.minimum is not None and Decimal(value) < Decimal(field.minimum):
        return f"{field.label} is below {field.minimum}"
    if field.maximum is not None and Decimal(value) > Decimal(field.maximum):
        return f"{field.label} is above {field.maximum}"
    return None


def _passes(check: Any, value: str) -> bool:
    try:
        check(value)
    except FormatError:
        return False
    return True
