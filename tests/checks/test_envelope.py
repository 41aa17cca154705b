"""The envelope and its numbered checks: each attack stops at its own step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from dispatch.checks.opening import OpenedMessage, open_envelope
from dispatch.checks.verifier import Verifier
from dispatch.errors import (
    DigestError,
    DispatchError,
    EnvelopeError,
    MessageError,
    NoteError,
    NotForUsError,
    ProofError,
    RefusedError,
    StatementError,
    exit_code,
)
from dispatch.formats.envelope import (
    MAX_ENVELOPE,
    encode_envelope,
    file_name,
    leaf_data,
    parse_envelope,
    parse_signed_note,
)
from dispatch.formats.merkle import Tree, leaf_hash
from dispatch.formats.message import Item, Letter, Receipt
from dispatch.formats.note import Copies, Number, RosterRef
from keys import age
from keys.codec import encode_base64
from keys.errors import (
    CompromisedError,
    ExpiredError,
    ForkError,
    FormatError,
    KeysError,
    NamespaceError,
    NoMatchError,
    PayloadError,
    RealmError,
    SignatureError,
    StanzaError,
    ThresholdError,
    UnknownOfficeError,
    UnknownVersionError,
    UnlistedKeyError,
)
from keys.roster import add_office, revoke_key, set_group
from keys.signed import SignedText, encode_signed
from keys.signing import SigningKey
from tests.forge.dispatches import DAY, NOW, Forgery, recipient_of, seal_anyhow
from tests.forge.realm import Realm
from tests.forge.roster import need_two

if TYPE_CHECKING:
    from dispatch.checks.verifier import VerifiedEnvelope
    from dispatch.formats.note import Note
    from keys.trust import TrustedRoster

OTHER = Number("cc", "2026", 7)


def verify(realm: Realm, data: bytes, trusted: TrustedRoster | None = None) -> VerifiedEnvelope:
    return Verifier(trusted or realm.trusted).verify(parse_envelope(data))


def open_as(realm: Realm, handle: str, data: bytes, trusted: TrustedRoster | None = None) -> OpenedMessage:
    trusted = trusted or realm.trusted
    return open_envelope(verify(realm, data, trusted), handle, realm.keys(handle).identities, trusted.roster)


def with_line(data: bytes, name: str, value: str) -> bytes:
    """Change the one line `name: ...` of an envelope."""
    lines = data.split(b"\n")
    [place] = [number for number, line in enumerate(lines) if line.startswith(f"{name}: ".encode())]
    lines[place] = f"{name}: {value}".encode()
    return b"\n".join(lines)


def head_and_rest(data: bytes) -> tuple[bytes, bytes]:
    """Cut before the copy: note and signatures, copy and body."""
    cut = data.index(b"\n\ncopy: ") + 2
    return data[:cut], data[cut:]


def changed(**fields: Any) -> Any:
    """Give a function that changes these fields of a message, note or copy."""

    def change(value: Any) -> Any:
        return (
            msgspec.structs.replace(value, **fields)
            if isinstance(value, msgspec.Struct)
            else replace(value, **fields)
        )

    return change


def test_what_is_right_is_verified_and_opened_by_each(realm: Realm) -> None:
    files = realm.forge(Forgery(info=("kursk",)))
    assert sorted(files) == ["cc", "kursk", "penza", "tula"]
    texts = {open_as(realm, handle, data).line for handle, data in files.items()}
    assert len(texts) == 1
    opened = open_as(realm, "kursk", files["kursk"])
    assert opened.message.subject == "Отчёт"
    assert opened.verified.verified_note.keys == (realm.keys("cc").signing_keys[0].verify_key,)


def test_the_bytes_of_a_parsed_envelope_are_its_own(realm: Realm) -> None:
    for data in realm.forge(
        Forgery(after=lambda handle: None if handle == "cc" else Number("cc", "2025b", 3))
    ).values():
        envelope = parse_envelope(data)
        assert encode_envelope(envelope.signed_note.signed, envelope.copy, envelope.body) == data


def test_file_names_are_those_of_the_format() -> None:
    assert file_name(Number("cc", "2026b", 17), "tula") == "cc-2026b-17.tula.dispatch"
    assert file_name(Number("cc", "2026b", 17), None) == "cc-2026b-17.note"


class TestGrammar:
    """Step 1."""

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("copy", "0"),
            ("copy", "03"),
            ("copy", "+3"),
            ("copy", "3 "),
            ("copy", "\u0663"),
            ("copy", "1_0"),
            ("copy", "9999999999"),
            ("to", "Tula"),
            ("to", "../tula"),
            ("to", "tulа"),  # the last letter is Cyrillic
            ("to", ""),
            ("after", ""),
            ("after", "cc/2026/0"),
            ("after", "cc/2026/01"),
            ("after", "--"),
            ("body", "AAAA"),
            ("body", "A" * 43 + "B"),
            ("proof", "A" * 43),
        ],
    )
    def test_a_line_in_another_spelling_is_refused(self, realm: Realm, name: str, value: str) -> None:
        data = realm.forge(Forgery(to=("tula",)))["tula"]
        with pytest.raises((EnvelopeError, ProofError)) as caught:
            verify(realm, with_line(data, name, value))
        assert isinstance(caught.value, EnvelopeError) or value == "0"

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda d: d + b"\n", id="a line more"),
            pytest.param(lambda d: d + b"x", id="a byte more"),
            pytest.param(lambda d: b"\n" + d, id="a line before"),
            pytest.param(lambda d: b"\xef\xbb\xbf" + d, id="a byte order mark"),
            pytest.param(lambda d: d.replace(b"\n", b"\r\n"), id="carriage returns"),
            pytest.param(lambda d: d.replace(b"\n\ncopy: ", b"\n\n\ncopy: "), id="two empty lines"),
            pytest.param(lambda d: d.replace(b"\n\ncopy: ", b"\ncopy: "), id="no empty line"),
            pytest.param(lambda d: d.replace(b"\nproof: ", b"\nproof:  "), id="two spaces"),
            pytest.param(lambda d: d.replace(b"\nproof: ", b"\nProof: "), id="another name"),
            pytest.param(lambda d: d.replace(b"\nto: tula", b"\nto: tula\nto: tula"), id="a line twice"),
            pytest.param(lambda d: d.replace(b"\nafter: -", b""), id="a line too few"),
            pytest.param(
                lambda d: d.replace(b"\n\n-----BEGIN AGE", b"\n\n\n-----BEGIN AGE"), id="before the body"
            ),
            pytest.param(lambda d: d.replace(b"-----END AGE", b"\n-----END AGE"), id="in the armor"),
            pytest.param(
                lambda d: d.replace(b"\n\ncopy: 2\n", b"\n\ncopy: 2\n\n"), id="an empty line in the copy"
            ),
            pytest.param(lambda d: d.replace(b"\n\ncopy: 2\n", b"\n\ncopy: 2\ncopy: 2\n"), id="copy twice"),
            pytest.param(
                lambda d: d.replace(b"\ncopy: 2\n", b"\ncopy: 2\n" + b"proof: x\n" * 70),
                id="a flood of lines",
            ),
            pytest.param(lambda d: d.replace(b"dispatch/v1", b"dispatch/v2"), id="another version"),
        ],
    )
    def test_a_file_in_another_form_is_refused(self, realm: Realm, change: Any) -> None:
        data = realm.forge(Forgery(to=("tula",)))["tula"]
        wrong = change(data)
        assert wrong != data
        with pytest.raises((EnvelopeError, NoteError, FormatError)) as caught:
            parse_envelope(wrong)
        assert exit_code(caught.value) == 5

    def test_a_bare_note_is_no_envelope(self, realm: Realm) -> None:
        data = realm.forge(Forgery())["tula"]
        head = encode_signed(parse_envelope(data).signed_note.signed)
        assert parse_signed_note(head).note.number == Number("cc", "2026", 1)
        with pytest.raises(EnvelopeError, match="cut off"):
            parse_envelope(head)
        with pytest.raises(FormatError):
            parse_signed_note(data)

    def test_a_file_over_the_cap_is_refused_before_it_is_read(self) -> None:
        with pytest.raises(EnvelopeError, match="longer than"):
            parse_envelope(bytes(MAX_ENVELOPE + 1))

    def test_a_flood_of_signatures_is_refused(self, realm: Realm) -> None:
        head, rest = head_and_rest(realm.forge(Forgery())["tula"])
        text, _, block = head.partition(b"\n\n")
        with pytest.raises(FormatError):
            parse_envelope(text + b"\n\n" + block[:-1] * 17 + b"\n" + rest)


class TestTrust:
    """Step 2."""

    def test_another_realm(self, realm: Realm) -> None:
        roster = realm.trusted.roster
        forged = Forgery(note=changed(roster=RosterRef("rkp-2", roster.version, roster.digest)))
        with pytest.raises(RealmError):
            verify(realm, realm.forge(forged)["tula"])

    def test_a_roster_version_that_we_do_not_have(self, realm: Realm) -> None:
        newer = realm.next_roster(lambda draft: draft)
        with pytest.raises(UnknownVersionError):
            verify(realm, realm.forge(Forgery(), newer)["tula"])

    def test_a_roster_version_with_another_digest(self, realm: Realm) -> None:
        roster = realm.trusted.roster
        for version in (1, 2):
            forged = Forgery(note=changed(roster=RosterRef("rkp", version, bytes(32))))
            with pytest.raises(ForkError):
                verify(realm, realm.forge(forged)["tula"])
        assert roster.version == 2

    def test_a_note_dated_after_the_expiry_of_its_roster(self, realm: Realm) -> None:
        expires = realm.trusted.roster.expires
        last = replace(Forgery(), date=expires - timedelta(seconds=1), volume=str(expires.year))
        verify(realm, realm.forge(last)["tula"])
        with pytest.raises(ExpiredError):
            verify(realm, realm.forge(replace(last, date=expires))["tula"])

    def test_an_issuer_that_the_roster_does_not_list(self, realm: Realm) -> None:
        key = SigningKey.generate()
        forged = Forgery(note=changed(number=Number("moscow", "2026", 1)), signers=[key])
        with pytest.raises(UnknownOfficeError):
            verify(realm, realm.forge(forged)["tula"])

    def test_an_issuer_that_was_no_office_yet(self, realm: Realm) -> None:
        # kursk came with version 2; a note of its that names version 1 is backdated
        old = realm.trusted.roster.version_record(1)
        forged = Forgery(
            issuer="kursk", kind=Letter, to=("cc",), note=changed(roster=RosterRef("rkp", 1, old.digest))
        )
        with pytest.raises(UnknownOfficeError):
            verify(realm, realm.forge(forged)["cc"])

    def test_a_key_that_was_compromised_when_the_note_was_dated(self, realm: Realm) -> None:
        key = realm.keys("cc").signing_keys[0].verify_key
        newer = realm.next_roster(
            lambda draft: revoke_key(draft, "cc", key.fingerprint(), NOW), date=NOW + DAY
        )
        before = realm.forge(Forgery(date=NOW - timedelta(seconds=1)))["tula"]
        verify(realm, before, newer)
        at = realm.forge(Forgery(date=NOW))["tula"]
        verify(realm, at)
        with pytest.raises(CompromisedError):
            verify(realm, at, newer)


class TestSignatures:
    """Step 3."""

    def test_a_note_signed_by_another_office(self, realm: Realm) -> None:
        with pytest.raises(UnlistedKeyError):
            verify(realm, realm.forge(Forgery(signers=realm.keys("tula").signing_keys))["tula"])

    def test_a_note_signed_by_a_key_of_nobody(self, realm: Realm) -> None:
        with pytest.raises(UnlistedKeyError):
            verify(realm, realm.forge(Forgery(signers=[SigningKey.generate()]))["tula"])

    def test_a_signature_more_by_a_key_that_is_not_listed(self, realm: Realm) -> None:
        signers = [*realm.keys("cc").signing_keys, SigningKey.generate()]
        with pytest.raises(UnlistedKeyError):
            verify(realm, realm.forge(Forgery(signers=signers))["tula"])

    def test_the_same_signature_twice(self, realm: Realm) -> None:
        signers = [*realm.keys("cc").signing_keys, *realm.keys("cc").signing_keys]
        with pytest.raises(SignatureError):
            verify(realm, realm.forge(Forgery(signers=signers))["tula"])

    @pytest.mark.parametrize("namespace", ["dispatch-card", "dispatch-roster", "dispatch-register", "git"])
    def test_a_signature_made_for_something_else(self, realm: Realm, namespace: str) -> None:
        with pytest.raises(NamespaceError):
            verify(realm, realm.forge(Forgery(namespace=namespace))["tula"])

    def test_another_text_under_the_same_signature(self, realm: Realm) -> None:
        data = realm.forge(Forgery())["tula"]
        with pytest.raises(SignatureError):
            verify(
                realm,
                with_line(data, "number", "cc/2026/2").replace(b"register: 0000/0 ", b"register: 2026/1 "),
            )

    def test_a_valid_note_does_not_vouch_for_another_with_its_id(self, realm: Realm) -> None:
        """The verifier remembers notes that hold; a signature that does not hold must not slip in by it."""
        good = parse_envelope(realm.forge(Forgery())["tula"])
        bad_block = parse_envelope(realm.forge(Forgery(text="Other"))["tula"]).signed_note.signed.signatures
        verifier = Verifier(realm.trusted)
        verifier.verify(good)
        swapped = SignedText(text=good.signed_note.signed.text, signatures=bad_block)
        with pytest.raises(SignatureError):
            verifier.verify_note(replace(good.signed_note, signed=swapped))

    def test_too_few_signatures_for_the_threshold(self, realm: Realm) -> None:
        second = SigningKey.generate()
        newer = realm.next_roster(lambda roster: need_two(roster, realm.card("cc"), second))
        first = realm.keys("cc").signing_keys[0]
        verify(realm, realm.forge(Forgery(signers=[first, second]), newer)["tula"], newer)
        verify(realm, realm.forge(Forgery(signers=[second, first]), newer)["tula"], newer)
        for too_few in ([first], [second]):
            with pytest.raises(ThresholdError):
                verify(realm, realm.forge(Forgery(signers=too_few), newer)["tula"], newer)
        with pytest.raises(SignatureError):
            verify(realm, realm.forge(Forgery(signers=[first, first]), newer)["tula"], newer)


class TestCopy:
    """Step 4: signed is the root; whoever takes a copy apart or puts one together does not reach it."""

    def test_another_offices_copy(self, realm: Realm) -> None:
        files = realm.forge(Forgery())
        with pytest.raises(ProofError):
            verify(realm, with_line(files["tula"], "to", "penza"))
        verify(realm, files["penza"])

    def test_a_copy_under_another_note(self, realm: Realm) -> None:
        head, _ = head_and_rest(realm.forge(Forgery())["tula"])
        _, rest = head_and_rest(realm.forge(Forgery(text="Other"))["tula"])
        with pytest.raises(ProofError):
            verify(realm, head + rest)

    def test_anothers_body_and_digest(self, realm: Realm) -> None:
        files = realm.forge(Forgery())
        tula, penza = parse_envelope(files["tula"]), parse_envelope(files["penza"])
        copy = replace(tula.copy, body=penza.copy.body)
        with pytest.raises(ProofError):
            verify(realm, encode_envelope(tula.signed_note.signed, copy, penza.body))

    def test_a_body_sealed_again_by_another_office(self, realm: Realm) -> None:
        """Surreptitious forwarding: tula opens its copy and seals the text to kursk."""
        envelope = parse_envelope(realm.forge(Forgery())["tula"])
        plaintext = age.decrypt(envelope.body, realm.keys("tula").identities)
        [kursk] = realm.keys("kursk").identities
        body = age.encrypt(plaintext, [kursk.recipient()])
        copy = replace(envelope.copy, to="kursk", body=sha256(body).digest())
        with pytest.raises(ProofError):
            verify(realm, encode_envelope(envelope.signed_note.signed, copy, body))

    def test_a_text_signed_again_by_another_office(self, realm: Realm) -> None:
        """Tula cannot pass the centre's text off as its own: the message says who speaks."""
        plaintext = age.decrypt(
            parse_envelope(realm.forge(Forgery(kind=Letter))["tula"]).body, realm.keys("tula").identities
        )
        line, _, secrets = plaintext.partition(b"\n")
        stolen = Forgery(issuer="tula", kind=Letter, to=("cc",), plaintext=lambda *_: (line + b"\n", secrets))
        with pytest.raises(StatementError, match="another number or date"):
            open_as(realm, "cc", realm.forge(stolen)["cc"])

    @pytest.mark.parametrize("index", [1, 2, 4, 5, 999_999_999])
    def test_another_index(self, realm: Realm, index: int) -> None:
        data = realm.forge(Forgery(info=("kursk",)))["penza"]
        assert parse_envelope(data).copy.index == 3
        with pytest.raises(ProofError):
            verify(realm, with_line(data, "copy", str(index)))

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda proof: proof[:-1], id="too short"),
            pytest.param(lambda proof: (*proof, bytes(32)), id="too long"),
            pytest.param(lambda proof: (*proof, proof[-1]), id="the last once more"),
            pytest.param(lambda proof: proof[::-1], id="reversed"),
            pytest.param(lambda _: (), id="none"),
            pytest.param(lambda proof: (bytes(32), *proof[1:]), id="another hash"),
        ],
    )
    def test_a_wrong_proof(self, realm: Realm, change: Any) -> None:
        envelope = parse_envelope(realm.forge(Forgery(info=("kursk",)))["penza"])
        copy = replace(envelope.copy, proof=change(envelope.copy.proof))
        with pytest.raises(ProofError):
            verify(realm, encode_envelope(envelope.signed_note.signed, copy, envelope.body))

    def test_the_last_leaf_once_more(self, realm: Realm) -> None:
        """CVE-2012-2459: a tree of three is not one of four with the last twice."""
        forged = Forgery(note=partial(_recount, 4))
        envelope = parse_envelope(realm.forge(forged)["tula"])
        for index in (3, 4):
            copy = replace(envelope.copy, index=index)
            itself = leaf_hash(leaf_data(index, copy.to, copy.after, copy.body))
            for proof in (copy.proof, (itself, *copy.proof)):
                copy = replace(copy, proof=proof)
                with pytest.raises(ProofError):
                    verify(realm, encode_envelope(envelope.signed_note.signed, copy, envelope.body))

    def test_a_proof_of_a_tree_of_another_size(self, realm: Realm) -> None:
        for count in (2, 4, 5):
            forged = Forgery(note=partial(_recount, count))
            with pytest.raises(ProofError):
                verify(realm, realm.forge(forged)["tula"])

    def test_a_node_passed_off_as_a_leaf(self, realm: Realm) -> None:
        """Leaves and nodes are hashed apart: a tree of one whose root is a node of two leaves."""
        files = realm.forge(Forgery(leaves=lambda leaves: [Tree(leaves[:2]).root, leaves[2]]))
        with pytest.raises(ProofError):
            verify(realm, files["cc"])

    def test_an_addressee_that_is_no_office(self, realm: Realm) -> None:
        body = age.encrypt(b"x", [realm.keys("tula").identities[0].recipient()])
        forged = Forgery(handles=lambda _: ("moscow",), seal=lambda *_: body)
        with pytest.raises(UnknownOfficeError):
            verify(realm, realm.forge(forged)["moscow"])

    @pytest.mark.parametrize(
        "after",
        [
            Number("cc", "2026", 2),
            Number("cc", "2026", 3),
            Number("tula", "2026", 1),
            Number("a", "2026", 1),
            Number("cc", "2027", 1),
        ],
    )
    def test_a_previous_dispatch_that_is_not_before_this_one(self, realm: Realm, after: Number) -> None:
        forged = Forgery(ordinal=2, after=lambda _: after)
        with pytest.raises(StatementError):
            verify(realm, realm.forge(forged)["tula"])

    def test_another_previous_dispatch_than_was_signed(self, realm: Realm) -> None:
        """Who withholds cc/2026/1 cannot hide it from the next copy."""
        data = realm.forge(Forgery(ordinal=2, after=lambda _: Number("cc", "2026", 1)))["tula"]
        with pytest.raises(ProofError):
            verify(realm, with_line(data, "after", "-"))


class TestBody:
    """Steps 5 to 8."""

    def test_another_body_than_was_signed(self, realm: Realm) -> None:
        envelope = parse_envelope(realm.forge(Forgery())["tula"])
        other = parse_envelope(realm.forge(Forgery())["tula"]).body
        with pytest.raises(DigestError):
            verify(realm, encode_envelope(envelope.signed_note.signed, envelope.copy, other))

    def test_a_copy_for_another_office(self, realm: Realm) -> None:
        verified = verify(realm, realm.forge(Forgery())["tula"])
        with pytest.raises(NotForUsError):
            open_envelope(verified, "penza", realm.keys("penza").identities, realm.trusted.roster)

    def test_a_copy_that_none_of_our_keys_opens(self, realm: Realm) -> None:
        verified = verify(realm, realm.forge(Forgery())["tula"])
        with pytest.raises(NoMatchError):
            open_envelope(verified, "tula", realm.keys("kursk").identities, realm.trusted.roster)

    @pytest.mark.parametrize(
        ("to", "recipients"),
        [
            ("tula", "classical"),
            ("tula", "hybrid classical"),
            ("tula", "classical hybrid"),
            ("tula", "hybrid hybrid"),
            ("tula", "hybrid stranger"),
            ("tula", ""),
            ("penza", "hybrid"),
            ("penza", "classical hybrid"),
            ("penza", "classical classical"),
            ("penza", ""),
        ],
    )
    def test_a_body_sealed_otherwise_than_the_roster_demands(
        self, realm: Realm, to: str, recipients: str
    ) -> None:
        """Downgrade by a mixed header: refused on opening, even where one of the stanzas is right."""
        known: dict[str, age.Identity] = {
            "hybrid": age.HybridIdentity.generate(),
            "classical": age.X25519Identity.generate(),
            "stranger": age.HybridIdentity.generate(),
        }
        known["hybrid" if to == "tula" else "classical"] = realm.keys(to).identities[0]
        kinds = [recipient_of(known[name]) for name in recipients.split()]
        forged = Forgery(seal=lambda _, plaintext: seal_anyhow(plaintext, kinds))
        verified = verify(realm, realm.forge(forged)[to])
        with pytest.raises(StanzaError if kinds else FormatError):
            open_envelope(verified, to, list(known.values()), realm.trusted.roster)

    def test_a_payload_cut_off_after_its_first_chunk(self, realm: Realm) -> None:
        [identity] = realm.keys("tula").identities

        def seal(_: str, plaintext: bytes) -> bytes:
            return seal_anyhow(plaintext, [identity.recipient()])[: -(len(plaintext) % 65536) - 16 or None]

        forged = Forgery(text="x" * 100_000, seal=seal)
        with pytest.raises(PayloadError):
            open_as(realm, "tula", realm.forge(forged)["tula"])

    def test_another_text_than_was_signed(self, realm: Realm) -> None:
        """One ciphertext, two plaintexts: each copy is held to the one digest in the note."""
        with pytest.raises(DigestError, match="text"):
            open_as(realm, "tula", realm.forge(Forgery(content=lambda _: bytes(32)))["tula"])

    def test_one_office_gets_another_text(self, realm: Realm) -> None:
        [tula] = realm.keys("tula").identities
        files = realm.forge(
            Forgery(
                seal=lambda handle, plaintext: age.encrypt(
                    plaintext.replace(b"Text", b"Lies") if handle == "tula" else plaintext,
                    [(tula if handle == "tula" else realm.keys(handle).identities[0]).recipient()],
                )
            )
        )
        assert b'"body":"Text"' in open_as(realm, "penza", files["penza"]).line
        with pytest.raises(DigestError, match="text"):
            open_as(realm, "tula", files["tula"])

    def test_other_secrets_than_the_message_names(self, realm: Realm) -> None:
        def swap(line: bytes, secrets: bytes) -> tuple[bytes, bytes]:
            return line, secrets.replace(b'"slot_key":"A', b'"slot_key":"B')

        with pytest.raises(DigestError, match="secrets"):
            open_as(realm, "tula", realm.forge(Forgery(plaintext=swap))["tula"])

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda lines: (lines[0], b""), id="no secrets"),
            pytest.param(lambda lines: (lines[0], lines[1][:-1]), id="no line end"),
            pytest.param(lambda lines: (lines[0], lines[1] + b"x"), id="more after it"),
            pytest.param(lambda lines: (lines[0], lines[1] + lines[1]), id="three lines"),
            pytest.param(lambda lines: (lines[0][:-1], b""), id="half a line"),
            pytest.param(lambda _: (b"", b""), id="nothing"),
        ],
    )
    def test_a_plaintext_that_is_not_two_lines(self, realm: Realm, change: Any) -> None:
        with pytest.raises(MessageError):
            open_as(realm, "tula", realm.forge(Forgery(plaintext=lambda *lines: change(lines)))["tula"])

    @pytest.mark.parametrize("padding", ["", "0", "0" * 4096])
    def test_a_padding_that_tells_the_length(self, realm: Realm, padding: str) -> None:
        def pad(line: bytes, secrets: bytes) -> tuple[bytes, bytes]:
            return _resealed(
                line, secrets.split(b'"padding":"')[0] + b'"padding":"' + padding.encode() + b'"}\n'
            )

        with pytest.raises(MessageError, match="padding"):
            open_as(realm, "tula", realm.forge(Forgery(plaintext=pad))["tula"])

    def test_a_circular_without_a_slot_key_and_a_letter_with_one(self, realm: Realm) -> None:
        for forged in (
            Forgery(secrets=changed(slot_key=None)),
            Forgery(kind=Letter, secrets=changed(slot_key=encode_base64(bytes(32)))),
        ):
            with pytest.raises(MessageError, match="slot key"):
                open_as(realm, "tula", realm.forge(forged)["tula"])

    def test_duplicate_and_unknown_keys_of_json(self, realm: Realm) -> None:
        for old, new in (
            (b'{"kind":"circular",', b'{"kind":"circular","kind":"circular",'),
            (b'{"kind":"circular",', b'{"kind":"circular","extra":1,'),
            (b'"subject":', b' "subject":'),
        ):
            forged = Forgery(plaintext=partial(_replaced, old, new))
            with pytest.raises(MessageError, match=r"^the message: "):
                open_as(realm, "tula", realm.forge(forged)["tula"])


class TestAgreement:
    """Steps 9 to 11."""

    @pytest.mark.parametrize(
        "fields",
        [
            {"number": "cc/2026/2"},
            {"date": "2026-11-23T09:00:01Z"},
            {"number": "tula/2026/1", "from_": "tula"},
        ],
    )
    def test_the_message_says_something_else_than_its_note(
        self, realm: Realm, fields: dict[str, str]
    ) -> None:
        with pytest.raises(StatementError):
            open_as(realm, "tula", realm.forge(Forgery(message=changed(**fields)))["tula"])

    def test_the_message_comes_from_another_office_than_its_number(self, realm: Realm) -> None:
        with pytest.raises(DispatchError) as caught:
            open_as(realm, "tula", realm.forge(Forgery(message=changed(from_="penza")))["tula"])
        assert caught.value.code in (3, 5)

    @pytest.mark.parametrize(
        ("to", "handles"),
        [
            pytest.param(("tula",), ("cc", "penza", "tula"), id="one too many"),
            pytest.param(("@provinces",), ("cc", "tula"), id="one too few"),
            pytest.param(("@provinces",), ("penza", "tula"), id="no file copy"),
            pytest.param(("tula",), ("cc", "tula", "tula"), id="one twice"),
            pytest.param(("@provinces",), ("tula", "penza", "cc"), id="another order"),
        ],
    )
    def test_other_copies_than_addressees(
        self, realm: Realm, to: tuple[str, ...], handles: tuple[str, ...]
    ) -> None:
        forged = Forgery(to=to, handles=lambda _: handles)
        with pytest.raises(StatementError):
            open_as(realm, "tula", realm.forge(forged)["tula"])

    def test_an_office_in_the_place_of_another_sees_it(self, realm: Realm) -> None:
        """Tula, whose own place is right, cannot; so penza, who was not addressed, must."""
        files = realm.forge(Forgery(to=("kursk", "tula"), handles=lambda _: ("cc", "penza", "tula")))
        with pytest.raises(StatementError):
            open_as(realm, "penza", files["penza"])

    def test_a_copy_for_one_whom_the_message_does_not_address(self, realm: Realm) -> None:
        """As many copies as addressees, and the office that gets one is none of them."""
        forged = Forgery(to=("penza",), handles=lambda _: ("cc", "tula"))
        with pytest.raises(StatementError):
            open_as(realm, "tula", realm.forge(forged)["tula"])

    @pytest.mark.parametrize("to", [("moscow",), ("@nobody",), ("tula", "@nobody")])
    def test_addressees_that_the_roster_does_not_have(self, realm: Realm, to: tuple[str, ...]) -> None:
        forged = Forgery(to=("tula",), message=changed(to=to))
        with pytest.raises(StatementError):
            open_as(realm, "tula", realm.forge(forged)["tula"])

    def test_a_group_is_that_of_the_roster_version_named(self, realm: Realm) -> None:
        """A member that came later is no addressee of an old circular, and does not spoil it."""
        data = realm.forge(Forgery())["tula"]
        newer = realm.next_roster(lambda roster: set_group(roster, "provinces", ["kursk"]))
        assert open_as(realm, "tula", data, newer).message.to == ("@provinces",)
        files = realm.forge(Forgery(), newer)
        assert sorted(files) == ["cc", "kursk"]

    def test_an_office_without_the_right_to_issue(self, realm: Realm) -> None:
        forged = Forgery(issuer="tula", to=("cc",))
        with pytest.raises(RefusedError, match="no right to issue") as caught:
            open_as(realm, "cc", realm.forge(forged)["cc"])
        assert caught.value.code == 7
        open_as(realm, "cc", realm.forge(replace(forged, kind=Letter))["cc"])

    def test_a_right_is_that_of_the_roster_version_named(self, realm: Realm) -> None:
        data = realm.forge(Forgery())["tula"]
        newer = realm.next_roster(lambda roster: add_office(roster, realm.card("cc"), ["report"]))
        open_as(realm, "tula", data, newer)
        with pytest.raises(RefusedError, match="right"):
            open_as(realm, "tula", realm.forge(Forgery(), newer)["tula"], newer)

    def test_receipts_in_a_note_whose_message_has_none(self, realm: Realm) -> None:
        forged = Forgery(note=changed(receipts=(bytes(32),)))
        with pytest.raises(RefusedError, match="receipts"):
            open_as(realm, "tula", realm.forge(forged)["tula"])

    def test_a_receipt_of_other_notes_than_its_note_names(self, realm: Realm) -> None:
        item = Item(number="cc/2026/1", id=encode_base64(bytes(32)), state="received", by=None, reason=None)

        def receipt(letter: Any) -> Receipt:
            fields = msgspec.structs.asdict(letter)
            return Receipt(
                **{name: fields[name] for name in fields if name not in ("body", "relations")}, items=(item,)
            )

        right = Forgery(
            issuer="tula", kind=Letter, to=("cc",), message=receipt, note=changed(receipts=(bytes(32),))
        )
        open_as(realm, "cc", realm.forge(right)["cc"])
        for ids in ((), (bytes(31) + b"\1",), (bytes(32), bytes(31) + b"\1")):
            with pytest.raises(RefusedError, match="receipts"):
                open_as(realm, "cc", realm.forge(replace(right, note=changed(receipts=ids)))["cc"])


@dataclass(frozen=True)
class Small:
    """A small envelope of classical offices, and what verifies it."""

    data: bytes
    verifier: Verifier


@pytest.fixture(scope="module")
def small(realm_template: Any) -> Small:
    realm = Realm(realm_template)
    data = realm.forge(Forgery(issuer="penza", kind=Letter, to=("tula",)))["penza"]
    return Small(data, Verifier(realm.trusted))


def _is_refused(small: Small, data: bytes) -> bool:
    try:
        small.verifier.verify(parse_envelope(data))
    except (DispatchError, KeysError):
        return True
    return False


def test_a_file_cut_off_anywhere_is_refused(small: Small) -> None:
    assert not _is_refused(small, small.data)
    accepted = [size for size in range(len(small.data)) if not _is_refused(small, small.data[:size])]
    assert accepted == []


def test_a_file_with_any_bit_flipped_is_refused(small: Small) -> None:
    data = bytearray(small.data)
    accepted = []
    for place in range(len(data)):
        for bit in range(8):
            data[place] ^= 1 << bit
            if not _is_refused(small, bytes(data)):
                accepted.append((place, bit))
            data[place] ^= 1 << bit
    assert accepted == []


def _replaced(old: bytes, new: bytes, line: bytes, secrets: bytes) -> tuple[bytes, bytes]:
    return line.replace(old, new), secrets


def _recount(count: int, note: Note) -> Note:
    return replace(note, copies=Copies(count, note.copies.root))


def _resealed(line: bytes, secrets: bytes) -> tuple[bytes, bytes]:
    """Put the digest of other secrets into a message line."""
    message = msgspec.json.decode(line)
    old, new = message["secrets"], encode_base64(sha256(secrets).digest())
    return line.replace(old.encode(), new.encode()), secrets
