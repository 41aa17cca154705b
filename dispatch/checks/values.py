"""The values of a report against the form that it fills in. The same rules hold for drafts. Pure.

    check_values    all values of a report that came in -> nothing, or RefusedError
    fault_of        one value -> what is wrong with it; drafts ask this too

A field's target is a goal, and no value is refused for missing it: an office that may not report a zero
would report something untrue.
"""

from __future__ import annotations

from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from dispatch.errors import RefusedError
from dispatch.formats.grammar import MAX_DIGITS, check_calendar_date, check_decimal, passes
from keys.canonical import MAX_INTEGER
from keys.errors import FormatError
from keys.text import check_block

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dispatch.formats.obligation import Cell, Field, FieldType, Form, Value

Faults: TypeAlias = "list[tuple[str, str]]"
"""The path of a value, `values.demands[0].demand`, and what is wrong with it."""

EXPECTED: Final[Mapping[FieldType, str]] = {
    "integer": "a whole number",
    "decimal": f"a number, of at most {MAX_DIGITS} digits before the point and after it",
    "text": "text in quotes",
    "date": "a day, as in 2026-06-12",
    "boolean": "true or false",
    "select": "one of the choices, in quotes",
    "table": "rows, each under a line of its own in double brackets",
}
"""What a value of each type should be, for those who write drafts."""

_GUESSES = 20


def check_values(form: Form, values: Mapping[str, Value]) -> None:
    """Demand that the values of a report fit its form exactly. Raises RefusedError naming the first."""
    faults: Faults = []
    _check_row(form.fields, values, "values", faults)
    for path, text in faults:
        raise RefusedError(f"{path.removeprefix('values.')}: {text}")


def _check_row(fields: tuple[Field, ...], values: Mapping[str, Any], path: str, faults: Faults) -> None:
    find_unknown(fields, values, path, faults)
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
        fault = fault_of(field, value)
        if fault:
            faults.append((here, fault))
        elif field.type == "table":
            for index, row in enumerate(cast("tuple[dict[str, Cell], ...]", value)):
                if not row:
                    faults.append((f"{here}[{index}]", "an empty row"))
                _check_row(field.columns, row, f"{here}[{index}]", faults)


def find_unknown(fields: tuple[Field, ...], values: Mapping[str, Any], path: str, faults: Faults) -> None:
    """Find the values for which the form has no field."""
    known = {field.name: field for field in fields}
    for name in values:
        if name not in known:
            # a guess takes a while, and nobody reads hundreds of them
            near = get_close_matches(name, known, 1) if len(faults) < _GUESSES else []
            meant = f": did you mean {near[0]!r}?" if near else ""
            faults.append((f"{path}.{name}", f"the form has no {name!r}{meant}"))


def fault_of(field: Field, value: Any) -> str | None:
    """Say what is wrong with one value, or None. Of a table, only that it is one and not empty."""
    match field.type:
        case "integer":
            fits = isinstance(value, int) and not isinstance(value, bool)
        case "decimal":
            fits = isinstance(value, str) and passes(check_decimal, value)
        case "text":
            fits = isinstance(value, str) and value != ""
        case "date":
            fits = isinstance(value, str) and passes(check_calendar_date, value)
        case "boolean":
            fits = isinstance(value, bool)
        case "select":
            fits = isinstance(value, str) and value in field.choices
        case "table":
            fits = isinstance(value, tuple) and len(value) > 0 and all(isinstance(row, dict) for row in value)
    if fits:
        return _limit(field, value)
    due = f"one of {', '.join(field.choices)}" if field.type == "select" else EXPECTED[field.type]
    return f"{field.label} should be {due}"


def _limit(field: Field, value: Any) -> str | None:
    """Say what is wrong with a value of the right type, or None."""
    if field.type == "integer" and abs(value) > MAX_INTEGER:
        return f"{field.label} should be a whole number between -{MAX_INTEGER} and {MAX_INTEGER}"
    if field.type == "text":
        try:
            check_block(value)
        except FormatError as error:
            return f"{field.label}: {error}"
    if field.minimum is not None and Decimal(value) < Decimal(field.minimum):
        return f"{field.label} is below {field.minimum}"
    if field.maximum is not None and Decimal(value) > Decimal(field.maximum):
        return f"{field.label} is above {field.maximum}"
    return None
