"""Read the tables of a draft: relations to other dispatches, promises, forms and obligations. Pure."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Literal, cast, get_args

from dispatch.drafts.text import meant, paragraphs
from dispatch.formats.message import PromiseMade, Relation, RelationType
from dispatch.formats.note import parse_number
from dispatch.formats.obligation import MAX_OBLIGATIONS, Field, FieldType, Form, Obligation, check_field_name
from dispatch.formats.periods import Every, example, parse_day, parse_period
from keys.text import parse_handle

if TYPE_CHECKING:
    from dispatch.drafts.table import Table
    from dispatch.formats.periods import Period

_TRIGGERS = ("every", "before", "after", "once")
_OF_RELATIONS = ("type", "number", "paragraph")
_OF_OBLIGATIONS = (
    *("id", "paragraph", "form", *_TRIGGERS),
    *("from", "until", "due", "nil", "undertaking", "by"),
)
_OF_FORMS = ("id", "field")
_BOUNDS = ("minimum", "maximum", "target")
_OF_FIELDS = ("name", "label", "type", "required", *_BOUNDS, "choices", "column")
_NUMBERS = ("integer", "decimal")


def read_relations(table: Table, *, is_letter: bool) -> tuple[Relation, ...]:
    """Read `[[relation]]`: what the draft does to earlier circulars."""
    relations = []
    seen = set()
    for item in table.tables("relation", "relation"):
        item.check_names(_OF_RELATIONS)
        types = get_args(RelationType)
        item.need("type", f"one of: {', '.join(types)}")
        item.need("number", 'number = "cc/2026/3"')
        type_ = item.choice("type", types)
        number = item.checked("number", parse_number, 'number = "cc/2026/3"')
        paragraph = item.count("paragraph")
        if is_letter and type_ not in (None, "refers"):
            hint = 'a letter may have type = "refers"'
            item.malformed("type", "only a circular amends, supersedes, cancels or amplifies", hint)
        key = (type_, number, paragraph)
        if key in seen and None not in key[:2]:
            item.malformed("", "this relation stands twice", "delete one of them")
        seen.add(key)
        relations.append(
            Relation(type=cast("RelationType", type_), number=number or "", id=None, paragraph=paragraph)
        )
    return tuple(relations)


def read_promises(table: Table) -> tuple[PromiseMade, ...]:
    """Read `[[promise]]`: what the centre itself will owe."""
    promises = []
    for item in table.tables("promise", "promise"):
        item.check_names(("text",))
        item.need("text", 'text = "what is promised"')
        promises.append(PromiseMade(text=item.label("text") or ""))
    return tuple(promises)


def read_forms(table: Table) -> tuple[Form, ...]:
    """Read `[[form]]` with its fields and columns: what reports have to say."""
    forms = []
    ids: set[str] = set()
    for item in table.tables("form", "form", MAX_OBLIGATIONS):
        item.check_names(_OF_FORMS)
        form_id = _id(item, ids)
        forms.append(Form(id=form_id, fields=_read_fields(item)))
    return tuple(forms)


def read_obligations(
    table: Table, forms: tuple[Form, ...], to: tuple[str, ...], body: str
) -> tuple[Obligation, ...]:
    """Read `[[obligation]]`: the duties to report."""
    numbers = {number for number, _ in paragraphs(body)}
    known = [form.id for form in forms if form.id]
    obligations = []
    ids: set[str] = set()
    for item in table.tables("obligation", "obligation", MAX_OBLIGATIONS):
        item.check_names(_OF_OBLIGATIONS)
        obligation = _read_obligation(item, ids, to)
        if obligation.form and obligation.form not in known:
            hint = f'a form begins: [[form]] and id = "{obligation.form}"'
            item.malformed("form", f"no form {obligation.form!r}{meant(obligation.form, known)}", hint)
        if obligation.paragraph is not None and obligation.paragraph not in numbers:
            number = obligation.paragraph
            item.refused(
                "paragraph",
                f"the text has no paragraph {number}",
                f"a numbered paragraph begins its line with {number}.",
            )
        obligations.append(obligation)
    used = {obligation.form for obligation in obligations}
    if used <= set(known):  # a name that is misspelt is one problem, not two
        for position, form in enumerate(forms):
            if form.id and form.id not in used:
                hint = f'an obligation uses it with form = "{form.id}"'
                table.refused(f"form[{position}].id", f"no obligation uses the form {form.id!r}", hint)
    return tuple(obligations)


def _id(item: Table, ids: set[str]) -> str:
    """Read the id of a form or obligation, which may stand only once. Empty if it is missing or wrong."""
    item.need("id", 'id = "monthly"')
    value = item.checked("id", parse_handle) or ""
    if value in ids:
        item.malformed("id", f"the id {value!r} stands twice", "each has its own")
    if value:
        ids.add(value)
    return value


def _read_obligation(item: Table, ids: set[str], to: tuple[str, ...]) -> Obligation:
    own = _id(item, ids)
    form = item.checked("form", parse_handle) or "" if "form" in item.members else own
    trigger = _trigger(item)
    every = cast("Every | None", item.choice("every", get_args(Every)))
    first, last = _read_span(item, trigger, every)
    item.need("due", 'due = "P5D", five days')
    nil, undertaking = item.boolean("nil"), item.boolean("undertaking")
    if nil and trigger not in ("every", "once", None):
        item.refused("nil", "an event has no nil return", "nil goes with every or once")
    if undertaking and trigger not in ("before", None):
        item.refused("undertaking", "only a report before an event carries an undertaking", "use before")
    by = item.handles("by") if "by" in item.members else to
    if item.members.get("by") == []:
        item.malformed("by", "by names nobody", "leave it out: then whoever the circular is to owes it")
    return Obligation(
        id=own,
        paragraph=item.count("paragraph"),
        form=form,
        every=every,
        before=item.label("before"),
        after=item.label("after"),
        once=item.day("once", parse_day),
        from_=first,
        until=last,
        due=item.duration("due") or "",
        nil=nil,
        undertaking=undertaking,
        by=by,
    )


def _trigger(item: Table) -> Literal["every", "before", "after", "once"] | None:
    """Tell which of the four triggers an obligation has; None, with a problem, if it is not exactly one."""
    there = [name for name in _TRIGGERS if name in item.members]
    if len(there) == 1:
        return cast('Literal["every", "before", "after", "once"]', there[0])
    last = max(there, key=item.line, default="")
    hint = 'every = "month", before = "conference", after = "conference" or once = 2026-12-31'
    item.malformed(last, "an obligation has exactly one of every, before, after and once", hint)
    return None


def _read_span(item: Table, trigger: str | None, every: Every | None) -> tuple[str | None, str | None]:
    """Read the first and the last period of a duty that recurs."""
    if trigger is not None and trigger != "every":
        for name in ("from", "until"):
            if name in item.members:
                item.malformed(name, f"{name} goes with every, not with {trigger}")
        return None, None
    if trigger is not None:
        item.need("from", f'from = "{example(every or "month")}", the first period')
    first, last = _read_period(item, "from", every), _read_period(item, "until", every)
    if first is not None and last is not None and last < first:
        item.malformed("until", f"until, {last.text}, is before from, {first.text}")
    return first.text if first else None, last.text if last else None


def _read_period(item: Table, name: str, every: Every | None) -> Period | None:
    value = item.members.get(name)
    if every == "year" and isinstance(value, int) and not isinstance(value, bool):
        text: str | None = str(value)
    elif value is None or isinstance(value, str):
        text = item.text(name)
    else:
        shown = example(every or "month")
        item.malformed(name, f"{name} should be a period in quotes", f'{name} = "{shown}"')
        return None
    if text is None or every is None or item.valid(name, text, partial(parse_period, every=every)) is None:
        return None
    return parse_period(text, every)


def _read_fields(item: Table, *, in_table: bool = False) -> tuple[Field, ...]:
    """Read the fields of a form, or the columns of a table."""
    fields = []
    names: set[str] = set()
    noun = "column" if in_table else "field"
    for part in item.tables(noun, noun if in_table else "form's field"):
        part.check_names(_OF_FIELDS)
        part.need("name", 'name = "meetings"')
        name = part.checked("name", check_field_name, "a to z, 0 to 9 and _, a letter first") or ""
        if name in names:
            part.malformed("name", f"the name {name!r} stands twice", f"each {noun} has its own")
        if name:
            names.add(name)
        fields.append(_read_field(part, name, in_table=in_table))
    return tuple(fields)


def _read_field(part: Table, name: str, *, in_table: bool) -> Field:
    types = get_args(FieldType)
    part.need("type", f"one of: {', '.join(types)}")
    type_ = part.choice("type", types)
    label = part.label("label") if "label" in part.members else name
    minimum, maximum, target = (_read_bound(part, bound, type_) for bound in _BOUNDS)
    if minimum is not None and maximum is not None and Decimal(minimum) > Decimal(maximum):
        part.malformed("maximum", f"maximum, {maximum}, is less than minimum, {minimum}")
    return Field(
        name=name,
        label=label or "",
        type=cast("FieldType", type_),
        required=part.boolean("required"),
        minimum=minimum,
        maximum=maximum,
        target=target,
        choices=_read_choices(part, type_),
        columns=_read_columns(part, type_, in_table=in_table),
    )


def _read_bound(part: Table, name: str, type_: str | None) -> str | None:
    if name in part.members and type_ is not None and type_ not in _NUMBERS:
        part.malformed(name, f"only numbers have a {name}", 'type = "integer" or type = "decimal"')
        return None
    return part.number(name)


def _read_choices(part: Table, type_: str | None) -> tuple[str, ...]:
    if type_ != "select":
        if type_ is not None and "choices" in part.members:
            part.malformed("choices", "only a select has choices", 'type = "select"')
        return ()
    choices = part.texts("choices")
    if part.members.get("choices", []) == []:
        part.malformed(
            "choices" if "choices" in part.members else "type", "a select has no choices", _CHOICES
        )
    seen: set[str] = set()
    for position, choice in enumerate(choices):
        if choice in seen:
            part.malformed(part.element("choices", position), f"the choice {choice!r} stands twice")
        seen.add(choice)
    return choices


def _read_columns(part: Table, type_: str | None, *, in_table: bool) -> tuple[Field, ...]:
    if in_table and (type_ == "table" or "column" in part.members):
        part.malformed("column" if type_ != "table" else "type", "a table in a table")
        return ()
    if type_ != "table":
        if type_ is not None and "column" in part.members:
            part.malformed("column", "only a table has columns", 'type = "table"')
        return ()
    if part.members.get("column", []) == []:
        hint = "a column begins: [[form.field.column]]"
        part.malformed("column" if "column" in part.members else "type", "a table has no columns", hint)
    return _read_fields(part, in_table=True)


_CHOICES = 'choices = ["…", "…"]'
