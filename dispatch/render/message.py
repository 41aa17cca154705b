"""A message as a terminal shows it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatch.formats.message import Circular, Decision, Letter, Receipt, Report
from dispatch.render.terminal import dtg, fields, indented, moment_text
from keys.text import parse_date

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from dispatch.duties.case import Effect
    from dispatch.formats.message import Message, Relation
    from dispatch.formats.obligation import Field, Form, Obligation, Value

    Pairs = list[tuple[str, str]]

_DONE = {
    "amends": "amended",
    "supersedes": "superseded",
    "cancels": "cancelled",
    "amplifies": "amplified",
    "refers": "referred to",
}


def message_text(
    message: Message,
    moment: datetime,
    titles: Mapping[str, str],
    width: int,
    *,
    effects: Sequence[Effect] = (),
    form: Form | None = None,
) -> str:
    """Show a message in `width` columns. What others wrote is indented or comes after a label.

    `effects`: what later dispatches did to it; `form`: the one that a report fills in, if it is known.
    """
    sender = titles.get(message.from_, "")
    pairs = [
        ("number", message.number),
        ("kind", message.kind),
        ("date", moment_text(moment)),
        ("from", f"{message.from_}  {sender}".strip()),
        ("to", ", ".join(message.to)),
    ]
    if message.info:
        pairs.append(("info", ", ".join(message.info)))
    if message.precedence != "routine":
        pairs.append(("precedence", message.precedence))
    pairs.append(("subject", message.subject))
    match message:
        case Circular():
            pairs += _circular(message, effects)
        case Letter():
            pairs += _relations(message.relations)
        case Report():
            pairs += _report(message)
        case Receipt():
            pairs += _receipt(message)
        case Decision():
            pairs += _decision(message)
    pairs += [("attached", f"{item.name} ({item.size:,} bytes)") for item in message.attachments]
    parts = [fields(pairs, width)]
    if isinstance(message, Report) and not message.nil:
        parts.append(indented(_values(message.values, form), width))
    if not isinstance(message, Receipt) and message.body:
        parts.append(indented(message.body, width))
    return "\n\n".join(parts)


def _circular(message: Circular, effects: Sequence[Effect]) -> Pairs:
    pairs: Pairs = []
    if message.reply != "receipt":
        within = f", within {message.reply_within}" if message.reply_within else ""
        pairs.append(("reply", f"{message.reply} expected{within}"))
    pairs += _relations(message.relations)
    ended = any(effect.ends and effect.paragraph is None for effect in effects)
    pairs += [
        ("in force", "no" if ended else "yes"),
        *(
            ("", f"{_paragraph(effect.paragraph)}{_DONE[effect.type]} by {effect.by} of {dtg(effect.date)}")
            for effect in effects
        ),
    ]
    pairs += [("promised", promise.text) for promise in message.promises]
    forms = {form.id: form for form in message.forms}
    for obligation in message.obligations:
        pairs += _obligation(obligation, forms[obligation.form])
    return pairs


def _relations(relations: Iterable[Relation]) -> Pairs:
    return [
        (one.type, one.number + (f", paragraph {one.paragraph}" if one.paragraph else ""))
        for one in relations
    ]


def _paragraph(paragraph: int | None) -> str:
    return f"paragraph {paragraph} " if paragraph else ""


def _obligation(obligation: Obligation, form: Form) -> Pairs:
    if obligation.every:
        until = f" until {obligation.until}" if obligation.until else ""
        when = f"every {obligation.every} from {obligation.from_}{until}, due {obligation.due} after its end"
    elif obligation.once:
        when = f"once, due {obligation.due} after {obligation.once}"
    elif obligation.before:
        when = f"due {obligation.due} before each {obligation.before}"
    else:
        when = f"due {obligation.due} after each {obligation.after}"
    nil = "; a nil return is allowed" if obligation.nil else ""
    vouch = "; the report is an undertaking" if obligation.undertaking else ""
    where = f" (paragraph {obligation.paragraph})" if obligation.paragraph else ""
    return [
        ("owed", f"{obligation.id}{where}: {when}{nil}{vouch}; by {', '.join(obligation.by)}"),
        *(("", _field(one)) for one in form.fields),
    ]


def _field(one: Field) -> str:
    rules = [one.type, "required"] if one.required else [one.type]
    rules += [
        f"{word} {bound}"
        for word, bound in (("minimum", one.minimum), ("maximum", one.maximum), ("target", one.target))
        if bound is not None
    ]
    rules += [" / ".join(one.choices)] if one.choices else []
    rules += [", ".join(column.label for column in one.columns)] if one.columns else []
    return f"- {one.label}: {', '.join(rules)}"


def _report(message: Report) -> Pairs:
    pairs: Pairs = [("answers", f"{message.answers.number}#{message.answers.obligation}")]
    if message.period:
        pairs.append(("period", message.period))
    if message.event:
        pairs.append(("event", f"{message.event.count}: {message.event.label}, {message.event.date}"))
    if message.nil:
        pairs.append(("nil", "there is nothing to report"))
    if message.revision_reason:
        pairs.append(("revision", message.revision_reason))
    return pairs


def _values(values: Mapping[str, Value], form: Form | None) -> str:
    known = {one.name: one for one in form.fields} if form else {}
    return "\n".join(line for name, value in values.items() for line in _value(name, value, known.get(name)))


def _value(name: str, value: Value, known: Field | None) -> list[str]:
    label = known.label if known else name
    if not isinstance(value, tuple):
        return [f"{label}: {_plain(value)}"]
    columns = {column.name: column.label for column in known.columns} if known else {}
    return [
        f"{label}:",
        *(
            "- " + "; ".join(f"{columns.get(key, key)}: {_plain(cell)}" for key, cell in row.items())
            for row in value
        ),
    ]


def _plain(value: bool | int | str) -> str:  # noqa: FBT001 - a value of a form
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _receipt(message: Receipt) -> Pairs:
    return [
        (
            item.state,
            item.number + (f", {item.by}" if item.by else "") + (f": {item.reason}" if item.reason else ""),
        )
        for item in message.items
    ]


def _decision(message: Decision) -> Pairs:
    pairs: Pairs = [("decision", message.decision)]
    if message.report:
        pairs.append(("report", message.report.number))
    if message.slot:
        slot = message.slot
        occasion = slot.period or (f"event {slot.event}" if slot.event else "once")
        pairs.append(("slot", f"{slot.number}#{slot.obligation}, {slot.office}, {occasion}"))
    if message.until:
        pairs.append(("until", moment_text(parse_date(message.until))))
    if message.reason:
        pairs.append(("reason", message.reason))
    return pairs
