"""What every part of an office works with: its home, register, roster, keys and clock, at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keys.errors import KeyFileError, KeysError, PassphraseError, UnlistedKeyError
from keys.keyfile import read_keyfile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from dispatch.store import Register
    from dispatch.store.home import Home
    from keys.age.recipients import Identity
    from keys.keyfile import SecretKeys
    from keys.roster import Roster
    from keys.signing import SigningKey
    from keys.trust import TrustedRoster


def no_passphrase() -> str:
    """Ask nobody: the keys have to lie in clear. Raises PassphraseError."""
    raise PassphraseError(
        "the keys of this office are sealed with a passphrase", hint="give Office its `ask_passphrase`"
    )


class KeyReader:
    """The secret keys of a home, read when they are first needed. `ask_passphrase`: for sealed ones."""

    def __init__(self, home: Home, ask_passphrase: Callable[[], str]) -> None:
        self._home = home
        self._ask_passphrase = ask_passphrase
        self._keys: SecretKeys | KeysError | None = None

    def __call__(self) -> SecretKeys:
        """Give the keys. Raises PassphraseError, KeyFileError, the same one each time."""
        if self._keys is None:
            try:
                self._keys = read_keyfile(self._home.office_key, self._ask_passphrase)
            except (PassphraseError, KeyFileError) as error:
                self._keys = error
        if isinstance(self._keys, KeysError):
            raise self._keys
        return self._keys


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeContext:
    """One office at one moment.

    `now`: the moment of this run, in whole seconds of UTC. `random`: as os.urandom.
    """

    home: Home
    handle: str
    register: Register
    trusted: TrustedRoster
    read_keys: KeyReader
    now: datetime
    random: Callable[[int], bytes]

    @property
    def roster(self) -> Roster:
        """The newest roster that the home trusts."""
        return self.trusted.roster

    def identities(self) -> Sequence[Identity]:
        """Give the secret keys that open what was sealed to us. Raises PassphraseError, KeyFileError."""
        return self.read_keys().identities

    def signing_key(self, version: int) -> SigningKey:
        """Give the key of ours that a roster version lists.

        Raises UnlistedKeyError if it lists none, PassphraseError, KeyFileError.
        """
        listed = self.roster.office(self.handle).signing_keys(version)
        for key in self.read_keys().signing_keys:
            if key.verify_key in listed:
                return key
        raise UnlistedKeyError(
            f"version {version} of the roster does not list our signing key",
            hint="send our card to the keeper of the roster, then import the new roster",
        )
