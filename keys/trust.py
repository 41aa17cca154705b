"""Which roster to accept, and which key counts for which note.

Source: docs/FORMAT.md, sections 5 and 14. Pure: files are bytes, and the moment that
matters is passed in. The rules, in the order in which they are checked:

    a first roster (`trust_pinned`)
      1. the root of some roster in the file has the fingerprint that is expected
      2. the oldest one is signed by a threshold of its own root
      3. each later one is accepted after the one before it, as below
    a later roster (`trust_update`)
      1. it is of the same realm
      2. an older version is a rollback, whether we know its digest or not
      3. the same version with the same digest is nothing new; with another, a fork
      4. it extends the trusted one (`keys.roster.extends` lists how)
      5. only root keys that either lists signed it, each once, and every signature holds
      6. a threshold of the trusted root, and a threshold of its own, are among them
    a note (`judge_note`; then `keys.soundness`)
      1. it names our realm, a version that we have, and the digest of that version
      2. its date lies before that version's expiry
      3. its issuer is an office as of that version

A roster that has expired is still accepted, because it is newer than ours; whoever
issues or receives asks `check_current`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NoReturn

import msgspec

from keys.codec import encode_base64
from keys.errors import (
    ExpiredError,
    ForkError,
    FormatError,
    RealmError,
    RollbackError,
    UnpinnedRootError,
)
from keys.roster import MAX_ROSTER, Roster, decode_roster, encode_roster
from keys.roster.extends import check_extends
from keys.roster.signers import check_signers
from keys.signed import SignedText, encode_signed, parse_signed, sign_text, verify_signed
from keys.text import format_date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from keys.roster import Record
    from keys.signing import SigningKey, VerifyKey

NAMESPACE = "dispatch-roster"
MAX_CHAIN = 64
"""Cap on the rosters in one file."""

_BETWEEN = b"\n\n{"  # an empty line, and the text of the next roster


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRoster:
    """A roster with its signatures, well-formed and not verified."""

    roster: Roster
    signed: SignedText


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedRoster:
    """A roster that was accepted. Only `trust_pinned` and `trust_update` make one.

    `chain`: what to export, the versions that changed the root and the newest.
    """

    roster: Roster
    chain: tuple[SignedRoster, ...]

    def __reduce__(self) -> tuple[Callable[[bytes], TrustedRoster], tuple[bytes]]:
        """Pickle for other processes of this run: as the text, a tenth of the work, and without the chain."""
        return _restore_trusted, (self.chain[-1].signed.text,)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteKeys:
    """The keys that may sign a note, as of the version that it names, and how many of them must."""

    keys: tuple[VerifyKey, ...]
    threshold: int


def sign_roster(roster: Roster, keys: Iterable[SigningKey]) -> SignedRoster:
    """Sign a roster. `keys`: a threshold of its root, and of the root before it. Raises FormatError."""
    text = encode_roster(roster)
    return SignedRoster(
        roster=roster,
        signed=SignedText(text=text, signatures=tuple(sign_text(text, key, NAMESPACE) for key in keys)),
    )


def countersign_roster(signed: SignedRoster, keys: Iterable[SigningKey]) -> SignedRoster:
    """Add the signatures of further root keys, as when their holders sign one after another."""
    text = signed.signed.text
    signatures = signed.signed.signatures + tuple(sign_text(text, key, NAMESPACE) for key in keys)
    return SignedRoster(roster=signed.roster, signed=SignedText(text=text, signatures=signatures))


def parse_roster_file(data: bytes) -> tuple[SignedRoster, ...]:
    """Parse a roster file: one realm, ascending versions, the newest last. Raises FormatError."""
    if len(data) > MAX_ROSTER:
        raise FormatError(f"a roster file of more than {MAX_ROSTER} bytes")
    first, *others = data.split(_BETWEEN, MAX_CHAIN)
    if len(others) >= MAX_CHAIN:
        raise FormatError(f"a roster file of more than {MAX_CHAIN} rosters")
    parts = [first, *(_BETWEEN[-1:] + other for other in others)]
    # The cut took the line end of all but the last.
    parts = [part + b"\n" for part in parts[:-1]] + parts[-1:]
    chain = tuple(_parse_signed_roster(part) for part in parts)
    _check_chain(chain)
    return chain


def encode_roster_file(chain: tuple[SignedRoster, ...]) -> bytes:
    """Encode a roster file. Raises FormatError.

    Where all would be too long, the oldest are left out: who trusts only those needs an
    earlier file first.
    """
    _check_chain(chain)
    parts = [encode_signed(one.signed) for one in chain[-MAX_CHAIN:]]
    while len(parts) > 1 and sum(map(len, parts)) + len(parts) - 1 > MAX_ROSTER:
        del parts[0]
    data = b"\n".join(parts)
    if len(data) > MAX_ROSTER:
        raise FormatError(f"a roster file of more than {MAX_ROSTER} bytes")
    return data


def fingerprints(chain: tuple[SignedRoster, ...]) -> tuple[str, ...]:
    """Return the fingerprints of the roots in a chain, oldest first, each once."""
    return tuple(dict.fromkeys(one.roster.root_fingerprint(one.roster.version) for one in chain))


def trust_pinned(chain: tuple[SignedRoster, ...], fingerprint: str) -> TrustedRoster:
    """Accept a first roster: the root of some roster in its chain is the one expected.

    What comes before that roster in the chain is vouched for by it, as its own past.
    Raises UnpinnedRootError, and as `trust_update`.
    """
    # 1. The pin.
    found = fingerprints(chain)
    if fingerprint not in found:
        raise UnpinnedRootError(found)
    # 2. The oldest, by its own root.
    first = chain[0]
    signers = _verify(first, first.roster)
    check_signers(signers, first.roster)
    # 3. The others, each after the one before it.
    return trust_update(TrustedRoster(roster=first.roster, chain=chain[:1]), chain)


def trust_update(trusted: TrustedRoster, chain: tuple[SignedRoster, ...]) -> TrustedRoster:
    """Accept what is newer in `chain`; the very same object if that is nothing.

    Raises RealmError, RollbackError, ForkError, UnlistedKeyError, ThresholdError, SignatureError.
    """
    newest = chain[-1].roster
    # 1. The realm.
    if newest.realm != trusted.roster.realm:
        raise RealmError(f"a roster of {newest.realm}, where {trusted.roster.realm} is trusted")
    # 2. Nothing older.
    if newest.version < trusted.roster.version:
        _refuse_older(trusted.roster, newest)
    # 3. What is not newer is what we know.
    for one in chain:
        version = one.roster.version
        if version <= trusted.roster.version:
            _check_digest(one.roster.digest, trusted.roster.version_record(version), "the roster file")
    # 4 to 6. The rest, each after the one before it.
    for one in chain:
        if one.roster.version > trusted.roster.version:
            trusted = _accept(trusted, one)
    return trusted


def _accept(trusted: TrustedRoster, newer: SignedRoster) -> TrustedRoster:
    check_extends(trusted.roster, newer.roster)
    signers = _verify(newer, trusted.roster, newer.roster)
    check_signers(signers, trusted.roster)
    check_signers(signers, newer.roster)
    return TrustedRoster(roster=newer.roster, chain=_shorten((*trusted.chain, newer)))


def _verify(one: SignedRoster, *listing: Roster) -> frozenset[VerifyKey]:
    """Verify every signature, under the root keys that any of the rosters lists, ended ones too."""
    listed = {key for roster in listing for key in roster.root.listed_keys()}
    return frozenset(verify_signed(one.signed, NAMESPACE, listed, 1))


def _refuse_older(trusted: Roster, other: Roster) -> NoReturn:
    known = other.digest == trusted.version_record(other.version).digest
    why = "an old one" if known else "older, and no part of its past"
    raise RollbackError(
        f"version {other.version} of the roster, where version {trusted.version} is trusted: {why}"
    )


def _check_digest(digest: bytes, record: Record, who: str) -> None:
    """Demand the digest that we know for a version."""
    if digest != record.digest:
        raise ForkError(
            f"{who} has another version {record.version} of the roster than the trusted one:"
            f" {encode_base64(digest)}, not {encode_base64(record.digest)}"
        )


def _shorten(chain: tuple[SignedRoster, ...]) -> tuple[SignedRoster, ...]:
    """Keep the rosters that changed the root, the first included, and the newest."""
    roots = [one.roster.root_fingerprint(one.roster.version) for one in chain]
    changed = [one for index, one in enumerate(chain[:-1]) if index == 0 or roots[index] != roots[index - 1]]
    return (*changed, chain[-1])


def check_current(trusted: TrustedRoster, at: datetime) -> None:
    """Demand that the trusted roster has not expired. Raises ExpiredError."""
    roster = trusted.roster
    if at >= roster.expires:
        raise ExpiredError(
            f"version {roster.version} of the roster expired on {format_date(roster.expires)}",
            hint="import a newer roster",
        )


def judge_note(
    trusted: TrustedRoster, *, realm: str, version: int, digest: bytes, date: datetime, issuer: str
) -> NoteKeys:
    """Say who may sign a note, by what it says of itself.

    Pass on to `verify_signed`, then ask `count_signatures`.

    Raises RealmError, UnknownVersionError (for a newer one: hold the note), ForkError,
    ExpiredError, UnknownOfficeError.
    """
    roster = trusted.roster
    # 1. Realm, version, digest.
    if realm != roster.realm:
        raise RealmError(f"a note of the realm {realm}, where {roster.realm} is trusted")
    record = roster.version_record(version)
    _check_digest(digest, record, "the note")
    # 2. The date. At the very moment of its expiry a roster is no longer in force.
    if date >= record.expires:
        raise ExpiredError(f"the note is dated after the expiry of version {version} of the roster")
    # 3. The issuer: both raise if it is no office.
    office = roster.office(issuer)
    return NoteKeys(keys=office.signing_keys(version), threshold=office.threshold(version))


def _parse_signed_roster(data: bytes) -> SignedRoster:
    signed = parse_signed(data, max_text=MAX_ROSTER)
    return SignedRoster(roster=_with_digest(decode_roster(signed.text), signed.text), signed=signed)


def _restore_trusted(text: bytes) -> TrustedRoster:
    """Read a roster that was checked and accepted before it was pickled."""
    return TrustedRoster(roster=_with_digest(msgspec.json.decode(text, type=Roster), text), chain=())


def _with_digest(roster: Roster, text: bytes) -> Roster:
    """Put in the digest, as its text is at hand: ten thousand offices take long to encode for it."""
    vars(roster)["digest"] = hashlib.sha256(text).digest()
    return roster


def _check_chain(chain: tuple[SignedRoster, ...]) -> None:
    if not chain:
        raise FormatError("a roster file without a roster")
    if len({one.roster.realm for one in chain}) > 1:
        raise FormatError("a roster file of more than one realm")
    versions = [one.roster.version for one in chain]
    if any(first >= second for first, second in pairwise(versions)):
        raise FormatError("a roster file whose versions are not in ascending order")
