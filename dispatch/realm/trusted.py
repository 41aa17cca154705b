"""The roster that a home trusts: read it, judge a file by it, and take a newer one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatch.system.files import locked, write_whole
from keys.errors import UnpinnedError
from keys.trust import (
    TrustedRoster,
    encode_roster_file,
    fingerprints,
    parse_roster_file,
    trust_pinned,
    trust_update,
)

if TYPE_CHECKING:
    from dispatch.store.home import Home


def load_trusted(home: Home) -> TrustedRoster:
    """Give the roster that this home trusts, checked again.

    Raises UnpinnedError if there is none, RefusedError if others could have put it there.
    """
    home.demand_private()
    try:
        data = home.roster.read_bytes()
    except FileNotFoundError:
        raise UnpinnedError(
            f"{home.path}: no roster here yet",
            hint="`dispatch roster import FILE --root SHA256:...` and the fingerprint that you were told",
        ) from None
    chain = parse_roster_file(data)
    return trust_pinned(chain, fingerprints(chain)[0])


def trust_roster(home: Home, data: bytes, pin: str | None) -> TrustedRoster:
    """Trust a roster file for one check, without keeping it.

    `pin`: the root fingerprint. Without one the file must be what the home trusts, or a version that may
    follow it; in a home without a roster nothing vouches for the file. Raises TrustError, SignatureError,
    FormatError.
    """
    chain = parse_roster_file(data)
    if pin is None and home.roster.exists():
        return trust_update(load_trusted(home), chain)
    # no fingerprint fits an empty pin, and the error names those of the file
    return trust_pinned(chain, pin or "")


def accept_roster(home: Home, data: bytes, pin: str | None) -> TrustedRoster:
    """Accept a roster file into a home and give what is trusted now.

    `pin`: the root fingerprint, needed for the first roster and checked whenever it is
    given. Raises TrustError, SignatureError, FormatError.
    """
    with locked(home.lock):
        home.sweep()
        return _accept(home, data, pin)


def _accept(home: Home, data: bytes, pin: str | None) -> TrustedRoster:
    chain = parse_roster_file(data)
    if pin is not None or not home.roster.exists():
        # no fingerprint fits an empty pin, and the error names those of the file
        pinned = trust_pinned(chain, pin or "")
        if not home.roster.exists():
            write_whole(home.roster, encode_roster_file(pinned.chain))
            return pinned
    before = load_trusted(home)
    trusted = trust_update(before, chain)
    if trusted is not before:
        write_whole(home.roster, encode_roster_file(trusted.chain), overwrite=True)
    return trusted
