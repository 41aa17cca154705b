"""A small realm in which nothing is random, so that every run makes the same bytes of it.

cc      the centre, classical; may issue
penza   a branch, classical; two keys, of which two must sign
tula    a branch with hybrid keys
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256, shake_256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from dispatch.formats.envelope import NOTE_NAMESPACE, Copy, encode_envelope, leaf_data
from dispatch.formats.merkle import Tree, leaf_hash
from dispatch.formats.message import Circular, Message, content_digest, encode_message, parse_message
from dispatch.formats.note import FIRST_HEAD, Copies, Head, Note, Number, RosterRef, encode_note
from dispatch.formats.plaintext import Secrets, encode_secrets
from dispatch.formats.statement import Statement, sign_statement
from keys import age
from keys.card import Card, make_card, sign_card
from keys.codec import encode_base64
from keys.roster import add_office, first_roster, next_version, set_group, set_root, set_threshold
from keys.signed import SignedText, sign_text
from keys.signing import COMPOSITE, ED25519, SigningKey
from keys.trust import encode_roster_file, fingerprints, sign_roster, trust_pinned

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keys.roster import Roster

VECTORS = Path(__file__).parent.parent / "vectors"
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
DAY = timedelta(days=1)
FILE_KEY = bytes(range(16))
FIRST = Number("cc", "2026", 1)

ROOT, ROOT_2, CENTRE, BRANCH, BRANCH_2 = (
    SigningKey(type=ED25519, seed=bytes([number]) * 32) for number in range(1, 6)
)
HYBRID_SIGNER = SigningKey(type=COMPOSITE, seed=bytes(range(64)))
CENTRE_IDENTITY, BRANCH_IDENTITY = (age.X25519Identity(bytes([number]) * 32) for number in (1, 2))
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


def make_cards() -> dict[str, Card]:
    parts: dict[str, tuple[str, list[SigningKey], Any]] = {
        "cc": ("Центральный комитет", [CENTRE], CENTRE_IDENTITY),
        "penza": ("Пензенский губком", [BRANCH, BRANCH_2], BRANCH_IDENTITY),
        "tula": ("Тульский губком", [HYBRID_SIGNER], HYBRID_IDENTITY),
    }
    return {
        handle: make_card(
            handle=handle,
            title=title,
            classical=handle != "tula",
            signing=[key.verify_key for key in signers],
            sealing=[identity.recipient()],
        )
        for handle, (title, signers, identity) in parts.items()
    }


CARDS = make_cards()
CARD_FILES = {
    "cc": sign_card(CARDS["cc"], [CENTRE]),
    "penza": sign_card(CARDS["penza"], [BRANCH, BRANCH_2]),
}


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


def make_plaintext(message: Message) -> tuple[bytes, bytes]:
    """Give a message the secrets that belong to it: both lines."""
    from msgspec.structs import replace

    secrets = Secrets(
        format="dispatch-secrets/v1",
        slot_key=digest(20) if isinstance(message, Circular) else None,
        attachments=tuple("AGE-SECRET-KEY-PQ-1" for _ in message.attachments),
        padding="",
    )
    secrets_line = encode_secrets(secrets, len(encode_message(message)))
    full = replace(message, secrets=encode_base64(sha256(secrets_line).digest()))
    return encode_message(full), secrets_line


def make_note(message: bytes, count: int, root: bytes, number: Number, roster: Roster) -> Note:
    return Note(
        number=number,
        date=NOW,
        roster=RosterRef("rkp", roster.version, roster.digest),
        register=FIRST_HEAD if number.ordinal == 1 else Head(number.volume, number.ordinal - 1, bytes(32)),
        content=content_digest(message),
        copies=Copies(count, root),
    )


def make_envelopes(
    signers: Sequence[SigningKey] = (CENTRE,),
    handles: tuple[str, ...] = ("cc", "penza"),
    number: Number = FIRST,
    message: Message | None = None,
) -> dict[str, bytes]:
    """Make a dispatch to classical offices, as of the second roster; one random body serves them all."""
    if message is None:
        message = parse_message(line({**MESSAGES["letter"], "to": ["penza"]}))
    identities = {"cc": CENTRE_IDENTITY, "penza": BRANCH_IDENTITY}
    plain, secrets = make_plaintext(message)
    bodies = []
    for handle in handles:
        with fixed_randomness():
            bodies.append(age.encrypt(plain + secrets, [identities[handle].recipient()]))
    leaves = [
        leaf_hash(leaf_data(index, handle, None, sha256(body).digest()))
        for index, (handle, body) in enumerate(zip(handles, bodies, strict=True), 1)
    ]
    tree = Tree(leaves)
    text = encode_note(make_note(plain, len(handles), tree.root, number, ROSTERS[1]))
    signed = SignedText(text=text, signatures=tuple(sign_text(text, key, NOTE_NAMESPACE) for key in signers))
    return {
        handle: encode_envelope(
            signed,
            Copy(
                index=index,
                to=handle,
                after=None,
                body=sha256(body).digest(),
                proof=tree.proof(index - 1),
            ),
            body,
        )
        for index, (handle, body) in enumerate(zip(handles, bodies, strict=True), 1)
    }


ENVELOPES = make_envelopes()
BY_TWO = make_envelopes(
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
        roster=RosterRef("rkp", 2, ROSTERS[1].digest),
        ids=tuple(sha256(bytes([number])).digest() for number in range(3)),
    ),
    [CENTRE],
)
ROSTER_FILE = encode_roster_file(SIGNED_ROSTERS)
TRUSTED_FILE = encode_roster_file(TRUSTED.chain)
