"""Office: the public face of one home."""

from dispatch.office.office import Listed, Office, Reception

__all__ = ["Listed", "Office", "Reception"]
