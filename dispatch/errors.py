"""What can go wrong with the paperwork, and the exit code of each.

    DispatchError                      1
    |-- MalformedError                 5  bytes or a draft that break their grammar
    |   |-- NoteError
    |   |-- EnvelopeError
    |   |-- MessageError
    |   `-- DraftError                    carries problems, each with its line
    |-- IntegrityError                 3  a proof or digest that does not hold
    |   |-- ProofError
    |   |-- DigestError
    |   |-- StatementError                message and note contradict each other
    |   `-- EquivocationError             two notes with one number
    |-- NotForUsError                  4  addressed to another office
    |-- RefusedError                   7  not ready, no right, no key for an addressee
    |   |-- NotReadyError                 a draft that may not go out; carries problems
    |   |-- MisfitError                   an answer that does not fit what it answers; names the field
    |   |-- AwaitedError                  it cannot be judged yet
    |   `-- FutureError                   dated more than a day ahead of our clock
    `-- StorageError                   1  the register or a file cannot be used

`exit_code` gives the code for any error, those of `keys` and of the operating
system included; `worst` picks the one that a batch returns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from keys import errors as keys_errors

if TYPE_CHECKING:
    from collections.abc import Iterable

DONE = 0
UNEXPECTED = 1
USAGE = 2
INTEGRITY = 3
NOT_FOR_US = 4
MALFORMED = 5
TRUST = 6
REFUSED = 7
LOCKED = 8
FINDINGS = 9

_WORST_FIRST = (INTEGRITY, TRUST, MALFORMED, NOT_FOR_US, REFUSED, LOCKED, UNEXPECTED, FINDINGS, USAGE, DONE)


class DispatchError(Exception):
    """Base of every error that `dispatch` raises. `hint`: what to do, or empty."""

    code: ClassVar[int] = UNEXPECTED

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class MalformedError(DispatchError):
    """Bytes that break their grammar."""

    code = MALFORMED


class NoteError(MalformedError):
    """A note breaks its grammar."""


class EnvelopeError(MalformedError):
    """An envelope breaks its grammar."""


class MessageError(MalformedError):
    """A message or its secrets break their grammar."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that stops a draft. `line`: in the file. `hint`: what to do, or empty.

    `code`: MALFORMED or REFUSED.
    """

    line: int
    text: str
    hint: str
    code: int


class DraftError(MalformedError):
    """A draft does not parse. `problems`: all that is wrong with it, by line, refusals included."""

    def __init__(self, message: str, problems: tuple[Problem, ...] = (), *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problems = problems


class IntegrityError(DispatchError):
    """A proof or digest does not hold."""

    code = INTEGRITY


class ProofError(IntegrityError):
    """A Merkle proof does not lead to the signed root."""


class DigestError(IntegrityError):
    """Content does not have the digest that was signed."""


class StatementError(IntegrityError):
    """The message says something else than its note."""


class EquivocationError(IntegrityError):
    """Two different notes have one number."""


class NotForUsError(DispatchError):
    """A copy for another office."""

    code = NOT_FOR_US


class RefusedError(DispatchError):
    """Understood and refused: not ready, no right, no key for an addressee."""

    code = REFUSED


class NotReadyError(RefusedError):
    """A draft parses and may not go out as it is. `problems`: all that stops it, by line."""

    def __init__(self, message: str, problems: tuple[Problem, ...] = (), *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problems = problems


class MisfitError(RefusedError):
    """An answer that does not fit what it answers. `field`: of the draft that would be wrong."""

    def __init__(self, field: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.field = field


class AwaitedError(RefusedError):
    """What cannot be judged yet: the dispatch that it answers has not come, or its time zone is not known."""


class FutureError(RefusedError):
    """A note dated more than a day ahead of our clock."""


class StorageError(DispatchError):
    """The register or a file cannot be used."""


_KEYS_CODES: tuple[tuple[type[Exception], int], ...] = (
    (keys_errors.SignatureError, INTEGRITY),
    (keys_errors.StanzaError, INTEGRITY),
    (keys_errors.HeaderMacError, INTEGRITY),
    (keys_errors.PayloadError, INTEGRITY),
    (keys_errors.TrustError, TRUST),
    (keys_errors.FormatError, MALFORMED),
    (keys_errors.NoMatchError, NOT_FOR_US),
    (keys_errors.KeyFileError, LOCKED),
    (keys_errors.PassphraseError, LOCKED),
)


def exit_code(error: BaseException) -> int:
    """Give the exit code for an error of `dispatch`, `keys` or the system."""
    if isinstance(error, DispatchError):
        return error.code
    return next((code for kind, code in _KEYS_CODES if isinstance(error, kind)), UNEXPECTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What went wrong with one of many items: an error without its traceback, which would keep the item.

    `kind`: the class of the error. `code`: its exit code. `hint`: what to do, or empty.
    """

    kind: type[BaseException]
    code: int
    text: str
    hint: str

    def __str__(self) -> str:
        """Give the text."""
        return self.text


def failure_of(error: BaseException) -> Failure:
    """Keep the words and the code of an error."""
    return Failure(
        kind=type(error), code=exit_code(error), text=describe(error), hint=getattr(error, "hint", "")
    )


def describe(error: BaseException) -> str:
    """Say in one line what went wrong; for an error of the system without its number."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def worst(codes: Iterable[int]) -> int:
    """Pick the worst of several exit codes; 0 for none."""
    return min(codes, key=_WORST_FIRST.index, default=DONE)
