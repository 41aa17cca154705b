"""What can go wrong with keys, signatures, sealed files and trust in keys.

    KeysError
    |-- FormatError             bytes that are not in the form they claim
    |   |-- ArmorError          the armor around an age file or an SSH signature
    |   |-- HeaderError         the header of an age file
    |   `-- KeyFormatError      the text or binary form of a key
    |-- NoMatchError            no given identity opens this age file
    |-- StanzaError             an age file sealed in a way that the policy forbids
    |-- HeaderMacError          the header of an age file was altered
    |-- PayloadError            the payload of an age file was altered or cut off
    |-- PassphraseError         no passphrase, or the wrong one
    |-- KeyFileError            a key file that may not be used (permissions, contents)
    |-- SignatureError          a signature that does not hold
    |   |-- NamespaceError      it was made for another purpose
    |   |-- UnlistedKeyError    it was made by a key that does not count here
    |   `-- ThresholdError      too few distinct signatures
    `-- TrustError              a roster or key that may not be trusted
        |-- UnpinnedError       no roster is trusted yet
        |   `-- UnpinnedRootError  nothing vouches for this roster's root
        |-- RealmError          another realm
        |-- RollbackError       older than the trusted version
        |-- ForkError           contradicts the trusted version
        |-- ExpiredError        past its expiry
        |   `-- EndedKeyError   signed or delivered long after the end of its keys
        |-- UnknownVersionError names a roster version that we do not have
        |-- UnknownOfficeError  a handle that the roster does not list
        `-- CompromisedError    the key is marked as compromised
            `-- UnprovenError   since a moment after the note's date, and nothing proves the note older

Each has a fixed text, and a hint where there is something to do. Only the
command line turns an error into an exit code.
"""

from __future__ import annotations


class KeysError(Exception):
    """Base of every error that `keys` raises. `hint`: what to do, or empty."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class FormatError(KeysError):
    """Bytes that are not in the form they claim."""


class ArmorError(FormatError):
    """The armor around an age file or an SSH signature is not canonical."""


class HeaderError(FormatError):
    """The header of an age file breaks the grammar."""


class KeyFormatError(FormatError):
    """A key's text or binary form is wrong, or of a type not supported here."""


class NoMatchError(KeysError):
    """No given identity opens this age file."""


class StanzaError(KeysError):
    """An age file is sealed in a way that the policy forbids."""


class HeaderMacError(KeysError):
    """The header of an age file was altered."""


class PayloadError(KeysError):
    """The payload of an age file was altered or cut off."""


class PassphraseError(KeysError):
    """No passphrase was given, or the wrong one."""


class KeyFileError(KeysError):
    """A key file may not be used: its permissions or contents are wrong."""


class SignatureError(KeysError):
    """A signature does not hold."""


class NamespaceError(SignatureError):
    """A signature was made for another purpose."""


class UnlistedKeyError(SignatureError):
    """A signature was made by a key that does not count here."""


class ThresholdError(SignatureError):
    """Too few distinct keys have signed."""


class TrustError(KeysError):
    """A roster or a key may not be trusted."""


class UnpinnedError(TrustError):
    """No roster is trusted yet."""


class UnpinnedRootError(UnpinnedError):
    """Nothing vouches for these roots. `fingerprints`: of the roots in the file, oldest first."""

    def __init__(self, fingerprints: tuple[str, ...]) -> None:
        super().__init__(
            f"nothing vouches for the root of this roster: {' '.join(fingerprints)}",
            hint="compare the fingerprint by voice with the keeper of the roster, then give it with --root",
        )
        self.fingerprints = fingerprints


class RealmError(TrustError):
    """A roster or note of another realm."""


class RollbackError(TrustError):
    """A roster older than the trusted one."""


class ForkError(TrustError):
    """A roster that contradicts the trusted one."""


class ExpiredError(TrustError):
    """A roster, or a note, past the expiry of its roster version."""


class EndedKeyError(ExpiredError):
    """A note is dated, or came for the first time, long after the keys that signed it had ended."""


class UnknownVersionError(TrustError):
    """A note names a roster version that we do not have."""


class UnknownOfficeError(TrustError):
    """A handle that the roster does not list."""


class CompromisedError(TrustError):
    """A signing key is marked as compromised."""


class UnprovenError(CompromisedError):
    """A signing key is marked since a moment after the note's date, and nothing proves the note older."""
