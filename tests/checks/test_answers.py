"""Step 11: every answer that does not fit what it answers is refused, kept as rejected, and not receipted."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import pytest

from dispatch.checks.answers import REPLY_VERBS
from dispatch.errors import AwaitedError
from dispatch.formats.blinding import blind_slot, occasion_of
from dispatch.formats.message import (
    Answered,
    Circular,
    Decision,
    Event,
    Item,
    Letter,
    NoteRef,
    Receipt,
    Relation,
    Report,
    SlotRef,
)
from dispatch.formats.note import parse_number
from dispatch.formats.obligation import Field, Form, Obligation
from dispatch.office import Office
from dispatch.office.compose import Outgoing
from keys.codec import decode_base64, encode_base64
from keys.keyfile import generate, replace_keyfile
from keys.roster import add_office
from tests.forge.dispatches import DAY, NOW, Forgery
from tests.forge.realm import failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from dispatch.formats.message import ItemState, Message
    from dispatch.office.results import Received
    from tests.forge.realm import Realm

FORM = Form(
    id="monthly",
    fields=(
        Field(
            name="meetings",
            label="Собрания",
            type="integer",
            required=True,
            minimum="0",
            maximum=None,
            target="1",
            choices=(),
            columns=(),
        ),
        Field(
            name="course",
            label="Ход",
            type="text",
            required=False,
            minimum=None,
            maximum=None,
            target=None,
            choices=(),
            columns=(),
        ),
    ),
)
BLANK: dict[str, Any] = {
    "paragraph": None,
    "form": "monthly",
    "every": None,
    "before": None,
    "after": None,
    "once": None,
    "from_": None,
    "until": None,
    "due": "P5D",
    "nil": False,
    "undertaking": False,
    "by": ("@provinces",),
}
OBLIGATIONS = (
    Obligation(
        **BLANK | {"id": "monthly", "every": "month", "from_": "2026-10", "until": "2026-11", "nil": True}
    ),
    Obligation(**BLANK | {"id": "before", "before": "conference", "undertaking": True}),
    Obligation(**BLANK | {"id": "once", "once": "2026-12-31"}),
    Obligation(**BLANK | {"id": "tula-only", "every": "month", "from_": "2026-10", "by": ("tula",)}),
)
KEY = bytes(32)
LATER = NOW + timedelta(hours=1)
BASE = ("format", "salt", "secrets", "number", "date", "from_", "to", "info", "precedence", "subject")


def as_kind(kind: type[Message], **members: Any) -> Callable[[Any], Message]:
    """Make a message of another kind of the forged letter."""

    def change(letter: Any) -> Message:
        common = {name: getattr(letter, name) for name in (*BASE, "attachments")}
        return kind(**common, **members)

    return change


def report(circular_id: bytes, **changes: Any) -> dict[str, Any]:
    """Give the members of a report that fits."""
    default: dict[str, Any] = {
        "body": "",
        "answers": Answered(
            number="cc/2026/1", id=encode_base64(circular_id), obligation="monthly", form=FORM.digest()
        ),
        "period": "2026-10",
        "event": None,
        "nil": False,
        "values": {"meetings": 12},
        "revises": None,
        "revision_reason": None,
    }
    return default | changes


def slots(*answers: bytes) -> Callable[[Any], Any]:
    def change(note: Any) -> Any:
        return dataclasses.replace(note, answers=tuple(sorted(answers)))

    return change


def slot_of(
    members: dict[str, Any], office: str = "tula", verbs: tuple[Any, ...] = ("report",)
) -> list[bytes]:
    event = members["event"].count if members["event"] else None
    occasion = occasion_of(members["period"], event)
    return [blind_slot(KEY, verb, members["answers"].obligation, office, occasion) for verb in verbs]


def send(
    realm: Realm, message: Callable[[Any], Message], note: Callable[[Any], Any], **changes: Any
) -> Received:
    """Forge a dispatch of tula to cc, and let cc receive it."""
    default: dict[str, Any] = {"issuer": "tula", "to": ("cc",), "kind": Letter, "date": LATER, "ordinal": 1}
    forgery = Forgery(**(default | {"message": message, "note": note} | changes))
    files = realm.forge(forgery)
    [outcome] = realm.receive("cc", realm.put(files, "sent") / "cc.dispatch", now=LATER)
    return outcome


def send_report(
    realm: Realm, members: dict[str, Any], answers: list[bytes] | None = None, **more: Any
) -> Received:
    answers = slot_of(members) if answers is None else answers
    return send(realm, as_kind(Report, **members), slots(*answers), **more)


@pytest.fixture
def circular(realm: Realm) -> bytes:
    """The id of a circular that cc issued, under a slot key that we know, and tula has."""
    office = realm.office("cc", random=bytes)  # the slot key is to be known
    issued = office.send(
        Outgoing(
            kind=Circular,
            subject="Отчёты",
            to=("@provinces",),
            info=("kursk",),
            members={
                "body": "1. Text",
                "zone": "Europe/Moscow",
                "reply": "receipt",
                "reply_within": None,
                "relations": (),
                "promises": (),
                "obligations": OBLIGATIONS,
                "forms": (FORM,),
            },
        ),
        directory=realm.path / "post",
    )
    office.close()
    assert realm.receive("tula", realm.path / "post")[0].state == "new"
    return issued.id


class TestReports:
    def test_one_that_fits_is_taken_and_receipted(self, realm: Realm, circular: bytes) -> None:
        outcome = send_report(realm, report(circular))
        assert (outcome.state, outcome.code) == ("new", 0), outcome.error
        with realm.office("cc") as office:
            [newest] = office.register.newest(1)
            assert office.read(newest.number).message.kind == "receipt"
            assert office.register.unreceipted() == ()

    def test_an_undertaking_stands_in_the_note_where_it_is_asked_for(
        self, realm: Realm, circular: bytes
    ) -> None:
        members = report(
            circular,
            answers=Answered(
                number="cc/2026/1", id=encode_base64(circular), obligation="before", form=FORM.digest()
            ),
            period=None,
            event=Event(count=1, label="Конференция", date="2026-12-20"),
        )
        both = slot_of(members, verbs=("report", "undertake"))
        assert send_report(realm, members, both[:1]).state == "rejected"
        assert send_report(realm, members, both, ordinal=2).state == "new"

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"period": "2026-09"}, "outside"),
            ({"period": "2026-12"}, "outside"),
            ({"period": "2026-W44"}, "not a month"),
            ({"period": "2026"}, "not a month"),
            ({"period": None}, "reported for a month"),
            ({"period": None, "event": Event(count=1, label="x", date="2026-11-01")}, "reported for a month"),
            ({"obligation": "once", "period": "2026-10"}, "no period"),
            ({"obligation": "before"}, "an event"),
            ({"obligation": "weekly"}, "no obligation"),
            ({"form": encode_base64(bytes(32))}, "form"),
            ({"number": "kursk/2026/9", "id": encode_base64(bytes(32))}, "has not come yet"),
            ({"obligation": "before", "nil": True, "values": {}}, "nil"),
        ],
    )
    def test_one_that_does_not_fit(
        self, realm: Realm, circular: bytes, changes: dict[str, Any], said: str
    ) -> None:
        answered = {
            "number": "cc/2026/1",
            "id": encode_base64(circular),
            "obligation": "monthly",
            "form": FORM.digest(),
        }
        for name in answered.keys() & changes.keys():
            answered[name] = changes.pop(name)
        members = report(circular, answers=Answered(**answered), **changes)
        outcome = send_report(realm, members)
        assert outcome.code == 7
        assert outcome.state == ("held" if failed(outcome, AwaitedError) else "rejected")
        assert said in str(outcome.error)
        with realm.office("cc") as office:
            assert office.register.unreceipted() == ()
            assert [one.state for one in office.register.newest(-1)] == ["released"]

    def test_a_period_that_has_not_begun(self, realm: Realm, circular: bytes) -> None:
        members = report(circular, period="2026-11")
        early = send_report(realm, members, date=NOW - 30 * DAY)
        assert (early.state, early.code) == ("rejected", 7)
        assert "has not begun" in str(early.error)
        assert send_report(realm, members, ordinal=2).state == "new"  # once it has

    def test_the_slot_of_another_office(self, realm: Realm, circular: bytes) -> None:
        members = report(circular)
        outcome = send_report(realm, members, slot_of(members, "penza"))
        assert (outcome.state, outcome.code) == ("rejected", 7)

    def test_no_slot_or_one_too_many(self, realm: Realm, circular: bytes) -> None:
        members = report(circular)
        assert send_report(realm, members, []).state == "rejected"
        assert send_report(realm, members, [*slot_of(members), bytes(32)], ordinal=2).state == "rejected"

    def test_from_an_office_that_does_not_owe_it(self, realm: Realm, circular: bytes) -> None:
        members = report(circular)
        outcome = send_report(realm, members, slot_of(members, "kursk"), issuer="kursk")
        assert (outcome.state, outcome.code) == ("rejected", 7)
        assert "does not owe" in str(outcome.error)

    def test_to_somebody_else_with_the_centre_for_information(self, realm: Realm, circular: bytes) -> None:
        outcome = send_report(realm, report(circular), to=("penza",), info=("cc",))
        assert (outcome.state, outcome.code) == ("rejected", 7)

    def test_values_that_the_form_does_not_have(self, realm: Realm, circular: bytes) -> None:
        for ordinal, values in enumerate(
            ({"meetings": "12"}, {}, {"meetings": -1}, {"meetings": 1, "x": 1}), 1
        ):
            outcome = send_report(realm, report(circular, values=values), ordinal=ordinal)
            assert (outcome.state, outcome.code) == ("rejected", 7), values

    def test_one_bad_report_does_not_stop_the_batch(self, realm: Realm, circular: bytes) -> None:
        good, bad = report(circular), report(circular, values={})
        for ordinal, members in ((1, bad), (2, good)):
            files = realm.forge(
                Forgery(
                    issuer="tula",
                    to=("cc",),
                    kind=Letter,
                    date=LATER,
                    ordinal=ordinal,
                    message=as_kind(Report, **members),
                    note=slots(*slot_of(members)),
                )
            )
            realm.put({f"cc-{ordinal}": files["cc"]}, "both")
        outcomes = realm.receive("cc", realm.path / "both", now=LATER)
        assert [one.state for one in outcomes] == ["rejected", "new"]

    def test_before_its_circular_it_waits(self, realm: Realm, circular: bytes) -> None:
        """An info addressee may get the report first."""
        members = report(circular)
        files = realm.forge(
            Forgery(
                issuer="tula",
                to=("cc",),
                info=("kursk",),
                kind=Letter,
                date=LATER,
                message=as_kind(Report, **members),
                note=slots(*slot_of(members)),
            )
        )
        folder = realm.put(files, "sent")
        [held] = realm.receive("kursk", folder / "kursk.dispatch", now=LATER)
        assert (held.state, held.code) == ("held", 7)
        outcomes = realm.receive("kursk", realm.path / "post", now=LATER)
        assert sorted((one.state, str(one.number)) for one in outcomes) == [
            ("new", "cc/2026/1"),
            ("new", "tula/2026/1"),
        ]

    def test_before_its_circular_in_one_batch(self, realm: Realm, circular: bytes) -> None:
        """The order of handles puts alpha before cc: what waits is tried again within the run."""
        members = report(circular)
        files = realm.forge(
            Forgery(
                issuer="tula",
                to=("cc",),
                info=("kursk",),
                kind=Letter,
                date=LATER,
                message=as_kind(Report, **members),
                note=slots(*slot_of(members)),
            )
        )
        with realm.office("kursk", now=LATER) as office:
            # as if the circular were sorted after the report
            first = office.inbox.receive([realm.put(files, "sent") / "kursk.dispatch"]).received
            assert [one.state for one in first] == ["held"]
            reception = office.receive([realm.path / "post"])
        assert [one.state for one in reception.received] == ["new", "new"]


class TestReceipts:
    def reply(self, realm: Realm, circular: bytes, state: ItemState, **changes: Any) -> Received:
        item = {
            "number": "cc/2026/1",
            "id": encode_base64(circular),
            "state": state,
            "by": "А. Петрова, секретарь",
            "reason": "нет людей" if state == "refused" else None,
        } | changes.pop("item", {})
        answers = changes.pop("answers", [blind_slot(KEY, REPLY_VERBS[state], None, "tula", "once")])
        ids = (decode_base64(str(item["id"])),)

        def note(value: Any) -> Any:
            return dataclasses.replace(value, answers=tuple(answers), receipts=ids)

        return send(realm, as_kind(Receipt, items=(Item(**item),)), note, **changes)

    @pytest.mark.parametrize("state", ["acknowledged", "undertaken", "refused"])
    def test_one_that_fits_is_taken_and_not_receipted(
        self, realm: Realm, circular: bytes, state: ItemState
    ) -> None:
        outcome = self.reply(realm, circular, state)
        assert (outcome.state, outcome.code) == ("new", 0), outcome.error
        with realm.office("cc") as office:
            assert [str(one.number) for one in office.register.newest(-1)] == ["tula/2026/1", "cc/2026/1"]

    def test_an_undertaking_that_the_note_calls_a_refusal(self, realm: Realm, circular: bytes) -> None:
        wrong = [blind_slot(KEY, "refuse", None, "tula", "once")]
        assert self.reply(realm, circular, "undertaken", answers=wrong).state == "rejected"

    def test_a_number_of_ours_with_another_id(self, realm: Realm, circular: bytes) -> None:
        other = {"id": encode_base64(bytes(32))}
        outcome = self.reply(realm, circular, "undertaken", item=other)
        assert (outcome.state, outcome.code) == ("rejected", 3)
        plain = {"id": encode_base64(bytes(32)), "state": "received", "by": None}
        outcome = self.reply(realm, circular, "undertaken", item=plain, answers=[], ordinal=2)
        assert (outcome.state, outcome.code) == ("rejected", 3)

    def test_receipts_are_made_once_whoever_is_killed(self, realm: Realm) -> None:
        folder = realm.issue()
        with realm.office("tula") as office:
            office.inbox.receive([folder])  # and killed before the receipt
            assert len(office.register.unreceipted()) == 1
        with realm.office("tula") as office:
            assert [len(one.note.receipts) for one in office.receive([]).receipts] == [1]
            assert office.receive([folder]).receipts == ()
            assert [one.state for one in office.register.newest(-1)] == ["released", "received"]

    def test_an_attachment_that_is_missing_holds_the_receipt_back(self, realm: Realm) -> None:
        plan = realm.path / "plan.txt"
        plan.write_text("План", "utf-8")
        folder = realm.issue(attach=[plan])
        [sealed] = folder.glob("*.age")
        elsewhere = sealed.rename(realm.path / sealed.name)
        with realm.office("tula") as office:
            assert office.receive([folder]).receipts == ()
        elsewhere.rename(sealed)
        with realm.office("tula") as office:
            assert len(office.receive([folder]).receipts) == 1

    def test_one_receipt_for_all_of_one_issuer_to_it_and_to_who_got_them_for_information(
        self, realm: Realm
    ) -> None:
        folders = [realm.issue(info=["kursk"]), realm.issue(to=["tula"])]
        with realm.office("tula") as office:
            [receipt] = office.receive(folders).receipts
            message = office.read(receipt.number).message
        assert (message.to, message.info) == (("cc",), ("kursk",))
        assert len(receipt.note.receipts) == 2
        assert receipt.note.answers == ()


class TestDecisions:
    def decide(self, realm: Realm, members: dict[str, Any], answers: list[bytes], **changes: Any) -> Received:
        default: dict[str, Any] = {
            "issuer": "cc",
            "to": ("tula",),
            "kind": Letter,
            "date": LATER,
            "ordinal": 2,
            "message": as_kind(Decision, **({"body": "", "report": None, "slot": None} | members)),
            "note": slots(*answers),
            "after": lambda _: None,
        }
        files = realm.forge(Forgery(**(default | changes)))
        [outcome] = realm.receive("tula", realm.put(files, "decided") / "tula.dispatch", now=LATER)
        return outcome

    def slot(self, circular: bytes, **changes: Any) -> SlotRef:
        default: dict[str, Any] = {
            "number": "cc/2026/1",
            "id": encode_base64(circular),
            "obligation": "monthly",
            "office": "tula",
            "period": "2026-10",
            "event": None,
        }
        return SlotRef(**(default | changes))

    def test_a_waiver_that_fits(self, realm: Realm, circular: bytes) -> None:
        members = {"decision": "waive", "slot": self.slot(circular), "until": None, "reason": "пожар"}
        blinded = [blind_slot(KEY, "waive", "monthly", "tula", "period:2026-10")]
        outcome = self.decide(realm, members, blinded)
        assert (outcome.state, outcome.error) == ("new", None)

    @pytest.mark.parametrize(
        "changes",
        [{"office": "kursk"}, {"obligation": "weekly"}, {"period": "2026-09"}, {"period": None, "event": 1}],
    )
    def test_a_slot_that_there_is_not(self, realm: Realm, circular: bytes, changes: dict[str, Any]) -> None:
        slot = self.slot(circular, **changes)
        members = {"decision": "waive", "slot": slot, "until": None, "reason": "пожар"}
        occasion = occasion_of(slot.period, slot.event)
        blinded = [blind_slot(KEY, "waive", slot.obligation, slot.office, occasion)]
        assert self.decide(realm, members, blinded).state == "rejected"

    @pytest.mark.usefixtures("circular")
    def test_on_a_report_that_has_not_come(self, realm: Realm) -> None:
        ref = NoteRef(number="penza/2026/1", id=encode_base64(bytes(32)))
        members = {"decision": "accept", "report": ref, "until": None, "reason": None}
        assert self.decide(realm, members, []).state == "held"

    def test_by_another_office_than_the_issuer(self, realm: Realm, circular: bytes) -> None:
        members = {"decision": "waive", "slot": self.slot(circular), "until": None, "reason": "пожар"}
        blinded = [blind_slot(KEY, "waive", "monthly", "tula", "period:2026-10")]
        kursk = realm.card("kursk")
        realm.adopt(realm.next_roster(lambda roster: add_office(roster, kursk, ["issue"])))
        outcome = self.decide(realm, members, blinded, issuer="kursk", ordinal=1)
        assert (outcome.state, outcome.code) == ("rejected", 7)
        assert "not its own" in str(outcome.error)

    def reported(self, realm: Realm, members: dict[str, Any], *verbs: Any) -> NoteRef:
        """Let tula issue a report, and name it."""
        answers = tuple(sorted(slot_of(members, verbs=verbs or ("report",))))
        outgoing = Outgoing(kind=Report, subject="Отчёт", to=("cc",), members=members, answers=answers)
        with realm.office("tula") as office:
            issued = office.send(outgoing)
        return NoteRef(number=str(issued.number), id=encode_base64(issued.id))

    def judged(self, decision: str, report: NoteRef) -> dict[str, Any]:
        reason = "неполно" if decision == "return" else None
        return {"decision": decision, "report": report, "until": None, "reason": reason}

    def test_on_a_report_for_a_period(self, realm: Realm, circular: bytes) -> None:
        members = report(circular)
        ref = self.reported(realm, members)
        blinded = slot_of(members, verbs=("return",))
        for ordinal, decision, answers in ((2, "accept", []), (3, "return", blinded)):
            outcome = self.decide(realm, self.judged(decision, ref), answers, ordinal=ordinal)
            assert (outcome.state, outcome.error) == ("new", None)
        for ordinal, decision, answers in ((4, "accept", blinded), (5, "return", [])):
            outcome = self.decide(realm, self.judged(decision, ref), answers, ordinal=ordinal)
            assert (outcome.state, outcome.code) == ("rejected", 7)

    def test_on_a_report_for_an_event(self, realm: Realm, circular: bytes) -> None:
        answered = Answered(
            number="cc/2026/1", id=encode_base64(circular), obligation="before", form=FORM.digest()
        )
        event = Event(count=3, label="Конференция", date="2026-12-20")
        members = report(circular, answers=answered, period=None, event=event)
        returned = self.judged("return", self.reported(realm, members, "report", "undertake"))
        outcome = self.decide(realm, returned, slot_of(members, verbs=("return",)))
        assert (outcome.state, outcome.error) == ("new", None)

    def test_on_what_is_no_report(self, realm: Realm, circular: bytes) -> None:
        ref = NoteRef(number="cc/2026/1", id=encode_base64(circular))
        outcome = self.decide(realm, self.judged("accept", ref), [])
        assert (outcome.state, outcome.code) == ("rejected", 7)
        assert "cc/2026/1 is no report" in str(outcome.error)

    def test_on_another_report_than_we_have(self, realm: Realm, circular: bytes) -> None:
        ours = self.reported(realm, report(circular))
        other = NoteRef(number=ours.number, id=encode_base64(bytes(32)))
        outcome = self.decide(realm, self.judged("accept", other), [])
        assert (outcome.state, outcome.code) == ("rejected", 3)
        assert "another tula/2026/2" in str(outcome.error)

    def test_on_a_report_but_sent_to_another_office(self, realm: Realm, circular: bytes) -> None:
        accepted = self.judged("accept", self.reported(realm, report(circular)))
        outcome = self.decide(realm, accepted, [], to=("penza",), info=("tula",))
        assert (outcome.state, outcome.code) == ("rejected", 7)
        assert "not addressed to tula" in str(outcome.error)

    def test_on_a_report_to_another_issuer(self, realm: Realm, circular: bytes) -> None:
        accepted = self.judged("accept", self.reported(realm, report(circular)))
        kursk = realm.office("kursk").card_content
        realm.adopt(realm.next_roster(lambda roster: add_office(roster, kursk, ["issue"])))
        outcome = self.decide(realm, accepted, [], issuer="kursk", ordinal=1)
        assert (outcome.state, outcome.code) == ("rejected", 7)
        assert "not its own" in str(outcome.error)


class TestRelations:
    @pytest.mark.parametrize(
        ("kind", "type_", "number", "state"),
        [
            (Circular, "refers", "tula/2026/1", "new"),
            (Circular, "cancels", "cc/2025/1", "new"),
            (Circular, "cancels", "kursk/2026/1", "rejected"),
            (Circular, "supersedes", "kursk/2026/1", "rejected"),
            (Circular, "amends", "kursk/2026/1", "rejected"),
            (Circular, "amplifies", "kursk/2026/1", "rejected"),
            (Letter, "refers", "kursk/2026/1", "new"),
            (Letter, "cancels", "cc/2026/1", "rejected"),
            (Letter, "amplifies", "cc/2026/1", "rejected"),
        ],
    )
    def test_who_may_do_what_to_what(
        self, realm: Realm, kind: type[Message], type_: Any, number: str, state: str
    ) -> None:
        relation = Relation(type=type_, number=number, id=None, paragraph=None)
        forged = Forgery(kind=kind, message=lambda one: msgspec.structs.replace(one, relations=(relation,)))
        [outcome] = realm.receive("tula", realm.put(realm.forge(forged)) / "tula.dispatch")
        assert outcome.state == state, outcome.error

    def test_who_owes_a_report_gets_the_circular(self, realm: Realm) -> None:
        owed = msgspec.structs.replace(OBLIGATIONS[0], by=("kursk",))
        forged = Forgery(message=lambda one: msgspec.structs.replace(one, obligations=(owed,), forms=(FORM,)))
        [outcome] = realm.receive("tula", realm.put(realm.forge(forged)) / "tula.dispatch")
        assert (outcome.state, outcome.code) == ("rejected", 7)

    def test_a_zone_that_there_is_not_holds_the_circular_and_stops_nothing(self, realm: Realm) -> None:
        realm.receive("tula", realm.issue())
        forged = Forgery(
            ordinal=2,
            message=lambda one: msgspec.structs.replace(one, zone="Mars/Olympus"),
            note=lambda note: dataclasses.replace(note, register=note.register),
        )
        [outcome] = realm.receive("tula", realm.put(realm.forge(forged)) / "tula.dispatch")
        assert (outcome.state, outcome.code) == ("held", 7)
        with realm.office("tula") as office:
            assert len(office.due()) == 1

    def test_a_circular_answers_nothing(self, realm: Realm) -> None:
        forged = Forgery(note=slots(bytes(32)))
        [outcome] = realm.receive("tula", realm.put(realm.forge(forged)) / "tula.dispatch")
        assert (outcome.state, outcome.code) == ("rejected", 7)


def test_a_case_is_what_the_register_holds(realm: Realm, circular: bytes) -> None:
    send_report(realm, report(circular))
    with realm.office("cc", now=LATER) as office:
        [found] = office.due()
    case = found.case
    assert case.number == parse_number("cc/2026/1")
    assert case.owing["tula-only"] == ("tula",)
    [filed] = case.filings
    assert (filed.office, filed.occasion, filed.received) == ("tula", "period:2026-10", LATER)
    assert [(one.office, one.state) for one in case.answers] == []


class TestMentions:
    """A message names a number with the id of another note than the one that is held."""

    OTHER = encode_base64(bytes(32))

    def receive(
        self, realm: Realm, message: Callable[[Any], Message], office: str = "tula", **fields: Any
    ) -> Received:
        # the notes before it are not all here, so that nothing is said of its head
        default: dict[str, Any] = {"ordinal": 5, "date": LATER, "to": (office,), "kind": Letter}
        forgery = Forgery(**(default | {"message": message} | fields))
        folder = realm.put(realm.forge(forgery), f"sent-by-{forgery.issuer}-{forgery.ordinal}")
        [outcome] = realm.receive(office, folder / f"{office}.dispatch", now=LATER)
        return outcome

    def related(self, type_: Any, number: str, note_id: str | None) -> Callable[[Any], Any]:
        relation = Relation(type=type_, number=number, id=note_id, paragraph=None)
        return lambda one: msgspec.structs.replace(one, relations=(relation,))

    def said(self, outcome: Received, words: str) -> bool:
        assert (outcome.state, outcome.error, outcome.code) == ("new", None, 3)
        return words in outcome.contradiction

    @pytest.mark.parametrize("type_", ["cancels", "supersedes"])
    def test_a_circular_that_cancels_another_ends_nothing(
        self, realm: Realm, circular: bytes, type_: Any
    ) -> None:
        wrong = self.receive(realm, self.related(type_, "cc/2026/1", self.OTHER), kind=Circular)
        assert self.said(wrong, "another cc/2026/1")
        with realm.office("tula", now=LATER) as office:
            assert parse_number("cc/2026/1") in office.opened.in_force()
            assert office.opened.effects_on(parse_number("cc/2026/1"), circular) == ()
        right = self.related(type_, "cc/2026/1", encode_base64(circular))
        outcome = self.receive(
            realm, right, kind=Circular, ordinal=3, after=lambda _: parse_number("cc/2026/2")
        )
        assert (outcome.state, outcome.code) == ("new", 0)
        with realm.office("tula", now=LATER) as office:
            assert parse_number("cc/2026/1") not in office.opened.in_force()

    def test_an_id_that_has_another_number_here(self, realm: Realm, circular: bytes) -> None:
        named = self.related("refers", "cc/2025/9", encode_base64(circular))
        outcome = self.receive(realm, named)
        assert self.said(outcome, "names as cc/2025/9 what is cc/2026/1 here")
        [again] = realm.receive("tula", Path(outcome.file), now=LATER)
        assert (again.state, again.code, again.contradiction) == ("known", 3, outcome.contradiction)

    @pytest.mark.parametrize("note_id", [None, OTHER])
    @pytest.mark.usefixtures("circular")
    def test_a_letter_that_refers_to_a_number_of_ours_that_there_is_not(
        self, realm: Realm, note_id: str | None
    ) -> None:
        named = self.related("refers", "tula/2026/9", note_id)
        assert self.said(self.receive(realm, named), "tula/2026/9, which our register does not have")

    @pytest.mark.usefixtures("circular")
    def test_what_is_not_here_is_no_contradiction(self, realm: Realm) -> None:
        outcome = self.receive(realm, self.related("refers", "kursk/2026/1", self.OTHER))
        assert (outcome.state, outcome.code, outcome.contradiction) == ("new", 0, "")

    def receipt(self, number: str, note_id: str) -> Callable[[Any], Message]:
        item = Item(number=number, id=note_id, state="received", by=None, reason=None)
        return as_kind(Receipt, items=(item,))

    @pytest.mark.usefixtures("circular")
    def test_a_receipt_of_another_office_for_another_circular(self, realm: Realm) -> None:
        """What penza was sent as cc/2026/1 is not what we were: proof of equivocation."""

        def note(value: Any) -> Any:
            return dataclasses.replace(value, receipts=(bytes(32),))

        outcome = self.receive(
            realm, self.receipt("cc/2026/1", self.OTHER), issuer="penza", ordinal=1, note=note
        )
        assert self.said(outcome, "another cc/2026/1 than the one we have")

    def test_a_receipt_by_a_wrong_number_counts_for_nothing(self, realm: Realm, circular: bytes) -> None:
        def note(value: Any) -> Any:
            return dataclasses.replace(value, receipts=(circular,))

        wrong = self.receipt("kursk/2026/5", encode_base64(circular))
        outcome = self.receive(realm, wrong, "cc", issuer="tula", ordinal=1, note=note)
        assert self.said(outcome, "names as kursk/2026/5 what is cc/2026/1 here")
        with realm.office("cc", now=LATER) as office:
            [found] = office.due()
        assert found.case.answers == ()

    def test_a_report_and_a_decision_on_another_circular(self, realm: Realm, circular: bytes) -> None:
        members = report(circular)
        wrong = ({"id": self.OTHER}, {"number": "cc/2026/9"}, {"number": "kursk/2026/9"})
        for ordinal, changes in enumerate(wrong, 1):
            answered = msgspec.structs.replace(members["answers"], **changes)
            outcome = send_report(realm, members | {"answers": answered}, ordinal=ordinal)
            assert (outcome.state, outcome.code) == ("rejected", 3), changes
        slot = SlotRef(
            number="cc/2026/1",
            id=self.OTHER,
            obligation="monthly",
            office="tula",
            period="2026-10",
            event=None,
        )
        decision = as_kind(
            Decision, body="", decision="waive", report=None, slot=slot, until=None, reason="пожар"
        )
        outcome = self.receive(realm, decision)
        assert (outcome.state, outcome.code) == ("rejected", 3)

    def test_a_report_that_revises_what_is_none_of_its_author(self, realm: Realm, circular: bytes) -> None:
        revised = {"revises": encode_base64(circular), "revision_reason": "ошибка"}
        outcome = send_report(realm, report(circular) | revised)
        assert (outcome.state, outcome.code) == ("rejected", 3)


class TestWhatIsKept:
    """Of what is held or rejected nothing that was sealed lies in clear: the words are made anew."""

    SEALED = (
        "Собрания",
        "Ход",
        "meetings",
        "СЕКРЕТ",
        "4711",
        "sealed_name",
        "kursk/2026/9",
        "2026-09",
    )
    CASES: ClassVar[tuple[tuple[dict[str, Any], str, str], ...]] = (
        ({"values": {"meetings": "СЕКРЕТ 4711"}}, "rejected", "meetings: Собрания should be a whole number"),
        ({"values": {"meetings": 1, "sealed_name": 1}}, "rejected", "sealed_name: the form has no"),
        ({"period": "2026-09"}, "rejected", "2026-09 is outside monthly"),
        ({"number": "kursk/2026/9"}, "held", "it answers kursk/2026/9, which has not come yet"),
    )

    def send_all(self, realm: Realm, circular: bytes) -> None:
        for ordinal, (changes, state, _) in enumerate(self.CASES, 1):
            members = report(circular) | changes
            answered = members["answers"]
            if "number" in members:
                other = {"number": members.pop("number"), "id": encode_base64(bytes(32))}
                answered = msgspec.structs.replace(answered, **other)
            outcome = send_report(realm, members | {"answers": answered}, ordinal=ordinal)
            assert (outcome.state, outcome.code) == (state, 7)

    def test_the_home_holds_nothing_of_it(self, realm: Realm, circular: bytes) -> None:
        self.send_all(realm, circular)
        needles = [text.encode() for text in self.SEALED]
        for path in realm.home("cc").path.rglob("*"):
            if path.is_file():
                assert [one.decode() for one in needles if one in path.read_bytes()] == [], path

    def test_the_words_are_those_of_the_day_it_came(self, realm: Realm, circular: bytes) -> None:
        self.send_all(realm, circular)
        with realm.office("cc", now=LATER) as office:
            kept = (*office.inbox.kept("rejected"), *office.inbox.kept("held"))
        assert [(one.state, one.code) for one in kept] == [(state, 7) for _, state, _ in self.CASES]
        for one, (_, _, words) in zip(kept, self.CASES, strict=True):
            assert one.reason.startswith(words), one

    def test_where_no_key_opens_it_the_kind_of_reason_is_said(self, realm: Realm, circular: bytes) -> None:
        self.send_all(realm, circular)
        replace_keyfile(realm.home("cc").office_key, realm.keys("cc"), "right", work_factor=2)
        with Office(realm.home("cc"), now=LATER, ask_passphrase=lambda: "wrong") as office:
            reasons = {one.reason for one in office.inbox.kept("rejected")}
            [held] = office.inbox.kept("held")
        assert reasons == {"its issuer has no right to it, or it does not fit what it answers"}
        assert held.reason.startswith("it waits for a newer roster, a later day or another dispatch")

    def test_what_is_judged_otherwise_now_keeps_its_kind(self, realm: Realm, circular: bytes) -> None:
        """It was rejected because no key opened it, and one does again."""
        keys = realm.keys("cc")
        replace_keyfile(realm.home("cc").office_key, generate(), None)
        assert send_report(realm, report(circular)).code == 4
        replace_keyfile(realm.home("cc").office_key, keys, None)
        with realm.office("cc", now=LATER) as office:
            [kept] = office.inbox.kept("rejected")
        assert (kept.code, kept.reason) == (4, "no key of ours opened it")
