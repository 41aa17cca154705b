"""A text followed by SSH SIGNATURE blocks: notes, rosters and cards have this form.

The bytes: the text, which ends with LF and has no blank line; a blank line; 1 to 16
armored blocks, one directly after the other. In an envelope a blank line and more
follow them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from keys import sshsig
from keys.errors import FormatError, NamespaceError, SignatureError, ThresholdError, UnlistedKeyError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keys.signing import SigningKey, VerifyKey

MAX_SIGNATURES = 16
"""Cap on the blocks, so that nobody is made to verify a flood of them."""

_END = b"\n-----END SSH SIGNATURE-----\n"
_BLANK = b"\n\n"
_HASH = "sha512"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedText:
    """A text and its armored signatures, well-formed and not verified. Raises FormatError."""

    text: bytes
    signatures: tuple[bytes, ...]
    parsed: tuple[sshsig.Signature, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_text(self.text)
        # The count first: parsing costs.
        if not 1 <= len(self.signatures) <= MAX_SIGNATURES:
            raise FormatError(f"not 1 to {MAX_SIGNATURES} signatures")
        object.__setattr__(self, "parsed", tuple(sshsig.parse(block) for block in self.signatures))


def parse_signed(data: bytes, *, max_text: int) -> SignedText:
    """Parse a signed text with nothing after its last block; the text at most `max_text` bytes.

    Raises FormatError (ArmorError, KeyFormatError).
    """
    signed, rest = split_signed(data, max_text=max_text)
    if rest:
        raise FormatError("more after the signatures")
    return signed


def split_signed(data: bytes, *, max_text: int) -> tuple[SignedText, bytes]:
    """Split a signed text off: `(signed, rest)`, the rest without the blank line before it.

    The rest is empty where the data ends with the last block: a blank line with
    nothing after it is an error. Raises FormatError (ArmorError, KeyFormatError).
    """
    size = data.find(_BLANK, 0, max_text + 1) + 1
    if not size:
        raise FormatError("a signed text without signatures, or too long")
    start = size + 1
    last = data.find(_END + b"\n", start, start + MAX_SIGNATURES * sshsig.MAX_ARMORED + 1)
    stop = len(data) if last < 0 else last + len(_END)
    if stop + 1 == len(data):
        raise FormatError("a blank line with nothing after it")
    signed = SignedText(text=data[:size], signatures=_split_blocks(data[start:stop]))
    return signed, data[stop + 1 :]


def _split_blocks(data: bytes) -> tuple[bytes, ...]:
    """Cut after each END line; what a block holds is checked when it is parsed."""
    if len(data) > MAX_SIGNATURES * sshsig.MAX_ARMORED:
        raise FormatError("too many signatures")
    *blocks, rest = data.split(_END)
    if rest:
        raise FormatError("no END line after the last signature")
    return tuple(block + _END for block in blocks)


def encode_signed(signed: SignedText) -> bytes:
    """Encode as `parse_signed` reads it."""
    return signed.text + b"\n" + b"".join(signed.signatures)


def sign_text(text: bytes, key: SigningKey, namespace: str) -> bytes:
    """Sign a text: one armored block, for `SignedText.signatures`. Raises FormatError."""
    _check_text(text)
    return sshsig.sign(key, text, namespace, _HASH)


def verify_signed(
    signed: SignedText, namespace: str, keys: Iterable[VerifyKey], threshold: int
) -> tuple[VerifyKey, ...]:
    """Verify every block, each under its own key out of `keys`, at least `threshold` of them.

    Returns the keys that signed, in the order of the blocks. Raises NamespaceError,
    UnlistedKeyError, ThresholdError (also for a threshold below 1), SignatureError.
    """
    listed = {key: key for key in keys}
    # 1. Purpose and hash, as all of ours are made.
    for signature in signed.parsed:
        if signature.namespace != namespace:
            raise NamespaceError("a signature made for another purpose")
        if signature.hash_algorithm != _HASH:
            raise SignatureError("a signature over another hash than sha512")
    # 2. Distinct keys, all of them listed: one key must not count twice.
    signers = tuple(signature.verify_key for signature in signed.parsed)
    if len(set(signers)) != len(signers):
        raise SignatureError("two signatures by the same key")
    if not listed.keys() >= set(signers):
        raise UnlistedKeyError("a signature by a key that does not count here")
    # 3. Enough of them.
    if threshold < 1 or len(signers) < threshold:
        raise ThresholdError(f"{len(signers)} signatures where at least {max(threshold, 1)} are due")
    # 4. Only now the costly part: every one must hold.
    digest = sshsig.digest(signed.text, _HASH)
    verified = [
        sshsig.verify_parsed(signature, digest, namespace, listed[signature.verify_key])
        for signature in signed.parsed
    ]
    return tuple(one.verify_key for one in verified)


def _check_text(text: bytes) -> None:
    if text.startswith(b"\n") or not text.endswith(b"\n") or _BLANK in text:
        raise FormatError("a text to sign that has a blank line, or does not end with a line end")
