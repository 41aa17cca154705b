"""How the TOML values of a report's draft become values of its message. Pure.

They are only brought into the spelling of messages here; whether one fits the form, `checks.values` decides.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dispatch.checks.values import EXPECTED, fault_of, find_unknown
from dispatch.drafts.text import PLACEHOLDER
from dispatch.errors import REFUSED, Problem
from dispatch.formats.grammar import MAX_DIGITS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dispatch.checks.values import Faults
    from dispatch.formats.obligation import Field, Form, Value


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


def _line(path: str, lines: Mapping[str, int]) -> int:
    """Find the line of a value, or of the nearest table around it."""
    while path:
        if path in lines:
            return lines[path]
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return lines.get("kind", 1)


def _read_row(fields: tuple[Field, ...], raw: Mapping[str, Any], path: str, faults: Faults) -> dict[str, Any]:
    find_unknown(fields, raw, path, faults)
    found = {}
    for field in fields:
        here = f"{path}.{field.name}"
        value = _from_toml(field, raw.get(field.name))
        if value is None or value in ("", ()):
            if field.required:
                faults.append((here, f"{field.label} is missing: {EXPECTED[field.type]}"))
        elif isinstance(value, str) and PLACEHOLDER in value:
            faults.append((here, f"{field.label} is still to be filled in: {EXPECTED[field.type]}"))
        elif field.type == "table" and isinstance(value, tuple):
            known = len(faults)
            read = [
                _read_row(field.columns, row, f"{here}[{index}]", faults) for index, row in enumerate(value)
            ]
            rows = tuple(row for row in read if row)
            if rows:
                found[field.name] = rows
            elif field.required and len(faults) == known:
                faults.append((here, f"{field.label} is missing: {EXPECTED[field.type]}"))
        else:
            fault = fault_of(field, value)
            if fault:
                faults.append((here, fault))
            else:
                found[field.name] = value
    return found


def _from_toml(field: Field, value: Any) -> Any:
    """Bring a value into the one spelling that messages have; leave it as it is if it does not fit."""
    if isinstance(value, str):
        value = value.strip() if field.type != "text" else value.strip("\n")
    if field.type == "decimal" and isinstance(value, int | Decimal) and not isinstance(value, bool):
        return plain_decimal(Decimal(value)) or value
    if field.type == "date" and isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if field.type == "table" and isinstance(value, list) and all(isinstance(row, dict) for row in value):
        return tuple(value)
    return value


def plain_decimal(number: Decimal) -> str | None:
    """Write a number without an exponent, as messages do; None if it has too many digits for that."""
    # 1e999999999 would fill the memory
    if not number.is_finite() or not -MAX_DIGITS <= number.adjusted() < MAX_DIGITS:
        return None
    return format(abs(number) if number.is_zero() else number, "f")
