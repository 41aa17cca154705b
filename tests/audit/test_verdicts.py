"""The auditor's check: no home, no key, and never a yes for what does not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dispatch.audit.verdicts import verify_files
from dispatch.checks.verifier import Verifier
from dispatch.system import workers as parallel
from keys import age
from keys.age import X25519Identity
from keys.codec import encode_base64
from keys.roster import revoke_key
from keys.signing import SigningKey
from tests.forge.dispatches import DAY, NOW, Forgery

if TYPE_CHECKING:
    from pathlib import Path

    from dispatch.audit import FileVerdict
    from tests.forge.realm import Realm


def verify(realm: Realm, *paths: Path) -> list[FileVerdict]:
    return list(verify_files([str(path) for path in paths], realm.trusted))


def test_what_holds_is_described(realm: Realm) -> None:
    folder = realm.issue()
    path = folder / "cc-2026-1.tula.dispatch"
    [verdict] = verify(realm, path)
    entry = realm.office("cc").register.newest(1)[0]
    assert verdict.file == str(path)
    assert (verdict.error, verdict.hint, verdict.code) == ("", "", 0)
    assert (verdict.number, verdict.to, verdict.copy, verdict.copies) == ("cc/2026/1", "tula", 3, 3)
    assert (verdict.id, verdict.date) == (encode_base64(entry.id), "2026-11-23T09:00:00Z")
    assert verdict.keys == (realm.keys("cc").signing_keys[0].verify_key.fingerprint(),)


def test_a_bare_note_is_taken_by_its_name_alone(realm: Realm) -> None:
    realm.issue()
    [note] = realm.office("cc").export([], realm.path / "notes", notes=True)
    [verdict] = verify(realm, note)
    assert (verdict.code, verdict.to, verdict.copy, verdict.copies) == (0, None, None, 3)
    # an envelope cut off after its signatures must not pass for one
    other = note.rename(note.with_suffix(".dispatch"))
    assert [one.code for one in verify(realm, other)] == [5]
    envelope = realm.issue() / "cc-2026-2.tula.dispatch"
    assert [one.code for one in verify(realm, envelope.rename(envelope.with_suffix(".note")))] == [5]


def test_every_file_is_tried_in_order(realm: Realm, tmp_path: Path) -> None:
    folder = realm.issue()
    good = [folder / f"cc-2026-1.{name}.dispatch" for name in ("cc", "penza", "tula")]
    forged = realm.put(realm.forge(Forgery(signers=[SigningKey.generate()]))) / "tula.dispatch"
    (tmp_path / "empty.dispatch").write_bytes(b"")
    paths = [good[0], forged, tmp_path / "nowhere", good[1], tmp_path / "empty.dispatch", good[2]]
    verdicts = verify(realm, *paths)
    assert [verdict.code for verdict in verdicts] == [0, 3, 1, 0, 5, 0]
    assert [verdict.file for verdict in verdicts] == [str(path) for path in paths]
    assert [bool(verdict.error) for verdict in verdicts] == [code != 0 for code in (0, 3, 1, 0, 5, 0)]
    assert all(not verdict.keys for verdict in verdicts if verdict.error)


def test_a_folder_means_its_envelopes_and_notes(realm: Realm) -> None:
    folder = realm.issue()
    (folder / "below").mkdir()
    notes = realm.office("cc").export([], folder / "below", notes=True)
    (folder / "loop").symlink_to(folder)
    (folder / "README").write_bytes(b"passed over")
    verdicts = verify(realm, folder)
    assert [verdict.code for verdict in verdicts] == [0] * 4
    assert {verdict.file for verdict in verdicts} == {
        str(path) for path in (*notes, *folder.glob("*.dispatch"))
    }
    assert [verdict.to for verdict in verdicts].count(None) == 1


def test_names_that_are_not_unicode_are_files_too(realm: Realm, tmp_path: Path) -> None:
    data = (realm.issue() / "cc-2026-1.tula.dispatch").read_bytes()
    path = tmp_path / b"caf\xe9.dispatch".decode(errors="surrogateescape")
    path.write_bytes(data)
    assert [verdict.code for verdict in verify(realm, path)] == [0]


def test_the_signatures_of_a_note_are_checked_once_for_all_its_copies(
    realm: Realm, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    original = SigningKey.generate().verify_key.__class__.verify_raw

    def count(*arguments: object) -> None:
        nonlocal calls
        calls += 1
        original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("keys.signing.VerifyKey.verify_raw", count)
    paths = [*realm.issue().iterdir(), *realm.issue().iterdir()]
    trusted = realm.trusted
    calls = 0
    assert [verdict.code for verdict in verify_files(sorted(map(str, paths)), trusted)] == [0] * 6
    assert calls == 2


def test_the_same_verdicts_on_all_cores(realm: Realm, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = realm.issue()
    forged = realm.put(realm.forge(Forgery(signers=[SigningKey.generate()])))
    paths = [*sorted(folder.iterdir()), *sorted(forged.iterdir()), folder / "nowhere"] * 5
    on_one = verify(realm, *paths)
    monkeypatch.setattr(parallel, "WORTH_STARTING", 1)
    assert verify(realm, *paths) == on_one


def test_a_verifier_holds_to_its_roster(realm: Realm) -> None:
    assert Verifier(realm.trusted).roster == realm.trusted.roster


def classical(text: bytes) -> bytes:
    """Seal a text as if every office were classical; only penza is."""
    return age.encrypt(text, [X25519Identity(bytes([7]) * 32).recipient()])


@pytest.mark.parametrize(
    ("forgery", "codes"),
    [
        (Forgery(seal=lambda _to, _text: b"no age file"), [5, 5, 5]),
        (Forgery(seal=lambda _, text: classical(text)), [3, 0, 3]),
        (Forgery(seal=lambda _, text: classical(text)[:190]), [3, 3, 3]),
        (Forgery(handles=lambda handles: handles[1:]), [3, 0]),
        (Forgery(handles=lambda handles: (handles[2], handles[0], handles[1])), [3, 0, 3]),
        (Forgery(handles=lambda handles: (*handles, "tula")), [0, 3, 0]),
    ],
    ids=["no-age-file", "classical", "no-payload", "no-file-copy", "out-of-order", "one-too-many"],
)
def test_what_shows_without_a_key(realm: Realm, forgery: Forgery, codes: list[int]) -> None:
    """One copy shows that its body is sealed wrongly, or that it cannot stand where it stands."""
    folder = realm.put(realm.forge(forgery))
    assert [verdict.code for verdict in verify(realm, *sorted(folder.iterdir()))] == codes


def test_what_a_compromised_key_signed_holds_nothing_at_whatever_date(realm: Realm) -> None:
    """The thief writes an older date than the theft, and names an older roster."""
    forged = realm.put(realm.forge(Forgery()))
    key = realm.keys("cc").signing_keys[0].verify_key.fingerprint()
    realm.adopt(
        realm.next_roster(lambda roster: revoke_key(roster, "cc", key, NOW + DAY), date=NOW + 2 * DAY)
    )
    assert [verdict.code for verdict in verify(realm, *sorted(forged.iterdir()))] == [6, 6, 6]
