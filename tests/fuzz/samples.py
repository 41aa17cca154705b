"""A small realm in which nothing is random, so that every run makes the same bytes of it.

cc      the centre, classical; may issue
penza   a branch, classical; two keys, of which two must sign
tula    a branch with hybrid keys
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from hashlib import sha256, shake_256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from dispatch.formats.message import Message, content_digest, parse_message
from dispatch.formats.note import Number
from dispatch.formats.statement import Statement, sign_statement
from keys import age
from keys.codec import encode_base64
from keys.keyfile import SecretKeys
from keys.roster import add_office, first_roster, next_version, set_group, set_root, set_threshold
from keys.signing import COMPOSITE, SigningKey
from keys.trust import encode_roster_file, fingerprints, sign_roster, trust_pinned
from tests.forge.dispatches import (
    DAY,
    NOW,
    make_copies,
    make_envelopes,
    make_note,
    make_plaintext,
    roster_ref,
    sign_note,
)
from tests.forge.roster import card_file, card_of, numbered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keys.roster import Roster

VECTORS = Path(__file__).parent.parent / "vectors"
FIRST = Number("cc", "2026", 1)

ROOT, ROOT_2, CENTRE, BRANCH, BRANCH_2 = (numbered(number).signing_keys[0] for number in range(1, 6))
HYBRID_SIGNER = SigningKey(type=COMPOSITE, seed=bytes(range(64)))
CENTRE_IDENTITY, BRANCH_IDENTITY = (numbered(number).identities[0] for number in range(2))
HYBRID_IDENTITY = age.parse_identity((VECTORS / "age/hybrid.identity").read_text().strip())


@contextmanager
def fixed_randomness() -> Iterator[None]:
    """Make age seal alike each time: its random bytes are a stream that begins anew here."""
    stream = shake_256(b"not random").digest(4096)
    place = 0

    def take(size: int) -> bytes:
        nonlocal place
        place += size
        return stream[place - size : place]

    class Ephemeral(X25519PrivateKey):
        @staticmethod
        def generate() -> X25519PrivateKey:
            return X25519PrivateKey.from_private_bytes(take(32))

    with patch("os.urandom", take), patch("keys.age.x25519.X25519PrivateKey", Ephemeral):
        yield


TITLES = {"cc": "Центральный комитет", "penza": "Пензенский губком", "tula": "Тульский губком"}
KEYS = {
    "cc": SecretKeys(identities=(CENTRE_IDENTITY,), signing_keys=(CENTRE,)),
    "penza": SecretKeys(identities=(BRANCH_IDENTITY,), signing_keys=(BRANCH, BRANCH_2)),
    "tula": SecretKeys(identities=(HYBRID_IDENTITY,), signing_keys=(HYBRID_SIGNER,)),
}
CARDS = {handle: card_of(handle, keys, title=TITLES[handle]) for handle, keys in KEYS.items()}
CARD_FILES = {handle: card_file(handle, KEYS[handle], title=TITLES[handle]) for handle in ("cc", "penza")}


def make_rosters() -> tuple[Roster, Roster, Roster]:
    """Three versions: the centre alone; all; a further root key and a group that has shrunk."""
    first = first_roster(realm="rkp", root=[ROOT.verify_key], date=NOW - DAY, expires=NOW + 300 * DAY)
    first = add_office(first, CARDS["cc"], ["issue", "report"])
    second = next_version(first, date=NOW, expires=NOW + 365 * DAY)
    for handle in ("penza", "tula"):
        second = add_office(second, CARDS[handle], ["report"])
    second = set_group(set_threshold(second, "penza", 2), "provinces", ["penza", "tula"])
    third = next_version(second, date=NOW, expires=NOW + 366 * DAY)
    third = set_root(third, [ROOT.verify_key, ROOT_2.verify_key], threshold=2)
    return first, second, set_group(third, "provinces", ["tula"])


ROSTERS = make_rosters()
SIGNED_ROSTERS = tuple(sign_roster(roster, [ROOT, ROOT_2][: max(1, i)]) for i, roster in enumerate(ROSTERS))
PIN = fingerprints(SIGNED_ROSTERS)[0]
TRUSTED = trust_pinned(SIGNED_ROSTERS, PIN)
TRUSTED_2 = trust_pinned(SIGNED_ROSTERS[:2], PIN)


def line(value: dict[str, Any]) -> bytes:
    """Write canonical JSON by the standard library."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def digest(number: int) -> str:
    return encode_base64(sha256(str(number).encode()).digest())


def make_message(kind: str, number: str = "cc/2026/1", **members: Any) -> dict[str, Any]:
    common = {
        "kind": kind,
        "format": "dispatch-message/v1",
        "salt": digest(0),
        "secrets": digest(1),
        "number": number,
        "date": "2026-11-23T09:00:00Z",
        "from": number.partition("/")[0],
        "to": ["@provinces"],
        "info": [],
        "precedence": "routine",
        "subject": "Отчёт",
        "attachments": [],
    }
    return common | members


def _field(name: str, kind: str, **members: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {"minimum": None, "maximum": None, "target": None, "choices": [], "columns": []}
    return {"name": name, "label": f"Поле {name}", "type": kind, "required": True, **plain, **members}


def _obligation(name: str, **members: Any) -> dict[str, Any]:
    none = dict.fromkeys(("every", "before", "after", "once", "from", "until"))
    plain = {"due": "P5D", "nil": True, "undertaking": False, "by": ["@provinces"]}
    return {"id": name, "paragraph": 4, "form": "monthly", **none, **plain, **members}


EVERY_TYPE = {
    "id": "monthly",
    "fields": [
        _field("meetings", "integer", minimum="0", maximum="1000", target="1"),
        _field("share", "decimal", required=False, maximum="100"),
        _field("course", "text", required=False),
        _field("last", "date", required=False),
        _field("met", "boolean", required=False),
        _field("mood", "select", required=False, choices=["хорошее", "плохое"]),
        _field(
            "demands",
            "table",
            required=False,
            columns=[
                _field("demand", "text"),
                _field("times", "integer", required=False, minimum="1"),
                _field("share", "decimal", required=False),
                _field("day", "date", required=False),
                _field("met", "boolean", required=False),
                _field("mood", "select", required=False, choices=["a", "b"]),
            ],
        ),
    ],
}
RELATION = {"type": "amplifies", "number": "cc/2026/3", "id": digest(9), "paragraph": 2}
SLOT = {
    "number": "cc/2026/4",
    "id": digest(4),
    "obligation": "monthly",
    "office": "tula",
    "period": "2026-05",
    "event": None,
}
MESSAGES: dict[str, dict[str, Any]] = {
    "letter": make_message("letter", body="Текст", relations=[RELATION]),
    "circular": make_message(
        "circular",
        to=["@provinces", "cc"],
        attachments=[{"name": "План.pdf", "size": 70000, "digest": digest(2), "sealed": digest(3)}],
        body="1. Первое.\n\n2.\tВторое.",
        zone="Europe/Moscow",
        reply="undertaking",
        reply_within="P7D",
        relations=[RELATION],
        promises=[{"text": "Инструкция"}],
        obligations=[
            {**_obligation("monthly"), "every": "month", "from": "2026-05", "until": "2027-04"},
            _obligation("before", before="conference"),
            _obligation("once", once="2026-12-31"),
        ],
        forms=[
            {
                "id": "monthly",
                "fields": [
                    _field("meetings", "integer", minimum="-1", target="0.5"),
                    _field("mood", "select", choices=["хорошее", "плохое"]),
                    _field("demands", "table", columns=[_field("demand", "text")]),
                ],
            }
        ],
    ),
    "report": make_message(
        "report",
        "penza/2026/2",
        body="",
        answers={"number": "cc/2026/4", "id": digest(4), "obligation": "monthly", "form": digest(6)},
        period="2026-W05",
        event=None,
        nil=False,
        values={"meetings": 12, "share": "12.50", "met": True, "demands": [{"demand": "Хлеб"}]},
        revises=digest(7),
        revision_reason="Ошибка",
    ),
    "receipt": make_message(
        "receipt",
        "penza/2026/3",
        items=[
            {"number": "cc/2026/1", "id": digest(8), "state": "received", "by": None, "reason": None},
            {"number": "cc/2026/2", "id": digest(7), "state": "refused", "by": "Иванов", "reason": "Нет"},
        ],
    ),
    "return": make_message(
        "decision",
        body="",
        decision="return",
        report={"number": "tula/2026/3", "id": digest(5)},
        slot=None,
        until=None,
        reason="Не сходится",
    ),
    "extend": make_message(
        "decision",
        body="",
        decision="extend",
        report=None,
        slot=SLOT,
        until="2026-12-01T00:00:00Z",
        reason=None,
    ),
}


def plaintext_of(message: Message) -> tuple[bytes, bytes]:
    """Give a message the secrets that belong to it: both lines."""
    attachments = tuple("AGE-SECRET-KEY-PQ-1" for _ in message.attachments)
    return make_plaintext(message, sha256(b"20").digest(), attachments=attachments)


def make_dispatch(
    signers: Sequence[SigningKey] = (CENTRE,),
    handles: tuple[str, ...] = ("cc", "penza"),
    number: Number = FIRST,
    message: Message | None = None,
) -> dict[str, bytes]:
    """Make a dispatch to classical offices, as of the second roster. Every body has the same randomness."""
    if message is None:
        message = parse_message(line({**MESSAGES["letter"], "to": ["penza"]}))
    said, hidden = plaintext_of(message)
    bodies = []
    for handle in handles:
        with fixed_randomness():
            bodies.append((handle, age.encrypt(said + hidden, [KEYS[handle].identities[0].recipient()])))
    copies, together = make_copies(bodies)
    note = make_note(number, NOW, roster_ref(ROSTERS[1]), together, content=content_digest(said))
    return make_envelopes(sign_note(note, signers), copies, bodies)


ENVELOPES = make_dispatch()
BY_TWO = make_dispatch(
    (BRANCH, BRANCH_2),
    ("cc", "penza"),
    Number("penza", "2026", 2),
    parse_message(line(make_message("letter", "penza/2026/2", to=["cc"], body="Ответ", relations=[]))),
)
STATEMENT = sign_statement(
    Statement(
        issuer="cc",
        volume="2026",
        date=NOW,
        roster=roster_ref(ROSTERS[1]),
        ids=tuple(sha256(bytes([number])).digest() for number in range(3)),
    ),
    [CENTRE],
)
ROSTER_FILE = encode_roster_file(SIGNED_ROSTERS)
TRUSTED_FILE = encode_roster_file(TRUSTED.chain)
