"""Who may sign a roster: as many root keys in force as its root demands (FORMAT.md, section 5).

The first roster that is trusted is signed by its own root. Every later one is signed by enough keys of the
root that is trusted and by enough of its own: see `keys.trust`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keys.errors import ThresholdError

if TYPE_CHECKING:
    from keys.roster.model import Roster
    from keys.signing import VerifyKey


def check_signers(signers: frozenset[VerifyKey], roster: Roster) -> None:
    """Demand enough root keys in force as of `roster` among those who signed. Raises ThresholdError."""
    count = len(signers & set(roster.root.keys(roster.version)))
    threshold = roster.root.threshold(roster.version)
    if count < threshold:
        raise ThresholdError(
            f"signed by {count} of the root keys of version {roster.version} where {threshold} must",
            hint="if the root has changed since, a roster in between is missing",
        )
