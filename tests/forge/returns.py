"""Returns to collate, for tests and screenshots: an obligation, its form, reports that answer it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from dispatch.duties.collation import Collation, Missing, Row, collate
from dispatch.formats.message import Circular, Event
from dispatch.formats.note import Number
from dispatch.formats.obligation import Field, Form
from tests.forge.dispatches import make_message, make_obligation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dispatch.formats.obligation import FieldType, Obligation, Value

CIRCULAR_NUMBER = Number("cc", "2026", 1)
CIRCULAR_ID = sha256(b"circular").digest()


def field(
    name: str,
    label: str,
    kind: FieldType,
    *,
    target: str | None = None,
    choices: tuple[str, ...] = (),
    columns: tuple[Field, ...] = (),
) -> Field:
    return Field(
        name=name,
        label=label,
        type=kind,
        required=False,
        minimum=None,
        maximum=None,
        target=target,
        choices=choices,
        columns=columns,
    )


FORM = Form(
    id="monthly",
    fields=(
        field("meetings", "Число отчётных собраний", "integer", target="1"),
        field("attended", "Присутствовало рабочих и крестьян", "integer"),
        field("share", "Доля должностных лиц, давших отчёт, %", "decimal", target="75"),
        field("course", "Как прошли собрания", "select", choices=("спокойно", "оживлённо", "враждебно")),
        field("food", "Отчитался ли продовольственный комитет", "boolean"),
        field("last", "День последнего собрания", "date"),
        field("criticism", "Что критиковали беспартийные", "text"),
        field(
            "demands",
            "Требования беспартийных",
            "table",
            columns=(
                field("demand", "Требование", "text"),
                field("times", "Сколько раз заявлено", "integer"),
                field("met", "Удовлетворено", "boolean"),
            ),
        ),
    ),
)


def obligation_of(every: str | None = "month", *, after: str | None = None) -> Obligation:
    from_ = "2026-05" if every else None
    return make_obligation("monthly", paragraph=4, every=every, after=after, from_=from_, by=("@provinces",))


def circular_of(form: Form, obligation: Obligation, subject: str) -> Circular:
    return make_message(
        Circular,
        CIRCULAR_NUMBER,
        datetime(2026, 4, 27, 9, tzinfo=UTC),
        to=("@provinces",),
        precedence="priority",
        subject=subject,
        zone="Europe/Moscow",
        reply="undertaking",
        reply_within="P7D",
        obligations=(obligation,),
        forms=(form,),
    )


def row(
    office: str,
    values: Mapping[str, Value] | None = None,
    *,
    title: str | None = None,
    period: str | None = "2026-05",
    event: Event | None = None,
    ordinal: int = 2,
    revised: int = 0,
    state: str = "on-time",
) -> Row:
    """Make a return. Without values it is a nil return."""
    place = f"{office} {period} {event} {ordinal}"
    return Row(
        office=office,
        title=title or office.capitalize(),
        period=period,
        event=event,
        number=Number(office, "2026", ordinal),
        id=sha256(place.encode()).digest(),
        date=datetime(2026, 6, 3, 9, tzinfo=UTC) + timedelta(days=30 * (ordinal - 2)),
        nil=values is None,
        values=values or {},
        revised=revised,
        state=state,
    )


def collation(
    rows: Iterable[Row],
    fields: Sequence[Field] = FORM.fields,
    *,
    subject: str = "О беспартийных конференциях",
    obligation: Obligation | None = None,
    first: str | None = "2026-05",
    last: str | None = "2026-05",
    expected: int = 5,
    missing: Iterable[Missing] = (),
) -> Collation:
    duty = obligation or obligation_of()
    form = Form(id="monthly", fields=tuple(fields))
    return collate(
        number=CIRCULAR_NUMBER,
        circular=circular_of(form, duty, subject),
        circular_id=CIRCULAR_ID,
        obligation=duty,
        form=form,
        first=first,
        last=last,
        expected=expected,
        rows=rows,
        missing=missing,
    )


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "\u202eгубком\u200f\x1b[31m",
    "]]>--></style></title>",
    "&amp;&lt;" + "Д" * 10_000,
)


def example(text: str = "Топливо на зиму") -> Collation:
    """Give a table of two months and three offices, in which every text is `text`."""
    fields = tuple(
        Field(
            name=one.name,
            label=text[:200] if one.type != "boolean" else one.label,
            type=one.type,
            required=False,
            minimum=None,
            maximum=None,
            target=one.target,
            choices=tuple(f"{choice} {text[:50]}" for choice in one.choices),
            columns=one.columns,
        )
        for one in FORM.fields
    )
    rows = [
        row(
            office,
            {
                "meetings": meetings,
                "share": "81.50",
                "course": fields[3].choices[ordinal % 3],
                "food": True,
                "last": "2026-05-30",
                "criticism": text,
                "demands": ({"demand": text, "times": 3, "met": False},),
            },
            title=text[:200],
            ordinal=ordinal,
        )
        for ordinal, (office, meetings) in enumerate((("tula", 12), ("samara", 0), ("saratov", 7)), 2)
    ]
    missing = [Missing(office="yaroslavl", title=text[:200], period="2026-05", event=None, state="overdue")]
    return collation([*rows, row("penza", title=text[:200])], fields, subject=text[:250], missing=missing)
