"""Sections 10 to 13: plaintexts, the five kinds of message, attachments, blinded slots."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

from tests.independent.sealed import identity_of
from tests.independent.text import (
    HANDLE,
    LIMITS,
    MALFORMED,
    NOT_GENUINE,
    NUMBER,
    bytes_of,
    differ,
    integer,
    is_base64,
    is_block,
    is_boolean,
    is_date,
    is_day,
    is_digest,
    is_line,
    many,
    matches,
    maybe,
    need,
    one_of,
    read_json,
    sha256,
    shape,
)

if TYPE_CHECKING:
    from tests.independent.text import Check, Json

SECRETS = shape(
    {
        "format": one_of("dispatch-secrets/v1"),
        "slot_key": maybe(is_base64(32)),
        "attachments": many(
            lambda value: isinstance(value, str) and identity_of(value)[0] == "mlkem768x25519"
        ),
        "padding": matches("0*"),
    }
)


def padme(length: int) -> int:
    """Round a length up, with as many significant bits as its exponent's own length allows (Padmé)."""
    exponent = length.bit_length() - 1
    unit = 1 << exponent - exponent.bit_length()
    return -(-length // unit) * unit


def is_attachment_name(value: Any) -> bool:
    small = is_line(value) and len(value.encode()) <= 255
    return small and value not in {".", ".."} and not {*value} & {"/", "\\"}


is_number, is_name, is_addressee = matches(NUMBER), matches(HANDLE), matches(f"@?{HANDLE}")
is_duration = matches(r"P[1-9][0-9]{0,4}D|PT[1-9][0-9]{0,4}H|P0D")
is_decimal = matches(r"(?!-0$)-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?")
PERIODS = {
    "week": "[0-9]{4}-W(0[1-9]|[1-4][0-9]|5[0-3])",
    "month": "[0-9]{4}-(0[1-9]|1[0-2])",
    "quarter": "[0-9]{4}-Q[1-4]",
    "year": "[0-9]{4}",
}
is_period = matches("|".join(f"(?:{each})" for each in PERIODS.values()))
FIELD: dict[str, Check] = {
    "name": matches(r"[a-z][a-z0-9_]{0,62}"),
    "label": is_line,
    "type": one_of("integer", "decimal", "text", "date", "boolean", "select", "table"),
    "required": is_boolean,
    "minimum": maybe(is_decimal),
    "maximum": maybe(is_decimal),
    "target": maybe(is_decimal),
    "choices": many(is_line),
}


def is_field(value: Any) -> bool:
    shape({**FIELD, "columns": many(is_column)})(value)
    numeric = value["type"] in {"integer", "decimal"}
    bounds = [value[name] for name in ("minimum", "maximum", "target")]
    empty = {"select": "choices", "table": "columns"}
    named = differ([each["name"] for each in value["columns"]])
    fits = all(bool(value[name]) == (value["type"] == kind) for kind, name in empty.items())
    return named and fits and (numeric or bounds == [None, None, None])


def is_column(value: Any) -> bool:
    return is_field(value) and value["type"] != "table"


def is_form(value: Any) -> bool:
    shape({"id": is_name, "fields": many(is_field)})(value)
    return differ([each["name"] for each in value["fields"]])


OBLIGATION: dict[str, Check] = {
    "id": is_name,
    "paragraph": maybe(integer()),
    "form": is_name,
    "every": maybe(one_of(*PERIODS)),
    "before": maybe(is_line),
    "after": maybe(is_line),
    "once": maybe(is_day),
    "from": maybe(is_period),
    "until": maybe(is_period),
    "due": is_duration,
    "nil": is_boolean,
    "undertaking": is_boolean,
    "by": lambda value: many(is_addressee)(value) and differ(value),
}


def is_obligation(value: Any) -> bool:
    shape(OBLIGATION)(value)
    occasions = [value[name] for name in ("every", "before", "after", "once") if value[name] is not None]
    limits = [value[name] for name in ("from", "until") if value[name] is not None]
    fits = all(value["every"] and matches(PERIODS[value["every"]])(each) for each in limits)
    return len(occasions) == 1 and (value["from"] is None) == (value["every"] is None) and fits


def is_row(value: Any, *, deep: bool = False) -> bool:
    """Check the values of a report, or the cells of one row of a table in it."""
    need(isinstance(value, dict), MALFORMED, "values that are no object")
    rows = [each for each in value.values() if isinstance(each, list)]
    cells = [each for each in value.values() if not isinstance(each, list)]
    plain = all(is_boolean(each) or type(each) is int or is_block(each) for each in cells)
    return all(map(FIELD["name"], value)) and plain and (deep or not rows) and all(map(many(is_row), rows))


def pair(**more: Check) -> Check:
    return shape({"number": is_number, "id": is_digest, **more})


RELATION = shape(
    {
        "type": one_of("amends", "supersedes", "cancels", "amplifies", "refers"),
        "number": is_number,
        "id": maybe(is_digest),
        "paragraph": maybe(integer()),
    }
)
RECEIPT_ITEM = pair(
    state=one_of("received", "acknowledged", "undertaken", "refused"),
    by=maybe(is_line),
    reason=maybe(is_line),
)
KINDS: dict[str, dict[str, Check]] = {
    "letter": {"body": is_block, "relations": many(RELATION)},
    "circular": {
        "body": is_block,
        "zone": matches(r"(?=.{1,64}$)[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}"),
        "reply": one_of("receipt", "acknowledgement", "undertaking"),
        "reply_within": maybe(is_duration),
        "relations": many(RELATION),
        "promises": many(shape({"text": is_line})),
        "obligations": many(is_obligation, 0, 64),
        "forms": many(is_form, 0, 64),
    },
    "report": {
        "body": is_block,
        "answers": pair(obligation=is_name, form=is_digest),
        "period": maybe(is_period),
        "event": maybe(shape({"count": integer(1), "label": is_line, "date": is_day})),
        "nil": is_boolean,
        "values": lambda value: is_row(value, deep=True),
        "revises": maybe(is_digest),
        "revision_reason": maybe(is_line),
    },
    "receipt": {"items": many(RECEIPT_ITEM, 1, 1024)},
    "decision": {
        "body": is_block,
        "decision": one_of("accept", "return", "extend", "waive"),
        "report": maybe(pair()),
        "slot": maybe(
            pair(obligation=is_name, office=is_name, period=maybe(is_period), event=maybe(integer(1)))
        ),
        "until": maybe(is_date),
        "reason": maybe(is_line),
    },
}
COMMON: dict[str, Check] = {
    "kind": one_of(*KINDS),
    "format": one_of("dispatch-message/v1"),
    "salt": is_base64(32),
    "secrets": is_digest,
    "number": is_number,
    "date": is_date,
    "from": is_name,
    "to": many(is_addressee, 1),
    "info": many(is_addressee),
    "precedence": one_of("deferred", "routine", "priority", "immediate", "flash"),
    "subject": is_line,
    "attachments": many(
        shape({"name": is_attachment_name, "size": integer(0), "digest": is_digest, "sealed": is_digest}),
        0,
        64,
    ),
}
RIGHTS = {"circular": "issue", "decision": "issue", "report": "report"}


def is_message(value: Any) -> bool:
    kind = value.get("kind") if isinstance(value, dict) else None
    need(one_of(*KINDS)(kind), MALFORMED, "no kind of message")
    shape({**COMMON, **KINDS[str(kind)]})(value)
    need(value["number"].split("/")[0] == value["from"], MALFORMED, "number and from differ")
    return differ(value["to"]) and differ(value["info"]) and fits_its_kind(value)


def fits_its_kind(message: Json) -> bool:
    """Check what several members of one kind must be together."""
    if message["kind"] == "circular":
        ids = [each["id"] for each in message["forms"]]
        unique = differ(ids) and differ([each["id"] for each in message["obligations"]])
        return unique and {each["form"] for each in message["obligations"]} <= {*ids}
    if message["kind"] == "report":
        occasions = (message["period"] is None) + (message["event"] is None)
        fits = occasions >= 1 and (message["revises"] is None) == (message["revision_reason"] is None)
        return fits and not (message["nil"] and message["values"])
    if message["kind"] == "receipt":
        ids = [bytes_of(each["id"]) for each in message["items"]]
        named = all((each["by"] is None) == (each["state"] == "received") for each in message["items"])
        refused = all(
            (each["reason"] is not None) == (each["state"] == "refused") for each in message["items"]
        )
        return ids == sorted({*ids}) and named and refused
    if message["kind"] == "decision":
        return fits_decision(message)
    return True


def fits_decision(message: Json) -> bool:
    """Check which members a decision has, and that a slot is not for a period and an event."""
    there = {name for name in ("report", "slot", "until", "reason") if message[name] is not None}
    due = {"accept": {"report"}, "return": {"report", "reason"}, "extend": {"slot", "until"}}
    for_both = message["slot"] and None not in {message["slot"]["period"], message["slot"]["event"]}
    return there == due.get(message["decision"], {"slot", "reason"}) and not for_both


def slot(key: bytes, verb: str, obligation: str, office: str, occasion: str) -> bytes:
    """Blind a slot: an `answers` digest of a note."""
    lines = ["dispatch-slot/v1", verb, obligation, office, occasion]
    return hmac.digest(key, "".join(f"{each}\n" for each in lines).encode(), "sha256")


def read_plaintext(note: dict[str, str], plaintext: bytes) -> tuple[Json, Json]:
    """Do step 8: both digests, then the grammar of both lines, then the padding."""
    lines = [line + b"\n" for line in plaintext.split(b"\n")]
    need(len(lines) == 3 and plaintext.endswith(b"\n"), MALFORMED, "not two lines")
    message_line, secrets_line, _ = lines
    need(sha256(message_line) == bytes_of(note["content"]), NOT_GENUINE, "the content is another")
    need(len(message_line) <= LIMITS["message"], MALFORMED, "the message is too large")
    message = read_json(message_line, is_message)
    need(sha256(secrets_line) == bytes_of(message["secrets"]), NOT_GENUINE, "the secrets are others")
    secrets = read_json(secrets_line, SECRETS)
    plain = len(plaintext) - len(secrets["padding"])
    need(len(plaintext) == padme(max(plain, 1024)), MALFORMED, "wrong padding")
    need(plain - len(message_line) <= LIMITS["secrets"], MALFORMED, "the secrets are too large")
    need(len(secrets["attachments"]) == len(message["attachments"]), MALFORMED, "not an identity for each")
    need((secrets["slot_key"] is None) == (message["kind"] != "circular"), MALFORMED, "wrong slot key")
    return message, secrets
