"""One table of all returns for an obligation, with its figures. Pure.

Missing is not zero: a value that a report leaves out counts in no figure, and a nil return is counted
as nil and gives no value. Every figure says how many of the expected reports it rests on. Sums and
medians are exact, in decimal. Nothing depends on the order in which the reports came in, and the digest
is the same for everybody who has the same ones (FORMAT.md, section 17).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from decimal import Context, Decimal, Inexact
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from keys.codec import encode_base64

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from dispatch.formats.message import Circular, Event
    from dispatch.formats.note import Number
    from dispatch.formats.obligation import Cell, Field, Form, Obligation, Value

_DIGEST_FORMAT = "dispatch-collation/v1"
# A number has at most 18 digits on either side of the point; the rest is room for a sum of any length.
_EXACT = Context(prec=120, traps=[Inexact])
_HALF = Decimal("0.5")
_NUMBERS = ("integer", "decimal")
_CHOICES = {"boolean": ("true", "false")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One return that counts: the newest of its slot.

    `revised`: how many earlier reports of the slot it replaces; `state`: of the slot, one that stands.
    """

    office: str
    title: str
    period: str | None
    event: Event | None
    number: Number
    id: bytes
    date: datetime
    nil: bool
    values: Mapping[str, Value]
    revised: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """An expected report that is not there. `state`: of its slot, `due`, `overdue` or `returned`."""

    office: str
    title: str
    period: str | None
    event: int | None
    state: str


class Line(NamedTuple):
    """One row of a table field: the return in which it stands, and its cells by column."""

    row: Row
    cells: Mapping[str, Cell]


class TextEntry(NamedTuple):
    """One text or date, and the return in which it stands."""

    row: Row
    value: str


class OfficeFigure(NamedTuple):
    """The sum of one office's values over the range, and how many of them are below the target."""

    office: str
    title: str
    total: Decimal
    values: int
    below_target: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """An integer or decimal. `reporting` values of `of` expected; all None if there is no value."""

    field: Field
    reporting: int
    of: int
    total: Decimal | None
    median: Decimal | None
    minimum: Decimal | None
    maximum: Decimal | None
    below_target: int
    offices: tuple[OfficeFigure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """A select or boolean: how often each choice was made, in the form's order."""

    field: Field
    reporting: int
    of: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """A text or date: what everyone wrote."""

    field: Field
    reporting: int
    of: int
    entries: tuple[TextEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """A table: all its rows, and its columns summarised over them (`of`: how many rows there are)."""

    field: Field
    reporting: int
    of: int
    lines: tuple[Line, ...]
    columns: tuple[Figures | Choices | Entries, ...]


Summary: TypeAlias = Figures | Choices | Entries | Lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Collation:
    """All returns for one obligation from period `first` to `last` (None: all), and what they come to.

    `id`: of the circular's note. `rows` in order of period or event, then office; `summaries` in the
    form's order. `expected`: how many reports; `missing`: those that are not there, where that is known.
    """

    number: Number
    id: bytes
    subject: str
    obligation: Obligation
    form: Form
    first: str | None
    last: str | None
    expected: int
    rows: tuple[Row, ...]
    missing: tuple[Missing, ...]
    summaries: tuple[Summary, ...]
    digest: bytes

    @property
    def actual(self) -> int:
        """How many reports count, nil returns among them."""
        return len(self.rows)

    @property
    def nil(self) -> int:
        """How many of them say that there is nothing to report."""
        return sum(row.nil for row in self.rows)

    @property
    def late(self) -> int:
        """How many of them are late."""
        return sum(row.state == "late" for row in self.rows)

    @property
    def revised(self) -> int:
        """How many of them replace an earlier report."""
        return sum(row.revised > 0 for row in self.rows)


def collate(
    *,
    number: Number,
    circular: Circular,
    circular_id: bytes,
    obligation: Obligation,
    form: Form,
    first: str | None,
    last: str | None,
    expected: int,
    rows: Iterable[Row],
    missing: Iterable[Missing] = (),
) -> Collation:
    """Make one table of what was returned for an obligation.

    `rows`: one for each slot, their values checked against the form. `expected`: slots of the range.
    """
    ordered = tuple(
        replace(row, values={}) if row.nil and row.values else row for row in sorted(rows, key=_place)
    )
    return Collation(
        number=number,
        id=circular_id,
        subject=circular.subject,
        obligation=obligation,
        form=form,
        first=first,
        last=last,
        expected=expected,
        rows=ordered,
        missing=tuple(
            sorted(missing, key=lambda one: (one.period or "", one.office, one.event or 0)),
        ),
        summaries=tuple(_summarise_field(field, ordered, expected) for field in form.fields),
        digest=collation_digest(circular_id, obligation.id, (row.id for row in ordered)),
    )


def collation_digest(circular_id: bytes, obligation: str, ids: Iterable[bytes]) -> bytes:
    """Give the SHA-256 that names a set of reports for an obligation, 32 bytes (FORMAT.md, section 17)."""
    reports = sorted(encode_base64(one) for one in ids)
    lines = (_DIGEST_FORMAT, encode_base64(circular_id), obligation, *reports)
    return sha256("".join(f"{line}\n" for line in lines).encode("ascii")).digest()


def is_below_target(field: Field, value: Value) -> bool:
    """Tell whether a value is a number below the target of its field."""
    return field.target is not None and _decimal(value) < Decimal(field.target)


def _place(row: Row) -> tuple[str, str, int, str, bytes]:
    """Order by period, or by day and count of an event, then by office. Periods of one kind order as text."""
    event = row.event
    return row.period or "", event.date if event else "", event.count if event else 0, row.office, row.id


def _summarise_field(field: Field, rows: Sequence[Row], expected: int) -> Summary:
    found = [(row, row.values[field.name]) for row in rows if field.name in row.values]
    if field.type != "table":
        return _summarise(field, found, expected)
    lines = [Line(row, cells) for row, table in found if isinstance(table, tuple) for cells in table]
    return Lines(
        field=field,
        reporting=len(found),
        of=expected,
        lines=tuple(lines),
        columns=tuple(
            _summarise(
                column,
                [(line.row, line.cells[column.name]) for line in lines if column.name in line.cells],
                len(lines),
            )
            for column in field.columns
        ),
    )


def _summarise(field: Field, found: Sequence[tuple[Row, Value]], of: int) -> Figures | Choices | Entries:
    if field.type in _NUMBERS:
        return _figures(field, found, of)
    if field.type in ("select", "boolean"):
        counted = Counter(_choice(value) for _, value in found)
        choices = field.choices or _CHOICES["boolean"]
        # reports are checked against the form; another choice is counted all the same, and not lost
        names = (*choices, *sorted(counted.keys() - set(choices)))
        return Choices(
            field=field, reporting=len(found), of=of, counts={name: counted[name] for name in names}
        )
    entries = tuple(TextEntry(row, str(value)) for row, value in found)
    return Entries(field=field, reporting=len(entries), of=of, entries=entries)


def _figures(field: Field, found: Sequence[tuple[Row, Value]], of: int) -> Figures:
    numbers = [_decimal(value) for _, value in found]
    by_office: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    titles = {row.office: row.title for row, _ in found}  # the newest, where an office was renamed
    for (row, _), value in zip(found, numbers, strict=True):
        by_office[row.office, titles[row.office]].append(value)
    return Figures(
        field=field,
        reporting=len(numbers),
        of=of,
        total=_sum(numbers) if numbers else None,
        median=_median(numbers) if numbers else None,
        minimum=min(numbers, default=None),
        maximum=max(numbers, default=None),
        below_target=_below(field, numbers),
        offices=tuple(
            OfficeFigure(office, title, _sum(values), len(values), _below(field, values))
            for (office, title), values in sorted(by_office.items())
        ),
    )


def _below(field: Field, numbers: Sequence[Decimal]) -> int:
    return 0 if field.target is None else sum(number < Decimal(field.target) for number in numbers)


def _sum(numbers: Iterable[Decimal]) -> Decimal:
    total = Decimal(0)
    for number in numbers:
        total = _EXACT.add(total, number)
    return total


def _median(numbers: Sequence[Decimal]) -> Decimal:
    """Give the middle number, or half the sum of the two in the middle, with no more digits than needed."""
    ordered = sorted(numbers)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    if low == high:
        return low
    both = _EXACT.add(low, high)
    half = _EXACT.multiply(both, _HALF)
    shorter = half.quantize(both, context=Context(prec=_EXACT.prec))
    return shorter if shorter == half else half


def _choice(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _decimal(value: Value) -> Decimal:
    """Take a number as messages have it: an integer, or a decimal as a string."""
    assert isinstance(value, (int, str))  # noqa: S101 - the report's form says so
    return Decimal(value)
