"""What a circular demands and what a report answers with: obligations, forms, values (FORMAT.md, 11)."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct, field, json

from dispatch.formats.grammar import (
    check_addressees,
    check_calendar_date,
    check_decimal,
    check_duration,
    check_period,
)
from dispatch.formats.periods import Every, Span, parse_period
from keys.codec import encode_base64
from keys.errors import FormatError
from keys.text import check_block, check_line, parse_handle

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_OBLIGATIONS = 64

FieldType: TypeAlias = Literal["integer", "decimal", "text", "date", "boolean", "select", "table"]
Cell: TypeAlias = bool | int | str
Value: TypeAlias = bool | int | str | tuple[dict[str, Cell], ...]

_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


class Field(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One field of a form, or one column of a table."""

    name: str
    label: str
    type: FieldType
    required: bool
    minimum: str | None
    maximum: str | None
    target: str | None
    choices: tuple[str, ...]
    columns: tuple[Field, ...]


class Form(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a report has to say."""

    id: str
    fields: tuple[Field, ...]

    def digest(self) -> str:
        """Give the SHA-256 that a report pins, in base64."""
        return encode_base64(sha256(json.encode(self)).digest())


class Obligation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A duty to report: by period, before or after an event, or once."""

    id: str
    paragraph: int | None
    form: str
    every: Every | None
    before: str | None
    after: str | None
    once: str | None
    from_: str | None = field(name="from")
    until: str | None
    due: str
    nil: bool
    undertaking: bool
    by: tuple[str, ...]

    def span(self) -> Span | None:
        """Give the periods of a duty that recurs; None for one that does not. Raises FormatError."""
        if self.every is None or self.from_ is None:
            return None
        return Span(
            first=parse_period(self.from_, self.every),
            last=parse_period(self.until, self.every) if self.until else None,
        )


def check_demands(obligations: tuple[Obligation, ...], forms: tuple[Form, ...]) -> None:
    """Check the obligations and forms of one circular. Raises FormatError."""
    form_ids = [form.id for form in forms]
    ids = [obligation.id for obligation in obligations]
    if max(len(form_ids), len(ids)) > MAX_OBLIGATIONS:
        raise FormatError(f"more than {MAX_OBLIGATIONS} obligations or forms")
    if len(set(form_ids)) != len(form_ids) or len(set(ids)) != len(ids):
        raise FormatError("two obligations or two forms with one id")
    for form in forms:
        parse_handle(form.id)
        _check_fields(form.fields)
    for obligation in obligations:
        if obligation.form not in form_ids:
            raise FormatError(f"no form {obligation.form!r} in the circular")
        _check_obligation(obligation)


def _check_obligation(obligation: Obligation) -> None:
    parse_handle(obligation.id)
    triggers = [obligation.every, obligation.before, obligation.after, obligation.once]
    if sum(trigger is not None for trigger in triggers) != 1:
        raise FormatError("an obligation has one of every, before, after and once")
    if (obligation.every is None) != (obligation.from_ is None) or (
        obligation.until and not obligation.every
    ):
        raise FormatError("from belongs to every, and until to from")
    for period in (obligation.from_, obligation.until):
        if period is not None:
            check_period(period, obligation.every)
    for line in (obligation.before, obligation.after):
        if line is not None:
            check_line(line)
    if obligation.once is not None:
        check_calendar_date(obligation.once)
    check_duration(obligation.due)
    check_addressees(obligation.by)


def _check_fields(fields: tuple[Field, ...]) -> None:
    if len({item.name for item in fields}) != len(fields):
        raise FormatError("two fields with one name")
    for item in fields:
        check_field_name(item.name)
        check_line(item.label)
        bounds = [bound for bound in (item.minimum, item.maximum, item.target) if bound is not None]
        for bound in bounds:
            check_decimal(bound)
        if bounds and item.type not in ("integer", "decimal"):
            raise FormatError("only numbers have a minimum, maximum or target")
        if bool(item.choices) != (item.type == "select") or bool(item.columns) != (item.type == "table"):
            raise FormatError("choices belong to select and columns to table")
        for choice in item.choices:
            check_line(choice)
        if any(column.type == "table" for column in item.columns):
            raise FormatError("a table in a table")
        _check_fields(item.columns)


def check_field_name(name: str) -> None:
    """Check the name of a form's field. Raises FormatError."""
    if not _FIELD_NAME.fullmatch(name):
        raise FormatError("a field's name is lower-case letters, digits and underscores")


def check_value_texts(values: Mapping[str, Value]) -> None:
    """Check the names and texts of a report's values. Raises FormatError."""
    for name, value in values.items():
        check_field_name(name)
        if isinstance(value, str):
            check_block(value)
        elif isinstance(value, tuple):
            for row in value:
                check_value_texts(row)
