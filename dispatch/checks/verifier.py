"""Is a note signed by its office, and does a copy belong to it? Steps 2 to 5 of FORMAT.md, section 14. Pure.

Each state of checking has a type of its own, so that nothing unverified can be opened by mistake. An
`Envelope` is parsed and untrusted. A `Verifier`, which holds a trusted roster, turns it
into a `VerifiedEnvelope`; only that can be opened, see `opening`. Each function returns the next type or
raises an error; none returns yes or no.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from dispatch.checks.outside import OfficeOrder
from dispatch.errors import DigestError, StatementError
from dispatch.formats.envelope import NOTE_NAMESPACE, Copy, Envelope, SignedNote, leaf_data
from dispatch.formats.merkle import leaf_hash, verify_inclusion
from dispatch.formats.statement import REGISTER_NAMESPACE, SignedStatement, Statement
from keys.errors import UnknownOfficeError, UnprovenError
from keys.signed import SignedText, verify_signed
from keys.soundness import count_signatures
from keys.trust import judge_note

if TYPE_CHECKING:
    from dispatch.formats.note import Copies, Note, Number
    from keys.roster import Roster
    from keys.signing import VerifyKey
    from keys.soundness import Counted
    from keys.trust import TrustedRoster

_KEPT = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedNote:
    """A note whose roster and signatures hold (steps 1 to 3). `keys`: who signed.

    Whether it needs evidence of its age, and has it, `check_stands` says.
    """

    signed_note: SignedNote
    keys: tuple[VerifyKey, ...]

    @property
    def note(self) -> Note:
        """The note itself."""
        return self.signed_note.note


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedEnvelope:
    """An envelope that passed steps 1 to 5."""

    verified_note: VerifiedNote
    copy: Copy
    body: bytes

    @property
    def note(self) -> Note:
        """The note itself."""
        return self.verified_note.note

    @property
    def id(self) -> bytes:
        """The note's id."""
        return self.verified_note.signed_note.id


class Verifier:
    """Steps 1 to 5 against one trusted roster; each distinct note's signatures are checked once."""

    def __init__(self, trusted: TrustedRoster) -> None:
        self._trusted = trusted
        self._verified: dict[SignedText, VerifiedNote] = {}
        self.offices = OfficeOrder(trusted.roster)

    @property
    def roster(self) -> Roster:
        """The newest roster that is trusted."""
        return self._trusted.roster

    def verify_note(self, signed_note: SignedNote) -> VerifiedNote:
        """Check steps 2 and 3. Raises TrustError, SignatureError."""
        known = self._verified.get(signed_note.signed)
        if known is not None:
            return known
        note = signed_note.note
        keys, _ = _signers(signed_note.signed, NOTE_NAMESPACE, note, note.number.handle, self._trusted)
        verified = VerifiedNote(signed_note=signed_note, keys=keys)
        if len(self._verified) == _KEPT:
            # the copies of one note come close together, so that the oldest is not needed again
            del self._verified[next(iter(self._verified))]
        self._verified[signed_note.signed] = verified
        return verified

    def verify(self, envelope: Envelope) -> VerifiedEnvelope:
        """Check steps 2 to 5. Raises TrustError, SignatureError, ProofError, DigestError."""
        verified_note = self.verify_note(envelope.signed_note)
        note, copy = verified_note.note, envelope.copy
        verify_copy(copy, envelope.body, commitment_of(note), self.roster)
        return VerifiedEnvelope(verified_note=verified_note, copy=copy, body=envelope.body)


class Commitment(NamedTuple):
    """What a note says of its copies. `version`: of the roster that it names."""

    number: Number
    version: int
    copies: Copies


def commitment_of(note: Note) -> Commitment:
    """Give the part of a note by which its copies are checked."""
    return Commitment(note.number, note.roster.version, note.copies)


def verify_copy(copy: Copy, body: bytes, said: Commitment, roster: Roster) -> None:
    """Check steps 4 and 5 for a copy of a note whose signatures hold.

    Raises ProofError, UnknownOfficeError, StatementError, DigestError.
    """
    number, version, copies = said
    # 4: leaf and proof lead to the root; the addressee is an office
    data = leaf_data(copy.index, copy.to, copy.after, copy.body)
    verify_inclusion(leaf_hash(data), copy.index - 1, copies.count, copy.proof, copies.root)
    if not roster.has_office(copy.to, version):
        raise UnknownOfficeError(f"the roster does not list the addressee {copy.to}")
    if copy.after is not None and not (copy.after.handle == number.handle and copy.after < number):
        raise StatementError("`after` does not name an earlier dispatch of this office")
    # 5: the body is the one that was signed
    if sha256(body).digest() != copy.body:
        raise DigestError("the body is not the one that was signed")


def believe_stored(envelope: Envelope) -> VerifiedEnvelope:
    """Take an envelope from our own register as verified: it was when it came in, or when we signed it.

    Its content is still checked against its digests when it is opened. Never use this for other envelopes.
    """
    return VerifiedEnvelope(
        verified_note=VerifiedNote(signed_note=envelope.signed_note, keys=()),
        copy=envelope.copy,
        body=envelope.body,
    )


def verify_statement(signed: SignedStatement, trusted: TrustedRoster) -> Statement:
    """Check its roster and signatures like those of a note that has no evidence of its age.

    Raises TrustError, SignatureError.
    """
    statement = signed.statement
    _, counted = _signers(signed.signed, REGISTER_NAMESPACE, statement, statement.issuer, trusted)
    if counted.forgeable_from is not None:
        raise UnprovenError("signed with a key that has since been compromised: its date proves nothing")
    return statement


def _signers(
    signed: SignedText, namespace: str, said: Note | Statement, issuer: str, trusted: TrustedRoster
) -> tuple[tuple[VerifyKey, ...], Counted]:
    """Check steps 2 and 3 for a signed text, all but its age; give the keys that signed, and what counts.

    Raises TrustError, SignatureError.
    """
    # 2: the roster that the text names is one we trust, and was in force on its date
    allowed = judge_note(
        trusted,
        realm=said.roster.realm,
        version=said.roster.version,
        digest=said.roster.digest,
        date=said.date,
        issuer=issuer,
    )
    # 3: distinct listed keys, every block, the office's threshold; and as many that count
    keys = verify_signed(signed, namespace, allowed.keys, allowed.threshold)
    counted = count_signatures(
        trusted.roster, issuer=issuer, version=said.roster.version, signers=keys, date=said.date
    )
    return keys, counted
