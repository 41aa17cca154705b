"""What an audit finds: the kinds of finding, and how an error becomes one.

The `kind` of a finding never changes its name, because programs depend on it. Its severity is

    broken         spoilt, or proven false: somebody altered, forged, rewrote or contradicted
    missing        something that must be there is not, or nothing proves what should be proven
    warning        something that may be honest, and should be asked about
    not-checkable  something that cannot be known from this archive
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from dispatch.errors import (
    FINDINGS,
    DigestError,
    EnvelopeError,
    MalformedError,
    NoteError,
    ProofError,
    StatementError,
    describe,
)
from keys.errors import (
    CompromisedError,
    EndedKeyError,
    ExpiredError,
    ForkError,
    FormatError,
    NamespaceError,
    RealmError,
    SignatureError,
    ThresholdError,
    UnknownOfficeError,
    UnknownVersionError,
    UnlistedKeyError,
    UnprovenError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Severity: TypeAlias = Literal["broken", "missing", "warning", "not-checkable"]

MAX_FILES = 20
"""How many files a finding names; it counts the others."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Finding:
    """One thing that an audit found.

    `kind`: one of KINDS; `subject`: the number, volume, office, roster version or file that it is about;
    `text`: what was found, one sentence; `code`: the exit code that it demands. `files`: the names of files
    that prove it, sorted, at most MAX_FILES; `more`: how many others prove it too.
    """

    kind: str
    subject: str
    text: str
    severity: Severity = "broken"
    code: int = FINDINGS
    files: tuple[str, ...] = ()
    more: int = 0


def with_files(finding: Finding, files: Iterable[str]) -> Finding:
    """Give a finding the files that prove it: it names the first MAX_FILES and counts the others."""
    ordered = sorted(set(files))
    return replace(finding, files=tuple(ordered[:MAX_FILES]), more=max(0, len(ordered) - MAX_FILES))


KINDS: Final[Mapping[str, str]] = {
    # one file
    "unreadable-file": "A file or folder that could not be read",
    "link-not-followed": "A link in a folder: what it leads to was not read",
    "nothing-to-audit": "No envelope, note or signed list of a register at all",
    "foreign-file": "A file that is none of ours, under a name of ours",
    "truncated-file": "A file that ends too early",
    "malformed-file": "A file that breaks the grammar of FORMAT.md",
    # roster and signatures
    "unknown-roster-version": "It names a roster version newer than the roster given",
    "another-realm": "It belongs to another realm",
    "roster-contradicted": "It names another text of a roster version than the trusted one",
    "roster-expired": "It is dated after the expiry of the roster version that it names",
    "unknown-office": "An issuer or addressee that the roster does not list",
    "key-not-in-force": "Signed by a key of the office that was not in force as of the version named",
    "key-unlisted": "Signed by a key that the roster does not list for the office",
    "key-compromised": "Signed by a key that was compromised by then",
    "key-ended": "Dated more than 30 days after the end of its key",
    "too-few-signatures": "Fewer signatures than the office's threshold",
    "signature-of-another-purpose": "A signature that was made for something else than a note",
    "signature-broken": "A signature that does not hold",
    "compromised-without-evidence": "Signed by a key that was compromised later, and nothing proves it older",
    # copies
    "proof-broken": "A copy that does not lead to the signed root",
    "body-broken": "A copy whose body is not the one that was signed",
    "sealed-otherwise": "A body that is not sealed as the roster demands for its addressee",
    "two-copies-one-office": "Two copies of a note for one office",
    "copies-out-of-order": "Copies of a note that cannot be one for each addressee, in order of handle",
    "no-file-copy": "A note without a copy for the office that issued it",
    "after-broken": "A copy that names a wrong previous dispatch to its addressee",
    # registers
    "two-notes-one-number": "Two different notes with one number",
    "heads-differ": "Two heads of one register that cannot both be true",
    "head-broken": "A pinned head that the ids of the notes do not give",
    "register-rewritten": "A signed list of a register that the notes, or another one, contradict",
    "list-impossible": "A signed list of a register that cannot be true, whatever the notes say",
    "two-volumes-at-once": "Two volumes of one register that run at once",
    "dates-decrease": "A note dated before the one that precedes it in the register",
    "missing-note": "Numbers without a note",
    "missing-id-list": "Heads that cannot be recomputed, because ids are not known",
    "voided-note-released": "A note that its issuer declared never released, and that was",
    # receipts
    "receipt-for-unknown-note": "A receipt for a note that is not here",
    "receipt-before-dispatch": "A receipt dated before what it acknowledges",
    "receipt-from-stranger": "A receipt by an office that got no copy",
    # circulars given with their text
    "circular-malformed": "A text given with --circular that is none",
    "circular-secrets-differ": "A circular's text whose second line is not that of its first",
    "circular-not-judged": "A circular in a time zone that this machine does not know",
    "circular-not-found": "A text given with --circular to which no note here commits",
    "circular-contradicts-note": "A circular whose text says another number, date or issuer than its note",
    "circular-addressees-differ": "A circular whose copies are not those for its addressees",
    "circular-without-right": "A circular whose issuer had no right to issue",
    "report-without-right": "A report whose author had no right to report",
    "reply-for-another": "A reply to a circular in the name of another office",
    "report-in-anothers-slot": "A report in the slot of another office",
    "slot-filled-twice": "Two reports in one slot, and none was returned in between",
    "decision-by-another": "A decision on a slot by another office than the circular's issuer",
}
"""Every kind of finding, with what it means."""

_BY_ERROR: Final[tuple[tuple[type[Exception], str], ...]] = (
    (UnknownVersionError, "unknown-roster-version"),
    (RealmError, "another-realm"),
    (ForkError, "roster-contradicted"),
    (EndedKeyError, "key-ended"),
    (ExpiredError, "roster-expired"),
    (UnknownOfficeError, "unknown-office"),
    (UnprovenError, "compromised-without-evidence"),
    (CompromisedError, "key-compromised"),
    (UnlistedKeyError, "key-unlisted"),
    (ThresholdError, "too-few-signatures"),
    (NamespaceError, "signature-of-another-purpose"),
    (SignatureError, "signature-broken"),
    (ProofError, "proof-broken"),
    (DigestError, "body-broken"),
    (StatementError, "after-broken"),
    (NoteError, "malformed-file"),
    (EnvelopeError, "malformed-file"),
    (MalformedError, "malformed-file"),
    (FormatError, "malformed-file"),
    (OSError, "unreadable-file"),
)

NOT_PROVEN: Final = (
    (
        "That the dates are true: each office writes its own. Proven is only their order along a register, "
        "and that a note is older than another office's receipt for it."
    ),
    (
        "That there are no other dispatches: one that was withheld from everybody, and whose number no later "
        "one follows, leaves no trace."
    ),
    (
        "That an addressee could open its copy, or found the same text in it as the others, unless it gave a "
        "receipt: a text sealed wrongly to one office shows only when that office opens it."
    ),
    "That an office without a receipt did not get a dispatch, or that one with a receipt has read it.",
    "That the keys were in the right hands until the moment at which the roster marks them as compromised.",
    "That this is the right roster: that rests on its root fingerprint, which people compare.",
    "That what the dispatches say is true. Nothing was decrypted.",
    (
        "Which day an event had, until when a decision extended a slot, and whether a return was nil: that "
        "stands inside sealed text, and such slots are shown without a judgement of their punctuality."
    ),
)
"""What a clean audit does not prove, in plain words."""


def kind_of(error: BaseException) -> str:
    """Name the kind of finding that an error makes."""
    return next((kind for of, kind in _BY_ERROR if isinstance(error, of)), "malformed-file")


def text_of(error: BaseException, file: str) -> str:
    """Say what went wrong, without the name of the file, which the finding has already."""
    if isinstance(error, OSError):
        return error.strerror or "it could not be read"
    return describe(error).removeprefix(f"{file}: ")
