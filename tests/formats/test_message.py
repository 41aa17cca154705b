"""Messages and their secrets: all five kinds, every rule, and one spelling for each value."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from dispatch.errors import MessageError
from dispatch.formats.message import (
    MAX_MESSAGE,
    Circular,
    Letter,
    Report,
    content_digest,
    encode_message,
    parse_message,
)
from dispatch.formats.plaintext import (
    MAX_SECRETS,
    Secrets,
    encode_secrets,
    padded_size,
    parse_plaintext,
    parse_secrets,
)
from keys.codec import encode_base64

ARABIC_3 = "\u0663"
# the example of C2SP age.md
IDENTITY = "AGE-SECRET-KEY-PQ-1XX76JRALNLXDMEW0CRK45QMCCH4X06SE84UN3VPM33W6HWDX0H3SK3ZQFR"


def digest(n: int) -> str:
    return encode_base64(sha256(str(n).encode()).digest())


def common(kind: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "format": "dispatch-message/v1",
        "salt": digest(0),
        "secrets": digest(1),
        "number": "cc/2026/17",
        "date": "2026-11-23T09:00:00Z",
        "from": "cc",
        "to": ["@provinces", "tula"],
        "info": ["control"],
        "precedence": "priority",
        "subject": "Отношение к беспартийным / On the non-party workers",
        "attachments": [{"name": "План.pdf", "size": 70000, "digest": digest(2), "sealed": digest(3)}],
    }


def field(name: str, kind: str, **members: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {"minimum": None, "maximum": None, "target": None, "choices": [], "columns": []}
    return {"name": name, "label": f"Поле {name}", "type": kind, "required": True, **plain, **members}


OBLIGATION = {
    "id": "monthly",
    "paragraph": 4,
    "form": "monthly",
    "every": "month",
    "before": None,
    "after": None,
    "once": None,
    "from": "2026-05",
    "until": "2027-04",
    "due": "P5D",
    "nil": True,
    "undertaking": False,
    "by": ["@provinces"],
}
ON_EVENT = OBLIGATION | {"id": "before", "paragraph": None, "every": None, "from": None, "until": None}
REF = {"number": "tula/2026/3", "id": digest(5)}
SLOT = {
    "number": "cc/2026/4",
    "id": digest(4),
    "obligation": "monthly",
    "office": "tula",
    "period": "2026-05",
    "event": None,
}
ITEMS = [
    {"number": number, "id": id_, "state": state, "by": by, "reason": reason}
    for (number, state, by, reason), id_ in zip(
        [
            ("cc/2026/1", "received", None, None),
            ("cc/2026/2", "acknowledged", "Иванов, секретарь", None),
            ("cc/2026/3", "undertaken", "Иванов, секретарь", None),
            ("cc/2026/4", "refused", "Иванов, секретарь", "Нет людей"),
        ],
        [encode_base64(bytes([n]) * 32) for n in (0, 127, 128, 255)],
        strict=True,
    )
]

CIRCULAR = common("circular") | {
    "body": "1. Губкомпарты должны отвечать перед партией.\n\n2.\tThe second.",
    "zone": "Europe/Moscow",
    "reply": "undertaking",
    "reply_within": "P7D",
    "relations": [
        {"type": "amplifies", "number": "cc/2026/3", "id": digest(9), "paragraph": 2},
        {"type": "refers", "number": "tula/2025b/1", "id": None, "paragraph": None},
    ],
    "promises": [{"text": "A fuller instruction on conducting reports"}],
    "obligations": [
        OBLIGATION,
        ON_EVENT | {"before": "conference"},
        ON_EVENT | {"id": "after", "after": "conference", "due": "PT12H"},
        ON_EVENT | {"id": "once", "once": "2026-12-31", "due": "P0D"},
    ],
    "forms": [
        {
            "id": "monthly",
            "fields": [
                field("meetings", "integer", minimum="0", target="1"),
                field("share", "decimal", minimum="-0.5", maximum="100"),
                field("mood", "select", choices=["хорошее", "плохое"]),
                field("demands", "table", columns=[field("demand", "text"), field("on", "date")]),
                field("met", "boolean"),
            ],
        }
    ],
}
REPORT = common("report") | {
    "body": "",
    "answers": {"number": "cc/2026/4", "id": digest(4), "obligation": "monthly", "form": digest(6)},
    "period": "2026-05",
    "event": None,
    "nil": False,
    "values": {
        "meetings": 12,
        "share": "12.50",
        "mood": "хорошее",
        "note": "Первое.\nВторое.",
        "demands": [{"demand": "Топливо на зиму", "on": "2026-05-03"}, {"demand": "Хлеб"}],
        "none": [],
        "met": True,
    },
    "revises": digest(7),
    "revision_reason": "Ошибка в счёте",
}
RECEIPT = common("receipt") | {"items": ITEMS}
DECISION = common("decision") | {
    "body": "",
    "decision": "return",
    "report": REF,
    "slot": None,
    "until": None,
    "reason": "Цифры не сходятся",
}
ON_SLOT = DECISION | {"decision": "waive", "report": None, "slot": SLOT}
LETTER = common("letter") | {"body": "Письмо с \u202bцитатой\u202c.", "relations": []}
ALL = {"circular": CIRCULAR, "report": REPORT, "receipt": RECEIPT, "decision": DECISION, "letter": LETTER}


def line(value: dict[str, Any]) -> bytes:
    """Write JSON as FORMAT.md says, by the standard library: an implementation that is not ours."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def edited(message: dict[str, Any], **members: Any) -> bytes:
    assert members.keys() <= message.keys()
    return line(message | members)


def refused(data: bytes) -> str:
    with pytest.raises(MessageError) as caught:
        parse_message(data)
    return str(caught.value)


class TestRoundTrip:
    @pytest.mark.parametrize("kind", ALL)
    def test_byte_for_byte(self, kind: str) -> None:
        message = parse_message(line(ALL[kind]))
        assert message.kind == kind
        assert encode_message(message) == line(ALL[kind])
        assert json.loads(encode_message(message)) == ALL[kind]
        assert list(json.loads(encode_message(message))) == list(ALL[kind])

    @pytest.mark.parametrize(
        "value",
        [
            edited(REPORT, revises=None, revision_reason=None),
            edited(REPORT, nil=True, values={}),
            edited(REPORT, period=None, event={"count": 3, "label": "Конференция", "date": "2026-06-12"}),
            edited(REPORT, period=None),
            line(ON_SLOT),
            line(ON_SLOT | {"slot": SLOT | {"period": None, "event": 3}}),
            line(ON_SLOT | {"slot": SLOT | {"period": None}}),
            line(ON_SLOT | {"decision": "extend", "until": "2026-12-01T00:00:00Z", "reason": None}),
            edited(DECISION, decision="accept", reason=None),
            edited(LETTER, attachments=[], info=[], precedence="flash"),
            edited(CIRCULAR, reply_within=None, relations=[], promises=[], obligations=[], forms=[]),
        ],
    )
    def test_other_cases(self, value: bytes) -> None:
        assert encode_message(parse_message(value)) == value

    def test_the_digests(self) -> None:
        assert content_digest(line(LETTER)) == sha256(line(LETTER)).digest()
        message = parse_message(line(CIRCULAR))
        assert isinstance(message, Circular)
        form = line(CIRCULAR["forms"][0]).removesuffix(b"\n")
        assert form in line(CIRCULAR)
        assert message.forms[0].digest() == encode_base64(sha256(form).digest())

    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
    def test_any_body_comes_back_or_is_refused(self, body: str) -> None:
        """json.dumps escapes as FORMAT.md says but for U+007F, which no text may hold."""
        try:
            message = parse_message(edited(LETTER, body=body))
        except MessageError:
            forbidden = set(map(chr, [*range(9), *range(0xB, 0x20), *range(0x7F, 0xA0), 0x2028, 0x2029]))
            assert set(body) & forbidden
        else:
            assert isinstance(message, Letter)
            assert message.body == body


class TestOneSpelling:
    """What other readers of JSON take, and what signed bytes must not depend on."""

    @pytest.mark.parametrize("kind", ALL)
    def test_each_member_stands_once_in_its_place_and_there_is_no_other(self, kind: str) -> None:
        members = list(ALL[kind].items())
        for at, (name, value) in enumerate(members):
            refused(line(dict(members[:at] + members[at + 1 :])))
            refused(
                line(dict([*members[:at], *members[at + 1 :], (name, value)]))
                if at + 1 < len(members)
                else b""
            )
            one = line({name: value})[1:-2]
            twice = line(ALL[kind]).replace(one, one + b"," + one, 1)
            assert len(twice) > len(line(ALL[kind]))
            refused(twice)
            refused(line(dict([*members[:at], ("extra", None), *members[at:]])))

    def test_nor_inside(self) -> None:
        for text in (
            line(CIRCULAR).replace(b'"nil":true', b'"nil":false,"nil":true', 1),
            line(CIRCULAR).replace(b'"nil":true,"undertaking":false', b'"undertaking":false,"nil":true', 1),
            line(CIRCULAR).replace(b'"nil":true', b'"nil":true,"void":null', 1),
            line(CIRCULAR).replace(b'"nil":true,', b"", 1),
            line(REPORT).replace(b'"meetings":12', b'"meetings":11,"meetings":12'),
            line(REPORT).replace(b'{"demand":', b'{"demand":"x","demand":', 1),
        ):
            assert text not in (line(CIRCULAR), line(REPORT))
            refused(text)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('"kind"', ' "kind"'),
            (":", ": "),
            (",", ", "),
            ("{", "{ "),
            ("{", "\ufeff{"),
            ("}\n", "}"),
            ("}\n", "}\n\n"),
            ("}\n", "}\r\n"),
            ("}\n", " }\n"),
            ("}\n", "}{}\n"),
            ("}\n", "}\n{}\n"),
            ("}\n", "}\0\n"),
            ("}\n", ",}\n"),
            ("meetings", "\\u006deetings"),
            ("12.50", "12\\u002e50"),
            ("хорошее", "\\u0445орошее"),
            ("Первое.\\n", "Первое.\\u000a"),
            ("Первое.\\n", "Первое.\n"),
            ("Первое.", "Первое\\/"),
            ("Первое.", "\\ud83d\\ude00"),
            ("Первое.", "\\ud83d"),
            ("Первое.", "\\ude00\\ud83d"),
            ("Первое.", "\\x41"),
            ('"size":70000', '"size":70000.0'),
            ('"size":70000', '"size":7e4'),
            ('"size":70000', '"size":70000.5'),
            ('"size":70000', '"size":"70000"'),
            ('"size":70000', '"size":070000'),
            ('"size":70000', '"size":+70000'),
            ('"size":70000', '"size":true'),
            ('"size":70000', '"size":null'),
            ('"size":70000', '"size":-0'),
            ('"size":70000', '"size":-1'),
            ('"size":70000', '"size":9007199254740992'),
            ('"size":70000', '"size":18446744073709551616'),
            ('"size":70000', f'"size":{"9" * 5000}'),
            ('"meetings":12', '"meetings":12.0'),
            ('"meetings":12', '"meetings":1.2e1'),
            ('"meetings":12', '"meetings":9007199254740992'),
            ('"meetings":12', '"meetings":-9007199254740992'),
            ('"meetings":12', '"meetings":NaN'),
            ('"meetings":12', '"meetings":Infinity'),
            ('"meetings":12', '"meetings":null'),
            ('"meetings":12', '"meetings":{"a":1}'),
            ('"meetings":12', '"meetings":[12]'),
            ('"meetings":12', '"meetings":[{"a":[]}]'),
            ('"nil":false', '"nil":0'),
            ('"nil":false', '"nil":"false"'),
            ('"nil":false', '"nil":False'),
            ('"event":null', '"event":[]'),
            ("'", '"'),
        ],
    )
    def test_spellings(self, old: str, new: str) -> None:
        text = (
            line(REPORT).replace(old.encode(), new.encode(), 1)
            if old != "'"
            else line(REPORT).replace(b'"', b"'")
        )
        assert text != line(REPORT)
        refused(text)

    @pytest.mark.parametrize("number", [2**53 - 1, -(2**53 - 1), 0, -1])
    def test_integers_that_every_reader_holds(self, number: int) -> None:
        value = edited(REPORT, values={"meetings": number})
        assert encode_message(parse_message(value)) == value

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\n",
            b"null\n",
            b"[]\n",
            b"{}\n",
            b'"circular"\n',
            line(LETTER)[:-2],
            line(LETTER) * 2,
            line(LETTER).replace("Письмо".encode(), b"\xff"),
            line(LETTER).replace("Письмо".encode(), b"\xed\xa0\x80"),
            line(LETTER).replace("Письмо".encode(), b"\xc0\x80"),
            line(LETTER).decode().encode("utf-16"),
            b'{"kind":' * 100000,
            b"[" * 100000,
        ],
    )
    def test_what_is_no_message(self, data: bytes) -> None:
        refused(data)

    def test_the_longest_and_one_byte_more(self) -> None:
        empty = len(edited(LETTER, body=""))
        longest = edited(LETTER, body="x" * (MAX_MESSAGE - empty))
        message = parse_message(longest)
        assert isinstance(message, Letter)
        assert len(encode_message(message)) == MAX_MESSAGE
        assert "longer than" in refused(edited(LETTER, body="x" * (MAX_MESSAGE - empty + 1)))
        with pytest.raises(MessageError, match="longer than"):
            encode_message(structs.replace(message, body=message.body + "x"))

    @given(st.sampled_from(list(ALL)), st.data())
    def test_one_flipped_bit_is_an_error_or_another_message(self, kind: str, data: st.DataObject) -> None:
        text = bytearray(line(ALL[kind]))
        at = data.draw(st.integers(0, len(text) - 1))
        text[at] ^= 1 << data.draw(st.integers(0, 7))
        try:
            message = parse_message(bytes(text))
        except MessageError:
            return
        assert encode_message(message) == text
        assert json.loads(encode_message(message)) != ALL[kind]

    @given(st.binary(max_size=200))
    def test_any_bytes_end_in_our_error(self, data: bytes) -> None:
        refused(data)


class TestCommonRules:
    @pytest.mark.parametrize(
        "members",
        [
            {"kind": "Letter"},
            {"kind": "order"},
            {"kind": None},
            {"kind": "circular"},
            {"format": "dispatch-message/v2"},
            {"format": ""},
            {"salt": digest(0)[:-4]},
            {"salt": digest(0).rstrip("=")},
            {"salt": encode_base64(b"x" * 31)},
            {"salt": encode_base64(b"x" * 33)},
            {"salt": ""},
            {"secrets": encode_base64(b"x" * 20)},
            {"secrets": sha256(b"").hexdigest()},
            {"secrets": None},
            {"number": "cc/2026/017"},
            {"number": "cc/2026/0"},
            {"number": "cc/2026"},
            {"number": "tula/2026/17"},
            {"number": f"cc/2026/1{ARABIC_3}"},
            {"from": "tula"},
            {"from": "c\u0441"},
            {"from": "@cc"},
            {"number": "@cc/2026/1", "from": "@cc"},
            {"date": "2026-11-23"},
            {"date": "2026-11-23T09:00:00+00:00"},
            {"date": "2026-02-30T09:00:00Z"},
            {"date": "1969-11-23T09:00:00Z"},
            {"to": []},
            {"to": None},
            {"to": "tula"},
            {"to": ["tula", "tula"]},
            {"to": ["Tula"]},
            {"to": ["tul\u0430"]},
            {"to": ["@"]},
            {"to": [""]},
            {"info": ["@all", "@all"]},
            {"info": ["a b"]},
            {"info": None},
            {"precedence": "urgent"},
            {"precedence": "Flash"},
            {"precedence": None},
            {"subject": ""},
            {"subject": " x"},
            {"subject": "x\u00a0"},
            {"subject": "a\nb"},
            {"subject": "a\tb"},
            {"subject": "\x1b[2J"},
            {"subject": "a\u202eb"},
            {"subject": "a\u2067b"},
            {"subject": "a\u200fb"},
            {"subject": "a\u061cb"},
            {"subject": "a\u2028b"},
            {"subject": "a\u0085b"},
            {"subject": "ж" * 257},
            {"body": "a\rb"},
            {"body": "a\x1bb"},
            {"body": "a\u2029b"},
            {"body": "a\x9bb"},
            {"body": None},
        ],
    )
    def test_a_wrong_member(self, members: dict[str, Any]) -> None:
        refused(edited(LETTER, **members))

    def test_the_longest_subject_is_counted_in_characters(self) -> None:
        assert parse_message(edited(LETTER, subject="😀" * 256)).subject == "😀" * 256

    def test_an_office_in_both_lists_is_the_addressees_matter(self) -> None:
        assert parse_message(edited(LETTER, to=["tula"], info=["tula"])).info == ("tula",)

    @pytest.mark.parametrize(
        "members",
        [
            {"name": "../x"},
            {"name": "a\\b"},
            {"name": ".."},
            {"name": ""},
            {"name": "ж" * 128},
            {"name": "a\u202eb"},
            {"size": -1},
            {"size": 2**53},
            {"digest": digest(2)[:-4]},
            {"sealed": encode_base64(b"")},
        ],
    )
    def test_a_wrong_attachment(self, members: dict[str, Any]) -> None:
        refused(edited(LETTER, attachments=[LETTER["attachments"][0] | members]))

    def test_so_many_attachments(self) -> None:
        attachment = LETTER["attachments"][0]
        assert len(parse_message(edited(LETTER, attachments=[attachment] * 64)).attachments) == 64
        assert "64 attachments" in refused(edited(LETTER, attachments=[attachment] * 65))


class TestCirculars:
    @pytest.mark.parametrize(
        "members",
        [
            {"body": "a\x07"},
            {"zone": "Москва"},
            {"zone": "../UTC"},
            {"zone": None},
            {"reply": "none"},
            {"reply": None},
            {"reply_within": "7D"},
            {"reply_within": "P1W"},
            {"reply_within": f"P{ARABIC_3}D"},
            {"promises": [{"text": "a\nb"}]},
            {"promises": [{"text": ""}]},
            {"promises": None},
            {"relations": [CIRCULAR["relations"][0] | {"type": "replaces"}]},
            {"relations": [CIRCULAR["relations"][0] | {"number": "cc/2026/03"}]},
            {"relations": [CIRCULAR["relations"][0] | {"id": digest(9)[:40]}]},
            {"relations": [CIRCULAR["relations"][0] | {"id": ""}]},
            {"relations": [CIRCULAR["relations"][0] | {"paragraph": "2"}]},
            {"relations": [CIRCULAR["relations"][0] | {"paragraph": 2.5}]},
            {"obligations": [OBLIGATION, OBLIGATION]},
            {"forms": CIRCULAR["forms"] * 2},
            {"forms": []},
            {"forms": [CIRCULAR["forms"][0] | {"id": "Monthly"}]},
            {"forms": [*CIRCULAR["forms"], CIRCULAR["forms"][0] | {"id": "Unused"}]},
        ],
    )
    def test_a_wrong_member(self, members: dict[str, Any]) -> None:
        refused(edited(CIRCULAR, **members))

    @pytest.mark.parametrize(
        "obligation",
        [
            OBLIGATION | {"id": "Monthly"},
            OBLIGATION | {"id": ""},
            OBLIGATION | {"form": "plan"},
            OBLIGATION | {"every": "day"},
            OBLIGATION | {"every": None},
            OBLIGATION | {"from": None},
            OBLIGATION | {"from": None, "until": None},
            OBLIGATION | {"from": "2026-W05"},
            OBLIGATION | {"from": "2026-13"},
            OBLIGATION | {"until": "2027"},
            OBLIGATION | {"until": ""},
            OBLIGATION | {"before": "conference"},
            OBLIGATION | {"once": "2026-12-31"},
            OBLIGATION | {"due": "5"},
            OBLIGATION | {"due": "P1M"},
            OBLIGATION | {"due": None},
            OBLIGATION | {"nil": None},
            OBLIGATION | {"by": ["tula", "tula"]},
            OBLIGATION | {"by": ["Tula"]},
            ON_EVENT,
            ON_EVENT | {"before": "a", "after": "b"},
            ON_EVENT | {"before": "a", "from": "2026-05"},
            ON_EVENT | {"before": "a", "until": "2026-05"},
            ON_EVENT | {"before": "a", "until": ""},
            ON_EVENT | {"before": ""},
            ON_EVENT | {"after": "a\nb"},
            ON_EVENT | {"once": "2026-02-29"},
            ON_EVENT | {"once": ""},
        ],
    )
    def test_a_wrong_obligation(self, obligation: dict[str, Any]) -> None:
        refused(edited(CIRCULAR, obligations=[obligation]))

    @pytest.mark.parametrize(
        "fields",
        [
            [field("a", "integer"), field("a", "text")],
            [field("A", "integer")],
            [field("a-b", "integer")],
            [field("1a", "integer")],
            [field("", "integer")],
            [field("a" * 64, "integer")],
            [field("a", "number")],
            [field("a", "integer", label="")],
            [field("a", "integer", label="a\u202e")],
            [field("a", "integer", required=None)],
            [field("a", "integer", minimum=0)],
            [field("a", "integer", minimum="00")],
            [field("a", "integer", maximum="-0")],
            [field("a", "decimal", target="1.")],
            [field("a", "text", minimum="0")],
            [field("a", "date", target="1")],
            [field("a", "select")],
            [field("a", "select", choices=[""])],
            [field("a", "text", choices=["x"])],
            [field("a", "table")],
            [field("a", "text", columns=[field("b", "text")])],
            [field("a", "table", columns=[field("b", "table", columns=[field("c", "text")])])],
            [field("a", "table", columns=[field("b", "text"), field("b", "text")])],
            [field("a", "table", columns=[field("b", "select")])],
            [field("a", "table", choices=["x"], columns=[field("b", "text")])],
        ],
    )
    def test_a_wrong_field(self, fields: list[dict[str, Any]]) -> None:
        refused(edited(CIRCULAR, forms=[{"id": "monthly", "fields": fields}]))

    def test_so_many_obligations_and_forms(self) -> None:
        form = {"id": "monthly", "fields": []}
        duties = [OBLIGATION | {"id": f"o{n}"} for n in range(65)]
        forms = [form, *({"id": f"f{n}", "fields": []} for n in range(64))]
        assert parse_message(edited(CIRCULAR, obligations=duties[:64], forms=forms[:64])).kind == "circular"
        refused(edited(CIRCULAR, obligations=duties, forms=[form]))
        refused(edited(CIRCULAR, obligations=[], forms=forms))


class TestReports:
    @pytest.mark.parametrize(
        "members",
        [
            {"answers": None},
            {"answers": REPORT["answers"] | {"number": "cc/2026/4#monthly"}},
            {"answers": REPORT["answers"] | {"id": digest(4)[:-4]}},
            {"answers": REPORT["answers"] | {"obligation": "@monthly"}},
            {"answers": REPORT["answers"] | {"form": ""}},
            {"period": "2026-13"},
            {"period": ""},
            {"period": "2026-05 "},
            {"event": {"count": 1, "label": "x", "date": "2026-06-12"}},
            {"period": None, "event": {"count": 0, "label": "x", "date": "2026-06-12"}},
            {"period": None, "event": {"count": 1, "label": "", "date": "2026-06-12"}},
            {"period": None, "event": {"count": 1, "label": "x", "date": "2026-06-31"}},
            {"nil": True},
            {"values": None},
            {"values": {"a": "x\x1b"}},
            {"values": {"a": [{"b": "x\r"}]}},
            {"values": {"A": 1}},
            {"values": {"a\x1b[31m": 1}},
            {"values": {"": 1}},
            {"values": {"a": [{"b-c": 1}]}},
            {"values": {"a": 1.5}},
            {"values": {"a": [[]]}},
            {"revises": None},
            {"revision_reason": None},
            {"revision_reason": ""},
            {"revises": digest(7)[:-4]},
        ],
    )
    def test_a_wrong_member(self, members: dict[str, Any]) -> None:
        refused(edited(REPORT, **members))

    def test_values_keep_their_order(self) -> None:
        message = parse_message(edited(REPORT, values={"b": 1, "a": 2}))
        assert isinstance(message, Report)
        assert list(message.values) == ["b", "a"]


class TestReceipts:
    def test_so_many_items(self) -> None:
        items = [ITEMS[0] | {"id": encode_base64(n.to_bytes(32, "big"))} for n in range(1025)]
        assert parse_message(edited(RECEIPT, items=items[:1024])).kind == "receipt"
        refused(edited(RECEIPT, items=items))
        refused(edited(RECEIPT, items=[]))

    @pytest.mark.parametrize("items", [ITEMS[::-1], [ITEMS[0], ITEMS[0]], [ITEMS[1], ITEMS[0]]])
    def test_items_ascend(self, items: list[dict[str, Any]]) -> None:
        assert "ascending" in refused(edited(RECEIPT, items=items))

    def test_items_ascend_as_bytes_not_as_text(self) -> None:
        low, high = encode_base64(b"\x00" * 32), encode_base64(b"\xff" * 32)
        assert high < low
        both = edited(RECEIPT, items=[ITEMS[0] | {"id": low}, ITEMS[0] | {"id": high}])
        assert encode_message(parse_message(both)) == both
        refused(edited(RECEIPT, items=[ITEMS[0] | {"id": high}, ITEMS[0] | {"id": low}]))

    @pytest.mark.parametrize(
        ("at", "members"),
        [
            (0, {"state": "read"}),
            (0, {"by": "Иванов"}),
            (0, {"reason": "x"}),
            (0, {"number": "cc/2026"}),
            (0, {"id": ""}),
            (1, {"by": None}),
            (1, {"by": ""}),
            (1, {"by": "a\nb"}),
            (1, {"reason": "x"}),
            (2, {"by": None}),
            (2, {"reason": "x"}),
            (3, {"by": None}),
            (3, {"reason": None}),
            (3, {"reason": ""}),
            (3, {"reason": "a\u202eb"}),
        ],
    )
    def test_a_wrong_item(self, at: int, members: dict[str, Any]) -> None:
        assert parse_message(edited(RECEIPT, items=[ITEMS[at]])).kind == "receipt"
        refused(edited(RECEIPT, items=[ITEMS[at] | members]))


class TestDecisions:
    @pytest.mark.parametrize(
        "message",
        [
            DECISION | {"decision": "reject"},
            DECISION | {"report": None},
            DECISION | {"slot": SLOT},
            DECISION | {"report": None, "slot": SLOT},
            DECISION | {"until": "2026-12-01T00:00:00Z"},
            DECISION | {"reason": None},
            DECISION | {"reason": ""},
            DECISION | {"decision": "accept"},
            DECISION | {"report": REF | {"id": digest(5)[:-4]}},
            DECISION | {"report": REF | {"number": "tula/2026"}},
            DECISION | {"body": "\x00"},
            ON_SLOT | {"reason": None},
            ON_SLOT | {"slot": None},
            ON_SLOT | {"report": REF},
            ON_SLOT | {"decision": "extend"},
            ON_SLOT | {"decision": "extend", "reason": None},
            ON_SLOT | {"decision": "extend", "reason": None, "until": "2026-12-01"},
            ON_SLOT | {"slot": SLOT | {"period": "2026-5"}},
            ON_SLOT | {"slot": SLOT | {"event": 1}},
            ON_SLOT | {"slot": SLOT | {"period": None, "event": 0}},
            ON_SLOT | {"slot": SLOT | {"office": "@tula"}},
            ON_SLOT | {"slot": SLOT | {"obligation": ""}},
            ON_SLOT | {"slot": SLOT | {"id": ""}},
        ],
    )
    def test_a_wrong_one(self, message: dict[str, Any]) -> None:
        refused(line(message))


class TestEncoding:
    """Nothing is written that would not be read."""

    @pytest.mark.parametrize("text", ["a\udc80", "a\x1b", "a\u2028"])
    def test_a_wrong_body(self, text: str) -> None:
        message = parse_message(line(LETTER))
        assert isinstance(message, Letter)
        with pytest.raises(MessageError):
            encode_message(structs.replace(message, body=text))

    def test_an_integer_that_is_too_large(self) -> None:
        message = parse_message(line(REPORT))
        with pytest.raises(MessageError):
            encode_message(structs.replace(message, values={"a": 2**53}))
        with pytest.raises(MessageError):
            encode_message(structs.replace(message, values={"a": 2**70}))


def padme(length: int) -> int:
    """Padmé as its paper has it, step by step: E, S, then up to a multiple of 2^(E - S)."""
    exponent = 0
    while 2 ** (exponent + 1) <= length:
        exponent += 1
    bits = 0
    while 2**bits <= exponent:
        bits += 1
    low = 2 ** (exponent - bits)
    return length if length % low == 0 else length - length % low + low


class TestPadding:
    @given(st.integers(0, 2**34))
    def test_is_padme_from_1_kib_up(self, size: int) -> None:
        padded = padded_size(size)
        assert padded == padme(max(size, 1024))
        assert padded_size(padded) == padded >= size
        assert padded - size <= max(1024, size * 0.12)

    def test_around_every_step(self) -> None:
        edges = {2**n + k * 2 ** (n - 4) + d for n in range(9, 24) for k in range(17) for d in (-1, 0, 1)}
        assert [padded_size(size) for size in sorted(edges)] == [
            padme(max(size, 1024)) for size in sorted(edges)
        ]

    def test_known_sizes(self) -> None:
        sizes = [0, 1023, 1024, 1025, 1088, 1089, 4095, 65536, 65537, 1000000]
        assert [padded_size(size) for size in sizes] == [
            *(1024, 1024, 1024, 1088, 1088, 1152, 4096, 65536, 67584, 1015808),
        ]

    def test_leaks_few_sizes(self) -> None:
        assert len({padded_size(size) for size in range(1, 100_000)}) < 130


KEY = encode_base64(b"k" * 32)
SECRETS = Secrets(format="dispatch-secrets/v1", slot_key=KEY, attachments=(IDENTITY,), padding="")
MESSAGE = parse_message(line(CIRCULAR))
SIZE = len(line(CIRCULAR))
SECRETS_LINE = encode_secrets(SECRETS, SIZE)


class TestSecrets:
    def test_round_trip(self) -> None:
        secrets = parse_secrets(SECRETS_LINE, MESSAGE, SIZE)
        assert structs.replace(secrets, padding="") == SECRETS
        bare = SIZE + len(SECRETS_LINE) - len(secrets.padding)
        assert SIZE + len(SECRETS_LINE) == padme(bare) > bare
        assert json.loads(SECRETS_LINE) == {
            "format": "dispatch-secrets/v1",
            "slot_key": KEY,
            "attachments": [IDENTITY],
            "padding": secrets.padding,
        }

    @given(st.integers(200, 40_000))
    def test_the_plaintext_has_a_padme_size(self, size: int) -> None:
        text = encode_secrets(SECRETS, size)
        bare = size + len(line(json.loads(text) | {"padding": ""}))
        assert size + len(text) == padme(max(bare, 1024))
        assert parse_secrets(text, MESSAGE, size).slot_key == KEY

    @pytest.mark.parametrize("change", [-64, -2, -1, 1, 2, 64])
    def test_other_padding_is_refused(self, change: int) -> None:
        padding = json.loads(SECRETS_LINE)["padding"]
        assert len(padding) > 1
        wrong = padding[:change] if change < 0 else padding + "0" * change
        with pytest.raises(MessageError, match="padding"):
            parse_secrets(line(json.loads(SECRETS_LINE) | {"padding": wrong}), MESSAGE, SIZE)

    @pytest.mark.parametrize("mark", ["1", " ", "O", "о", "\\u0030"])
    def test_padding_carries_nothing(self, mark: str) -> None:
        with pytest.raises(MessageError):
            parse_secrets(SECRETS_LINE.replace(b'0"}', mark.encode() + b'"}'), MESSAGE, SIZE)

    @pytest.mark.parametrize("size", [SIZE - 1000, SIZE + 1000])
    def test_padding_is_for_its_message(self, size: int) -> None:
        with pytest.raises(MessageError, match="padding"):
            parse_secrets(SECRETS_LINE, MESSAGE, size)

    @pytest.mark.parametrize(
        "secrets",
        [
            structs.replace(SECRETS, slot_key=None),
            structs.replace(SECRETS, slot_key=encode_base64(b"k" * 31)),
            structs.replace(SECRETS, slot_key=""),
            structs.replace(SECRETS, attachments=()),
            structs.replace(SECRETS, attachments=("a", "b")),
        ],
    )
    def test_secrets_that_do_not_fit_their_message(self, secrets: Secrets) -> None:
        with pytest.raises(MessageError):
            parse_secrets(encode_secrets(secrets, SIZE), MESSAGE, SIZE)

    def test_only_a_circular_has_a_slot_key(self) -> None:
        letter, size = parse_message(line(LETTER)), len(line(LETTER))
        without = structs.replace(SECRETS, slot_key=None)
        assert parse_secrets(encode_secrets(without, size), letter, size).slot_key is None
        with pytest.raises(MessageError, match="slot key"):
            parse_secrets(encode_secrets(SECRETS, size), letter, size)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b"secrets/v1", b"secrets/v2"),
            (b'"slot_key"', b'"Slot_key"'),
            (b'"padding":', b'"padding":"","padding":'),
            (b'"padding":', b'"more":null,"padding":'),
            (b'"attachments":', b'"attachments": '),
            (b"\n", b""),
            (b"\n", b"\n\n"),
            (b"\n", b"\r\n"),
        ],
    )
    def test_one_spelling(self, old: bytes, new: bytes) -> None:
        with pytest.raises(MessageError):
            parse_secrets(SECRETS_LINE.replace(old, new), MESSAGE, SIZE)

    def test_the_longest(self) -> None:
        room = MAX_SECRETS - len(line(json.loads(SECRETS_LINE) | {"attachments": [""], "padding": ""}))
        longest = structs.replace(SECRETS, attachments=("x" * room,))
        with pytest.raises(MessageError, match="identity"):
            parse_secrets(encode_secrets(longest, SIZE), MESSAGE, SIZE)
        for size in (room + 1, room + 2**17):
            longer = structs.replace(SECRETS, attachments=("x" * size,))
            with pytest.raises(MessageError, match="too long"):
                parse_secrets(encode_secrets(longer, SIZE), MESSAGE, SIZE)


class TestPlaintext:
    def test_is_two_lines(self) -> None:
        assert parse_plaintext(b"a\nb\n") == (b"a\n", b"b\n")

    @pytest.mark.parametrize(
        "data", [b"", b"\n", b"a", b"a\n", b"a\nb", b"a\nb\nc", b"a\nb\n\n", b"a\nb\nc\n", b"\n\n\n"]
    )
    def test_and_nothing_else(self, data: bytes) -> None:
        with pytest.raises(MessageError):
            parse_plaintext(data)
