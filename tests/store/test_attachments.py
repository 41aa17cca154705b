"""Attachments: sealed once for all, saved under a safe new name, or not at all."""

from __future__ import annotations

import os
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.errors import DigestError, RefusedError, StorageError
from dispatch.store import attachments as attachment
from dispatch.store.attachments import (
    clean_name,
    save_attachment,
    seal_attachment,
    sealed_name,
    sealed_size,
    sealed_sizes,
    sweep,
    take_along,
)
from dispatch.system.files import move_new, open_regular
from keys import age
from keys.codec import decode_base64, encode_base64
from tests.forge.dispatches import NOW, recipient_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from dispatch.store.attachments import SealedAttachment


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "план работы.txt"
    path.write_bytes(b"content")
    return path


def seal(path: Path, store: Path) -> SealedAttachment:
    return seal_attachment(path, store)


def save(sealed: SealedAttachment, store: Path, directory: Path) -> Path:
    return save_attachment(sealed.entry, sealed.identity, store, directory)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 1_000_000])
def test_what_was_sealed_is_saved(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "a.bin").write_bytes(content)
    sealed = seal(tmp_path / "a.bin", tmp_path / "store")
    assert (sealed.entry.name, sealed.entry.size) == ("a.bin", size)
    assert decode_base64(sealed.entry.digest) == sha256(content).digest()
    [file] = (tmp_path / "store").iterdir()
    assert file.name == sealed_name(decode_base64(sealed.entry.sealed))
    assert file.stem == sha256(file.read_bytes()).hexdigest()
    assert file.stat().st_size == sealed_size(sealed.entry)
    assert file.read_bytes().split(b"\n")[1].startswith(b"-> mlkem768x25519 ")
    assert save(sealed, tmp_path / "store", tmp_path / "out").read_bytes() == content
    assert names(tmp_path / "out") == ["a.bin"]


def test_each_has_an_identity_of_its_own(plan: Path, tmp_path: Path) -> None:
    first, second = seal(plan, tmp_path / "store"), seal(plan, tmp_path / "store")
    assert first.identity != second.identity
    assert first.entry.sealed != second.entry.sealed
    assert len(names(tmp_path / "store")) == 2


def test_a_file_that_is_not_there_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        seal(tmp_path / "nothing", tmp_path / "store")
    assert not (tmp_path / "store").exists() or names(tmp_path / "store") == []


def test_a_folder_is_no_attachment(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="directory"):
        seal(tmp_path, tmp_path / "store")


@pytest.mark.parametrize("name", ["a\x1b[31m.txt", "a\u202etxt.exe", " a", "a\nb"])
def test_a_name_that_may_not_travel(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(RefusedError):
        seal(tmp_path / name, tmp_path / "store")


class TestSaving:
    def test_never_over_an_existing_file(self, plan: Path, tmp_path: Path) -> None:
        sealed, out = seal(plan, tmp_path / "store"), tmp_path / "out"
        out.mkdir()
        (out / "план работы.txt").write_bytes(b"mine")
        (out / "план работы (2).txt").symlink_to(tmp_path / "target")
        assert save(sealed, tmp_path / "store", out).name == "план работы (3).txt"
        assert (out / "план работы.txt").read_bytes() == b"mine"
        assert not (tmp_path / "target").exists()

    def test_names_that_differ_in_case_alone(
        self, plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A file system that takes them for one name: both are saved, and neither over the other."""
        sealed, out = seal(plan, tmp_path / "store"), tmp_path / "out"

        def blind(temporary: Path, path: Path) -> None:
            if path.name.casefold() in {name.casefold() for name in names(path.parent)}:
                raise FileExistsError
            move_new(temporary, path)

        monkeypatch.setattr(attachment, "move_new", blind)
        for name in ("План.txt", "ПЛАН.TXT", "план.txt"):
            entry = msgspec.structs.replace(sealed.entry, name=name)
            save_attachment(entry, sealed.identity, tmp_path / "store", out)
        assert set(names(out)) == {"План.txt", "ПЛАН (2).TXT", "план (3).txt"}

    def test_a_hundredth_of_one_name_is_refused(self, plan: Path, tmp_path: Path) -> None:
        sealed, out = seal(plan, tmp_path / "store"), tmp_path / "out"
        for _ in range(99):
            save(sealed, tmp_path / "store", out)
        with pytest.raises(StorageError, match="99 times"):
            save(sealed, tmp_path / "store", out)
        assert len(names(out)) == 99

    @pytest.mark.parametrize(
        ("name", "saved"),
        [
            ("../../etc/passwd", "_._.._etc_passwd"),
            ("/etc/passwd", "_etc_passwd"),
            ("..\\..\\a.txt", "_._.._a.txt"),
            ("C:\\a.txt", "C__a.txt"),
            ("a.txt:stream", "a.txt_stream"),
            (".bashrc", "_bashrc"),
            ("..", "attachment"),
            ("...", "attachment"),
            ("CON", "_CON"),
            ("con.txt", "_con.txt"),
            ("Aux .txt", "_Aux .txt"),
            ("COM1.tar.gz", "_COM1.tar.gz"),
            ("COM¹", "_COM¹"),
            ("con\u3000.txt", "_con\u3000.txt"),
            ("lpt9", "_lpt9"),
            ("console.txt", "console.txt"),
            ("a. . .", "a"),
            ("a\x1b[31m\x00b", "a_[31m_b"),
            ("a\u202etxt.exe", "a_txt.exe"),
            ("план.txt", "план.txt"),
            ("е\u0308.txt", "\u0451.txt"),
        ],
    )
    def test_a_strangers_name_stays_in_the_folder(
        self, plan: Path, tmp_path: Path, name: str, saved: str
    ) -> None:
        sealed, out = seal(plan, tmp_path / "store"), tmp_path / "deep" / "out"
        entry = msgspec.structs.replace(sealed.entry, name=name)
        path = save_attachment(entry, sealed.identity, tmp_path / "store", out)
        assert path.parent == out
        assert names(out) == [saved]
        assert path.read_bytes() == b"content"
        assert names(tmp_path / "deep") == ["out"]

    def test_a_file_that_is_missing_says_what_to_do(self, plan: Path, tmp_path: Path) -> None:
        sealed = seal(plan, tmp_path / "store")
        with pytest.raises(StorageError, match="missing") as caught:
            save(sealed, tmp_path / "elsewhere", tmp_path / "out")
        assert "receive" in caught.value.hint

    @pytest.mark.parametrize("size", [0, 1, 100, 65536 + 300])
    def test_a_file_cut_off_is_refused_and_nothing_is_left(self, tmp_path: Path, size: int) -> None:
        (tmp_path / "a").write_bytes(bytes(200_000))
        sealed = seal(tmp_path / "a", tmp_path / "store")
        [file] = (tmp_path / "store").iterdir()
        file.write_bytes(file.read_bytes()[:size])
        with pytest.raises(DigestError):
            save(sealed, tmp_path / "store", tmp_path / "out")
        assert names(tmp_path / "out") == []

    def test_another_content_sealed_to_the_same_identity_is_refused(self, plan: Path, tmp_path: Path) -> None:
        """Whoever learnt the identity can seal to it; the digest that was signed tells."""
        sealed = seal(plan, tmp_path / "store")
        identity = age.parse_identity(sealed.identity)
        other = age.encrypt(b"forged!", [identity.recipient()])
        (tmp_path / "store" / sealed_name(decode_base64(sealed.entry.sealed))).write_bytes(other)
        with pytest.raises(DigestError, match="not the one that was signed"):
            save(sealed, tmp_path / "store", tmp_path / "out")
        assert names(tmp_path / "out") == []

    def test_the_same_content_sealed_again_is_not_the_file_that_was_signed(
        self, plan: Path, tmp_path: Path
    ) -> None:
        sealed = seal(plan, tmp_path / "store")
        other = age.encrypt(b"content", [recipient_of(age.parse_identity(sealed.identity))])
        (tmp_path / "store" / sealed_name(decode_base64(sealed.entry.sealed))).write_bytes(other)
        with pytest.raises(DigestError, match="not the one that was signed"):
            save(sealed, tmp_path / "store", tmp_path / "out")
        assert names(tmp_path / "out") == []

    @pytest.mark.parametrize("fields", [{"size": 6}, {"digest": encode_base64(bytes(32))}])
    def test_another_content_than_the_message_names(
        self, plan: Path, tmp_path: Path, fields: dict[str, object]
    ) -> None:
        sealed = seal(plan, tmp_path / "store")
        wrong = replace(sealed, entry=msgspec.structs.replace(sealed.entry, **fields))
        with pytest.raises(DigestError, match="not the one that was signed"):
            save(wrong, tmp_path / "store", tmp_path / "out")
        assert names(tmp_path / "out") == []

    def test_a_classical_attachment_is_refused(self, tmp_path: Path) -> None:
        """An attachment is hybrid for everyone: a classical stanza is a downgrade."""
        identity = age.X25519Identity.generate()
        data = age.encrypt(b"content", [identity.recipient()])
        (tmp_path / "a").write_bytes(b"content")
        sealed = seal(tmp_path / "a", tmp_path / "store")
        entry = msgspec.structs.replace(sealed.entry, sealed=encode_base64(sha256(data).digest()))
        (tmp_path / "store" / sealed_name(sha256(data).digest())).write_bytes(data)
        with pytest.raises(DigestError):
            save_attachment(entry, identity.secret_text(), tmp_path / "store", tmp_path / "out")
        assert names(tmp_path / "out") == []


def test_what_killed_runs_left_is_swept_after_a_day(tmp_path: Path) -> None:
    for name in (".dispatch-old", ".dispatch-new", ".other", "a.age"):
        (tmp_path / name).write_bytes(b"")
    for name in (".dispatch-old", ".other", "a.age"):
        os.utime(tmp_path / name, (0, NOW.timestamp() - 86_401))
    os.utime(tmp_path / ".dispatch-new", (0, NOW.timestamp() - 86_399))
    sweep(tmp_path, NOW)
    assert names(tmp_path) == [".dispatch-new", ".other", "a.age"]
    sweep(tmp_path / "nowhere", NOW)


class TestTakingAlong:
    def test_what_is_missing_and_what_is_wrong_is_named(self, plan: Path, tmp_path: Path) -> None:
        sealed = [decode_base64(seal(plan, tmp_path / "store").entry.sealed) for _ in range(3)]
        (tmp_path / "store" / sealed_name(sealed[1])).unlink()
        (tmp_path / "store" / sealed_name(sealed[2])).write_bytes(b"x")
        sizes = dict.fromkeys(sealed, age.hybrid_size(len(b"content")))
        missing = take_along(sizes, tmp_path / "store", tmp_path / "other")
        assert missing == (sealed[1], sealed[2])
        assert names(tmp_path / "other") == [sealed_name(sealed[0])]

    def test_what_is_there_already_is_not_missed(self, plan: Path, tmp_path: Path) -> None:
        digest = decode_base64(seal(plan, tmp_path / "store").entry.sealed)
        assert take_along({digest: None}, tmp_path / "nowhere", tmp_path / "store") == ()

    def test_an_envelope_that_lists_none_makes_no_folder(self, tmp_path: Path) -> None:
        assert take_along({}, tmp_path, tmp_path / "other") == ()
        assert not (tmp_path / "other").exists()

    def test_a_link_in_its_place_is_not_followed_out(self, tmp_path: Path) -> None:
        """A link is taken only if what it leads to is the file that was signed."""
        secret = tmp_path / "office.key"
        secret.write_bytes(b"secret")
        digest = sha256(b"other").digest()
        (tmp_path / "post").mkdir()
        (tmp_path / "post" / sealed_name(digest)).symlink_to(secret)
        assert take_along({digest: None}, tmp_path / "post", tmp_path / "store") == (digest,)
        assert list((tmp_path / "store").iterdir()) == []

    @pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
    def test_a_folder_or_pipe_in_its_place_is_as_good_as_missing(
        self, tmp_path: Path, make: Callable[[Path], None]
    ) -> None:
        digest = sha256(b"other").digest()
        make(tmp_path / sealed_name(digest))
        assert take_along({digest: None}, tmp_path, tmp_path / "store") == (digest,)
        assert not (tmp_path / "store").exists()

    @pytest.mark.parametrize("change", [-1, 1])
    def test_a_file_of_another_size_is_not_read(self, plan: Path, tmp_path: Path, change: int) -> None:
        """Its digest is the right one, so only its size can be what it is refused for."""
        sealed = seal(plan, tmp_path / "store").entry
        digest, size = decode_base64(sealed.sealed), sealed_size(sealed)
        assert take_along({digest: size + change}, tmp_path / "store", tmp_path / "other") == (digest,)
        assert not (tmp_path / "other").exists()
        assert take_along({digest: size}, tmp_path / "store", tmp_path / "other") == ()
        # what lies in a shared folder under its name may be a stranger's too
        assert take_along({digest: size + change}, tmp_path / "nowhere", tmp_path / "other") == (digest,)

    def test_a_file_that_grows_while_it_is_copied_is_copied_to_its_size(
        self, plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sealed = seal(plan, tmp_path / "store").entry
        digest = decode_base64(sealed.sealed)

        def grow(path: Path) -> BinaryIO:
            file = open_regular(path)
            size = os.fstat(file.fileno())
            with path.open("ab") as end:
                end.write(b"more")
            monkeypatch.setattr(os, "fstat", lambda _: size)
            return file

        monkeypatch.setattr(attachment, "open_regular", grow)
        assert take_along({digest: sealed_size(sealed)}, tmp_path / "store", tmp_path / "other") == ()
        monkeypatch.undo()
        assert sha256((tmp_path / "other" / sealed_name(digest)).read_bytes()).digest() == digest

    def test_the_size_of_what_lies_in_our_store(self, plan: Path, tmp_path: Path) -> None:
        sealed = seal(plan, tmp_path / "store").entry
        digest = decode_base64(sealed.sealed)
        assert sealed_sizes((digest, bytes(32)), tmp_path / "store") == {
            digest: sealed_size(sealed),
            bytes(32): None,
        }


@given(st.text(max_size=300))
def test_a_cleaned_name_is_one_plain_name(name: str) -> None:
    cleaned = clean_name(name)
    assert cleaned
    assert cleaned not in (".", "..")
    assert not set(cleaned) & set('/\\<>:"|?*\x00')
    assert not cleaned.startswith((".", " "))
    assert not cleaned.endswith((".", " "))
    assert len(cleaned.encode()) <= 250
    assert clean_name(cleaned) == cleaned
