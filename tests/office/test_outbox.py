"""The way out: what is refused before a number is used, and that a crash anywhere loses nothing."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from dispatch.audit.verdicts import verify_files
from dispatch.cli.main import run
from dispatch.errors import MessageError, RefusedError, StorageError
from dispatch.formats.envelope import parse_envelope
from dispatch.formats.merkle import EMPTY_ROOT, leaf_hash, root
from dispatch.formats.message import MAX_ATTACHMENTS, MAX_MESSAGE
from dispatch.formats.note import Head, Number, note_id, parse_note
from dispatch.formats.plaintext import padded_size
from dispatch.office import Office
from dispatch.store import Register
from dispatch.system.files import locked
from keys import age
from keys.codec import encode_base64
from keys.errors import ExpiredError, UnlistedKeyError
from keys.roster import add_office
from keys.signing import SigningKey
from keys.trust import TrustedRoster, sign_roster
from tests.forge.dispatches import DAY, NOW, Forgery
from tests.forge.realm import Realm, draft
from tests.forge.roster import need_two

if TYPE_CHECKING:
    from keys.roster import Roster

ROOT = Path(__file__).parent.parent.parent

# Runs the command line and kills itself before or after the `count`th call of `place`.
KILLED = """
import importlib, os, signal, sys
place, when, count, *arguments = sys.argv[1:]
module, _, names = place.partition(":")
*owners, name = names.split(".")
owner = importlib.import_module(module)
for one in owners:
    owner = getattr(owner, one)
original = getattr(owner, name)
left = int(count)
def instead(*positional, **named):
    global left
    left -= 1
    if left == 0 and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = original(*positional, **named)
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return result
setattr(owner, name, instead)
from dispatch.cli.main import run
sys.exit(run(arguments))
"""


@dataclass(frozen=True)
class Kill:
    """A place at which `issue` is killed, and whether its number is used by then."""

    place: str
    when: str = "before"
    count: int = 1
    is_numbered: bool = True


KILLS = {
    "before anything": Kill("dispatch.office.outbox:seal_attachment", is_numbered=False),
    "while an attachment is sealed": Kill("keys.age:encrypt_payload_stream", is_numbered=False),
    "after the attachments are sealed": Kill("dispatch.office.outbox:Outbox._number", is_numbered=False),
    "at the first body": Kill("dispatch.store:Register.store_body", "after", is_numbered=False),
    "at the last body": Kill("dispatch.store:Register.store_body", "after", 3, is_numbered=False),
    "after the note, before the copies": Kill("dispatch.store:Register.store_copies", is_numbered=False),
    "before the commit": Kill("dispatch.store:Register.store_attachments", "after", is_numbered=False),
    "pending": Kill("dispatch.office.outbox:Outbox.finish"),
    "before the signature": Kill("dispatch.office.pending:sign_text"),
    "after the signature, before it is stored": Kill("dispatch.office.pending:sign_text", "after"),
    "signed": Kill("dispatch.office.outbox:release"),
    "before any file has its name": Kill("dispatch.carriers.folder:sync_files"),
    # the first to be moved to its name is the attachment
    "between the files": Kill("os:replace", "after", 2),
    "after the second file": Kill("os:replace", "after", 3),
    "after the last file": Kill("os:replace", "after", 4),
    "before the attachments are put beside them": Kill("dispatch.office.outbox:take_along"),
    "before it is noted as released": Kill("dispatch.store:Register.mark_released"),
    "released": Kill("dispatch.store:Register.mark_released", "after"),
}


def start(words: list[str]) -> subprocess.Popen[str]:
    """Start Python in a process of its own, to which this checkout is `dispatch`."""
    environment = os.environ | {"DISPATCH_NOW": "2026-11-23T09:00:00Z", "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, *words], env=environment, stdout=pipe, stderr=pipe, text=True)


def write_draft(path: Path, text: str) -> Path:
    fields = '+++\nkind = "circular"\nsubject = "Отчёт"\nto = ["@provinces"]\n+++\n'
    path.write_text(f"{fields}{text}\n", "utf-8")
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*") if path.is_file()}


def stored(realm: Realm) -> list[tuple[bytes, list[tuple[bytes, bytes | None]]]]:
    """What the register of the centre holds: the notes, and the digest and body of every copy."""
    with Register(realm.home("cc").register) as register:
        return [
            (entry.text, [(copy.digest, copy.body) for copy in register.copies(entry)])
            for entry in sorted(register.newest(-1), key=lambda entry: entry.seq)
        ]


def check_register(realm: Realm, post: Path, count: int) -> None:
    """Numbers are dense, notes chain, files are those of the register, and all verify."""
    again = realm.path / "again"
    office = realm.office("cc")
    office.export([], again, notes=False)
    entries = sorted(office.register.newest(-1), key=lambda entry: entry.seq)
    assert [entry.number for entry in entries] == [Number("cc", "2026", n) for n in range(1, count + 1)]
    assert {entry.state for entry in entries} <= {"released"}
    ids: list[bytes] = []
    for entry in entries:
        head = parse_note(entry.text).register
        assert head == (
            Head("2026", len(ids), root(map(leaf_hash, ids))) if ids else Head("0000", 0, EMPTY_ROOT)
        )
        ids.append(entry.id)
    office.close()
    assert contents(again) == contents(post)
    files = sorted(map(str, post.glob("*.dispatch")))
    assert len(files) == 3 * count
    assert [verdict.error for verdict in verify_files(files, realm.trusted)] == [""] * len(files)


@pytest.mark.parametrize(
    ("name", "then"),
    [
        *((name, "issue") for name in KILLS),
        *((name, "receive") for name in ("pending", "signed", "between the files")),
    ],
)
def test_a_crash_loses_nothing_and_uses_no_number_twice(realm: Realm, name: str, then: str) -> None:
    kill, post = KILLS[name], realm.path / "post"
    plan = realm.path / "план.txt"
    plan.write_text("план", "utf-8")
    first = write_draft(realm.path / "1.md", "Первый")
    words = ["--home", str(realm.path / "cc"), "issue", str(first), "-o", str(post), "--attach", str(plan)]
    killed = start(["-c", KILLED, kill.place, kill.when, str(kill.count), *words])
    _, errors = killed.communicate()
    assert killed.returncode == -signal.SIGKILL, errors
    before, files = stored(realm), contents(post)
    assert len(before) == kill.is_numbered

    if then == "receive":
        realm.receive("cc")
        check_register(realm, post, kill.is_numbered)
    issued = realm.office("cc").issue(draft(text="Second"), [], post)

    assert issued.number.ordinal == 1 + kill.is_numbered
    assert stored(realm)[: len(before)] == before
    assert {name: data for name, data in contents(post).items() if name in files} == files
    check_register(realm, post, 1 + kill.is_numbered)
    assert [path.name for path in post.iterdir() if path.name.startswith(".")] == []
    if kill.is_numbered:
        [outcome] = realm.receive("tula", post / "cc-2026-1.tula.dispatch")
        assert (outcome.state, outcome.missing) == ("new", ())


@pytest.mark.parametrize("name", ["after the attachments are sealed", "pending", "between the files"])
def test_whoever_repeats_a_killed_issue_hears_of_the_first(realm: Realm, name: str) -> None:
    """The same draft then went out twice, which nobody means."""
    kill, post = KILLS[name], realm.path / "post"
    words = ["--home", str(realm.path / "cc"), "issue", str(write_draft(realm.path / "1.md", "Первый"))]
    words += ["-o", str(post), "--attach", __file__]
    start(["-c", KILLED, kill.place, kill.when, str(kill.count), *words]).communicate()
    said = f"cc/2026/1, which an earlier run left unfinished, is issued now; its files are in {post}\n"
    for left in (kill.is_numbered, False):
        again = start(["-m", "dispatch", *words])
        _, errors = again.communicate()
        assert (again.returncode, said in errors, "unfinished" in errors) == (0, left, left)


# Runs one command line several times.
REPEATED = """
import sys
from dispatch.cli.main import run
sys.exit(max(run(sys.argv[2:]) for _ in range(int(sys.argv[1]))))
"""


def run_at_once(commands: list[list[str]]) -> None:
    """Run processes at once; all must succeed."""
    processes = [start(["-c", REPEATED, *words]) for words in commands]
    outcomes = [(process.communicate()[1], process.returncode) for process in processes]
    assert [errors for errors, code in outcomes if code != 0] == []


def test_many_processes_issue_at_once(realm: Realm) -> None:
    post, text = realm.path / "post", write_draft(realm.path / "draft.md", "Текст")
    run_at_once([["5", "--home", str(realm.path / "cc"), "issue", str(text), "-o", str(post)]] * 8)
    check_register(realm, post, 40)


def test_an_export_while_another_process_issues(realm: Realm) -> None:
    """Both write into one folder by way of a hidden one, which is not taken for that of a killed run."""
    post, text = realm.path / "post", write_draft(realm.path / "draft.md", "Текст")
    home = ["--home", str(realm.path / "cc")]
    export = ["15", *home, "export", "-o", str(post)]
    run_at_once([["10", *home, "issue", str(text), "-o", str(post)], export, export])
    check_register(realm, post, 10)


def test_an_export_waits_for_the_process_that_writes_files(realm: Realm) -> None:
    folder, again = realm.issue(), realm.path / "again"

    def export() -> None:
        with Office(realm.home("cc"), now=NOW, ask_passphrase=str) as office:
            office.export([], again, notes=False)

    thread = threading.Thread(target=export)
    with locked(realm.home("cc").lock):
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
        assert not again.exists()
    thread.join()
    assert contents(again) == contents(folder)


def test_a_folder_in_the_way_of_one_copy_or_attachment_costs_only_itself(
    realm: Realm, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    post, again = tmp_path / "post", tmp_path / "again"
    (tmp_path / "circular.md").write_text(
        '+++\nkind = "circular"\nsubject = "A"\nto = ["@provinces"]\n+++\nA\n'
    )
    plans = [tmp_path / name for name in ("first", "second")]
    for plan in plans:
        plan.write_text(plan.name)
    (post / "cc-2026-1.penza.dispatch").mkdir(parents=True)
    words = ["--home", str(realm.home("cc").path), "issue", str(tmp_path / "circular.md"), "-o", str(post)]
    attach = [word for plan in plans for word in ("--attach", str(plan))]
    assert run([*words, *attach]) == 1
    assert "cc-2026-1.penza.dispatch: another file is there already" in capsys.readouterr().err
    [entry] = realm.office("cc").register.newest(-1)
    assert entry.state == "signed"
    copies = {path.name for path in post.glob("*.dispatch") if path.is_file()}
    assert copies == {f"cc-2026-1.{handle}.dispatch" for handle in ("cc", "tula")}
    attachments = sorted(path.name for path in post.glob("*.age"))
    assert len(attachments) == 2

    again.mkdir()
    for name in (attachments[0], "cc-2026-1.tula.dispatch"):
        (again / name).mkdir()
    with pytest.raises((StorageError, OSError)):
        realm.office("cc").export([entry.number], again)
    assert sorted(path.name for path in again.iterdir() if path.is_file()) == sorted(
        {*copies, "cc-2026-1.penza.dispatch", attachments[1]} - {"cc-2026-1.tula.dispatch"}
    )

    (post / "cc-2026-1.penza.dispatch").rmdir()
    realm.office("cc").outbox.finish()
    assert realm.office("cc").register.get(entry.number).state == "released"
    assert (post / "cc-2026-1.penza.dispatch").is_file()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE notes SET id = zeroblob(32) WHERE ordinal = 2",
        "UPDATE notes SET date = '2026-11-22T09:00:00Z' WHERE ordinal = 2",
        "UPDATE notes SET ordinal = 3 WHERE ordinal = 2",
        "UPDATE notes SET issuer = 'penza' WHERE ordinal = 2",
        "UPDATE notes SET id = x'01' WHERE ordinal = 1",
        "DELETE FROM notes WHERE ordinal = 1",
        "UPDATE copies SET handle = 'penza' WHERE handle = 'tula' AND note = 2",
        "DELETE FROM copies WHERE handle = 'tula' AND note = 2",
        "UPDATE bodies SET data = zeroblob(1000)",
        # the text of another dispatch of ours, in our own copy
        "UPDATE bodies SET data = (SELECT data FROM bodies WHERE copy = 1) WHERE copy = 4",
    ],
)
def test_what_this_office_did_not_compose_is_never_signed(realm: Realm, change: str) -> None:
    """Somebody who can write in the register wants our signature under a note of their own."""
    realm.issue()
    office = realm.office("cc")
    outgoing = office.check(draft(text="Второй")).outgoing
    assert outgoing is not None
    office.outbox.number(outgoing, realm.path / "post")
    with sqlite3.connect(realm.home("cc").register) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(change)
    connection.close()
    office = realm.office("cc")
    assert office.outbox.finish() == {}
    [error] = office.outbox.failed.values()
    assert isinstance(error, RefusedError)
    assert "is not signed" in str(error)
    [left] = office.register.unfinished()
    assert (left.state, left.signatures) == ("pending", None)


def test_a_note_of_anothers_making_that_fits_the_register_is_not_signed(realm: Realm) -> None:
    """Whoever writes a whole note into the register has to seal a text that agrees with it, too."""
    office = realm.office("cc")
    outgoing = office.check(draft()).outgoing
    assert outgoing is not None
    number = office.outbox.number(outgoing, realm.path / "post")
    entry = office.register.get(number)
    lines = [
        b"content: " + encode_base64(b"1" * 32).encode() if line.startswith(b"content: ") else line
        for line in entry.text.split(b"\n")
    ]
    text = b"\n".join(lines)
    with sqlite3.connect(realm.home("cc").register) as connection:
        connection.execute("UPDATE notes SET text = ?, id = ?", (text, note_id(text)))
    connection.close()
    office = realm.office("cc")
    assert office.outbox.finish() == {}
    assert "the text is not the one" in str(office.outbox.failed[number])
    assert office.register.get(number).state == "pending"


class TestRefused:
    """Before a number is used, and before anything is sealed."""

    @pytest.fixture(autouse=True)
    def _nothing_is_numbered(self, realm: Realm) -> object:
        yield
        with Register(realm.home("cc").register) as register:
            assert register.newest(-1) == ()
        assert not (realm.home("cc").attachments).exists()

    def test_an_unknown_handle_and_an_empty_group(self, realm: Realm, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"a")
        with pytest.raises(RefusedError, match=r"moscow.*@north"):
            realm.office("cc").issue(draft(to=["moscow", "@north", "tula"]), [tmp_path / "a"], None)

    def test_an_expired_roster(self, realm: Realm) -> None:
        with pytest.raises(ExpiredError):
            realm.office("cc", now=NOW + 365 * DAY).issue(draft(), [], None)

    def test_a_circular_without_the_right(self, realm: Realm) -> None:
        card = realm.card("cc")
        realm.adopt(realm.next_roster(lambda roster: add_office(roster, card, ["report"])), "cc")
        with pytest.raises(RefusedError, match="right"):
            realm.office("cc").issue(draft(), [], None)

    def test_a_text_that_is_too_long_once_it_is_json(self, realm: Realm) -> None:
        text = draft(text="a" + "\n" * (MAX_MESSAGE // 2) + "a")
        with pytest.raises(MessageError, match="longer than"):
            realm.office("cc").check(text)
        with pytest.raises(MessageError, match="longer than"):
            realm.office("cc").issue(text, [], None)

    def test_an_attachment_too_many(self, realm: Realm, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"a")
        with pytest.raises(MessageError, match="more than 64"):
            realm.office("cc").issue(draft(), [tmp_path / "a"] * (MAX_ATTACHMENTS + 1), None)

    def test_a_threshold_of_two(self, realm: Realm) -> None:
        second = SigningKey.generate()
        realm.adopt(realm.next_roster(lambda roster: need_two(roster, realm.card("cc"), second)), "cc")
        with pytest.raises(RefusedError, match="2 signatures"):
            realm.office("cc").issue(draft(), [], None)

    def test_addressees_without_a_key(self, realm: Realm) -> None:
        def edit(roster: Roster) -> Roster:
            without = [
                msgspec.structs.replace(office, sealing_entries=()) if office.handle != "cc" else office
                for office in roster.offices
            ]
            return msgspec.structs.replace(roster, offices=tuple(without))

        trusted = realm.trusted
        first = edit(trusted.chain[-1].roster)
        alone = TrustedRoster(roster=first, chain=(sign_roster(first, realm.root.signing_keys),))
        realm.adopt(alone, "cc")
        with pytest.raises(RefusedError, match="no key to seal to: penza, tula"):
            realm.office("cc").issue(draft())

    def test_a_key_that_the_roster_does_not_list(self, realm: Realm) -> None:
        realm.home("cc").office_key.write_bytes(realm.home("kursk").office_key.read_bytes())
        with pytest.raises(UnlistedKeyError):
            realm.office("cc").issue(draft(), [], None)


def test_one_who_is_named_twice_gets_one_copy(realm: Realm) -> None:
    folder = realm.issue(to=["tula", "@provinces"], info=["tula", "cc"])
    assert sorted(path.name for path in folder.iterdir()) == [
        "cc-2026-1.cc.dispatch",
        "cc-2026-1.penza.dispatch",
        "cc-2026-1.tula.dispatch",
    ]


def test_all_copies_hold_the_same_plaintext_of_a_padded_size(realm: Realm) -> None:
    for size in (1, 900, 5000):
        folder = realm.issue(text="x" * size)
        plaintexts = {
            age.decrypt(parse_envelope(path.read_bytes()).body, realm.keys(path.suffixes[0][1:]).identities)
            for path in folder.iterdir()
        }
        [plaintext] = plaintexts
        assert len(plaintext) == padded_size(len(plaintext)) >= 1024


def test_each_copy_is_sealed_as_its_office_needs(realm: Realm) -> None:
    folder = realm.issue()
    kinds = {
        path.suffixes[0][1:]: parse_envelope(path.read_bytes()).body.split(b"\n")[1].split(b" ")[1]
        for path in folder.iterdir()
    }
    assert kinds == {"cc": b"mlkem768x25519", "tula": b"mlkem768x25519", "penza": b"X25519"}


def test_two_dispatches_share_no_salt_nor_slot_key(realm: Realm) -> None:
    office = realm.office("cc")
    opened = [office.open((realm.issue() / f"cc-2026-{n}.cc.dispatch").read_bytes()) for n in (1, 2)]
    assert len({one.message.salt for one in opened}) == 2
    assert len({one.secrets.slot_key for one in opened}) == 2


def test_after_names_the_last_dispatch_to_that_office(realm: Realm) -> None:
    for to in (["tula"], ["penza"], ["tula"], ["@provinces"]):
        folder = realm.issue(to=to)
    after = {path.suffixes[0][1:]: parse_envelope(path.read_bytes()).copy.after for path in folder.iterdir()}
    assert {handle: str(number) for handle, number in after.items()} == {
        "cc": "cc/2026/3",
        "penza": "cc/2026/2",
        "tula": "cc/2026/3",
    }


def test_a_clock_that_runs_behind_uses_the_last_date(realm: Realm) -> None:
    realm.issue()
    realm.now = NOW - DAY
    folder = realm.issue()
    assert parse_envelope((folder / "cc-2026-2.cc.dispatch").read_bytes()).signed_note.note.date == NOW


def test_a_new_year_opens_a_volume_that_closes_the_old_one(realm: Realm) -> None:
    realm.issue()
    last = realm.issue()
    realm.now = NOW + 39 * DAY
    folder = realm.issue()
    note = parse_envelope((folder / "cc-2027-1.cc.dispatch").read_bytes()).signed_note.note
    ids = [
        parse_envelope((last.parent / f"cc-{n - 1}" / f"cc-2026-{n}.cc.dispatch").read_bytes()).signed_note.id
        for n in (1, 2)
    ]
    assert note.register == Head("2026", 2, root(map(leaf_hash, ids)))


def test_another_file_in_the_way_is_not_overwritten(realm: Realm) -> None:
    post = realm.path / "post"
    post.mkdir()
    (post / "cc-2026-1.tula.dispatch").write_text("mine")
    with pytest.raises(StorageError, match="another file"):
        realm.office("cc").issue(draft(), [], post)
    assert (post / "cc-2026-1.tula.dispatch").read_text() == "mine"
    (post / "cc-2026-1.tula.dispatch").unlink()
    realm.office("cc").receive([])
    check_register(realm, post, 1)


def test_one_dispatch_that_cannot_be_written_does_not_stop_the_next(realm: Realm) -> None:
    post = realm.path / "post"
    post.mkdir()
    (post / "cc-2026-1.tula.dispatch").write_text("mine")
    with pytest.raises(StorageError, match="another file"):
        realm.office("cc").issue(draft(), [], post)
    issued = realm.office("cc").issue(draft(), [], realm.path / "elsewhere")
    assert issued.number == Number("cc", "2026", 2)
    [outcome] = realm.receive(
        "cc", realm.put(realm.forge(Forgery(issuer="tula", to=("cc",)))) / "cc.dispatch"
    )
    assert outcome.state == "rejected"


def test_the_next_issue_sweeps_up_what_was_half_sealed(realm: Realm) -> None:
    store = realm.home("cc").attachments
    store.mkdir()
    (store / ".dispatch-x").write_bytes(b"half")
    os.utime(store / ".dispatch-x", (0, (NOW - 2 * DAY).timestamp()))
    realm.issue()
    assert list(store.iterdir()) == []


def test_no_secret_lies_on_the_disk_in_clear(realm: Realm) -> None:
    """Only the key file holds keys, and nothing holds what was written."""
    plan = realm.path / "plan.txt"
    plan.write_text("НАЗВАНИЕ ПЛАНА")
    folder = realm.issue(text="СОДЕРЖАНИЕ ЦИРКУЛЯРА", attach=[plan])
    plan.unlink()
    realm.receive("tula", folder)
    opened = realm.office("tula").open((folder / "cc-2026-1.tula.dispatch").read_bytes())
    [identity] = opened.secrets.attachments
    needles = [
        "СОДЕРЖАНИЕ ЦИРКУЛЯРА".encode(),
        "НАЗВАНИЕ ПЛАНА".encode(),
        "Отчёт".encode(),
        b"plan.txt",
        identity.encode(),
        opened.line,
        b"AGE-SECRET-KEY",
    ]
    needles += [key.secret_text().encode() for name in ("cc", "tula") for key in realm.keys(name).identities]
    assert opened.secrets.slot_key is not None
    needles.append(opened.secrets.slot_key.encode())
    searched = 0
    for path in realm.path.rglob("*"):
        if path.is_file() and path.name not in ("office.key", "root.key"):
            data = path.read_bytes()
            searched += len(data)
            assert [needle for needle in needles if needle in data] == [], path
    assert searched > sha256().digest_size * 1000
    for name in ("register.db", "office.key"):
        assert (realm.path / "tula" / name).stat().st_mode & 0o077 == 0
