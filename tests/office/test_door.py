"""The door of the library: what a caller needs, from `dispatch` alone."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dispatch import Number, Office, errors, parse_draft
from dispatch.office import SlotName
from keys.errors import FormatError, PassphraseError

if TYPE_CHECKING:
    from pathlib import Path

CIRCULAR = b"""\
+++
kind = "circular"
subject = "Reports"
to = ["tula"]
[[obligation]]
id = "monthly"
every = "month"
from = "2026-05"
due = "P5D"
[[form]]
id = "monthly"
[[form.field]]
name = "meetings"
type = "integer"
+++
1. Report every month.
"""
# More addressees than one process seals alone; without `if __name__ == "__main__"`.
UNGUARDED = """\
import sys
from pathlib import Path
from dispatch import Office, parse_draft
from keys.card import make_card, sign_card
from keys.keyfile import generate

print("runs", flush=True)
cards = []
for number in range(4001):
    keys = generate(classical=True)
    card = make_card(
        handle=f"b{number:04}",
        title="Branch",
        classical=True,
        signing=[key.verify_key for key in keys.signing_keys],
        sealing=[identity.recipient() for identity in keys.identities],
    )
    cards.append(sign_card(card, keys.signing_keys))
cc = Office.create(Path("cc"), handle="cc", title="Centre", realm="rkp", passphrase=None, classical=True)
cc.enrol(*cards)
to = ", ".join(f'"b{number:04}"' for number in range(4001))
draft = f'+++\\nkind = "letter"\\nsubject = "All"\\nto = [{to}]\\n+++\\nText\\n'
with cc:
    print(len(cc.issue(parse_draft(draft.encode()), directory=Path("post")).files), flush=True)
"""


def test_a_month_of_a_centre_and_a_branch(tmp_path: Path) -> None:
    cc = Office.create(tmp_path / "cc", handle="cc", title="Centre", realm="rkp", passphrase=None)
    tula = Office.create(tmp_path / "tula", handle="tula", title="Tula", passphrase=None)
    tula.trust(*cc.enrol(tula.card))
    post, number = tmp_path / "post", Number("cc", f"{cc.now.year:04}", 1)
    with cc, tula:
        assert cc.issue(parse_draft(CIRCULAR), directory=post).number == number
        [one] = tula.receive([post], directory=post).received
        assert (one.state, one.number, one.kind, one.subject) == ("new", number, "circular", "Reports")
        tula.reply(number, "undertaken", by="A. Petrova", directory=post)
        form = tula.report_form(number, "monthly").replace('"[TYPE A integer]"', "3")
        report = parse_draft(form.replace("# meetings = ", "meetings = 12").encode())
        tula.issue(report, directory=post)
        cc.receive([post], directory=post)
        [duties] = cc.due()
        assert [one.state for one in duties.standings] == ["undertaken"]
        assert duties.slots[0].stands
        assert cc.collate(number, "monthly").rows[0].values == {"meetings": 12}
        assert cc.publish(number).message.subject == "Reports"


def test_enrolling_signs_nothing_else(tmp_path: Path) -> None:
    cc = Office.create(tmp_path / "cc", handle="cc", title="Centre", realm="rkp", passphrase=None)
    tula = Office.create(tmp_path / "tula", handle="tula", title="Tula", passphrase=None)
    penza = Office.create(tmp_path / "penza", handle="penza", title="Penza", passphrase=None)
    before = cc.home.roster.read_bytes()
    with pytest.raises(FormatError):
        cc.enrol(tula.card, penza.card[:-9])
    assert (cc.home.roster.read_bytes(), cc.home.pending_roster.exists()) == (before, False)
    cc.home.pending_roster.write_bytes(_pending(cc, penza))
    with pytest.raises(errors.RefusedError, match="pending"):
        cc.enrol(tula.card)
    assert cc.home.roster.read_bytes() == before


def test_enrolling_again_signs_nothing(tmp_path: Path) -> None:
    cc = Office.create(tmp_path / "cc", handle="cc", title="Centre", realm="rkp", passphrase=None)
    tula = Office.create(tmp_path / "tula", handle="tula", title="Tula", passphrase=None)
    first = cc.enrol(tula.card)
    assert cc.enrol(tula.card) == cc.enrol() == first


def test_only_the_keeper_enrols(tmp_path: Path) -> None:
    cc = Office.create(tmp_path / "cc", handle="cc", title="Centre", realm="rkp", passphrase=None)
    tula = Office.create(tmp_path / "tula", handle="tula", title="Tula", passphrase=None)
    tula.trust(*cc.enrol(tula.card))
    with pytest.raises(errors.RefusedError, match="no root key"):
        tula.enrol(tula.card)


def test_a_decision_says_what_it_is_called(tmp_path: Path) -> None:
    cc = Office.create(tmp_path / "cc", handle="cc", title="Centre", realm="rkp", passphrase=None)
    tula = Office.create(tmp_path / "tula", handle="tula", title="Tula", passphrase=None)
    tula.trust(*cc.enrol(tula.card))
    circular = cc.issue(parse_draft(CIRCULAR), directory=tmp_path / "post").number
    tula.receive([tmp_path / "post"])
    form = tula.report_form(circular, "monthly", period="2026-05")
    report = tula.issue(parse_draft(form.replace("# meetings = ", "meetings = 12").encode()))
    cc.receive([tmp_path / "tula" / "outbox"])
    slot = SlotName("monthly", "tula", "2026-05", None)
    before = len(cc.list())
    with pytest.raises(errors.RefusedError, match="for a reason"):
        cc.decide(report.number, "return")
    with pytest.raises(errors.RefusedError, match="for a reason"):
        cc.decide(report.number, "accept", reason="Well done")
    with pytest.raises(errors.RefusedError, match="for a reason"):
        cc.decide(report.number, "accept", slot=slot)
    assert len(cc.list()) == before


def _pending(cc: Office, office: Office) -> bytes:
    from dispatch.realm.roster import RosterEditor

    RosterEditor(cc.home, now=cc.now, ask_passphrase=str).add(office.card, None)
    return cc.home.pending_roster.read_bytes()


def test_sealed_keys_need_somebody_to_ask(tmp_path: Path) -> None:
    made = Office.create(tmp_path / "cc", handle="cc", title="Centre", realm="rkp", passphrase="корабль")
    assert made.keys.identities
    with pytest.raises(PassphraseError, match="sealed with a passphrase"):
        _ = Office(tmp_path / "cc").keys
    assert Office(tmp_path / "cc", ask_passphrase=lambda: "корабль").keys.identities


def test_a_script_is_not_run_again_by_the_workers(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(UNGUARDED, "utf-8")
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("runs\n4002\n", 0), done.stderr[-2000:]
