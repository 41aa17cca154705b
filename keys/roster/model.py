"""What a roster holds, and the questions that can be asked of it.

Source: docs/FORMAT.md, section 5. The structs are the JSON. Keys stay lines of text
until they are asked for: a roster of ten thousand offices holds 40 MB of them.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Generic, Literal, TypeAlias, TypeVar

from msgspec import Meta, Struct, field

from keys.canonical import encode_canonical
from keys.codec import encode_base64_raw
from keys.errors import UnknownOfficeError, UnknownVersionError
from keys.lines import parse_sealing, parse_signing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keys.age import HybridRecipient, X25519Recipient
    from keys.signing import VerifyKey

T = TypeVar("T")
Right: TypeAlias = Literal["issue", "report", "audit"]
RIGHTS: tuple[Right, ...] = ("issue", "report", "audit")
Digest: TypeAlias = Annotated[bytes, Meta(min_length=32, max_length=32)]


class _Strict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Entry(_Strict, Generic[T], frozen=True, kw_only=True):
    """A value and the roster versions at which it counts: from `since`, before `until`."""

    value: T
    since: int
    until: int | None

    def in_force(self, version: int) -> bool:
        """Tell whether the value counts as of `version`."""
        return self.since <= version and (self.until is None or version < self.until)


class KeyEntry(Entry[str], frozen=True, kw_only=True):
    """The line of a signing key. `compromised`: from when it may be in other hands."""

    compromised: datetime | None


class Record(_Strict, frozen=True, kw_only=True):
    """One version of a roster. `digest`: SHA-256 of its text."""

    version: int
    date: datetime
    expires: datetime
    digest: Digest


class Root(_Strict, frozen=True, kw_only=True):
    """The keys that sign the roster itself, and how many of them must."""

    threshold_entries: tuple[Entry[int], ...] = field(name="threshold")
    key_entries: tuple[Entry[str], ...] = field(name="keys")

    def keys(self, version: int) -> tuple[VerifyKey, ...]:
        """Return the root keys in force as of `version`. Raises KeyFormatError."""
        return tuple(parse_signing(line) for line in _in_force(self.key_entries, version))

    def listed_keys(self) -> tuple[VerifyKey, ...]:
        """Return every root key, ended ones too. Raises KeyFormatError."""
        return tuple(parse_signing(entry.value) for entry in self.key_entries)

    def threshold(self, version: int) -> int:
        """Return how many root keys had to sign `version`."""
        return _in_force(self.threshold_entries, version)[0]


class Office(_Strict, frozen=True, kw_only=True):
    """An office; a question about a version at which it is not one raises UnknownOfficeError."""

    handle: str
    since: int
    until: int | None
    title_entries: tuple[Entry[str], ...] = field(name="title")
    rights_entries: tuple[Entry[Right], ...] = field(name="rights")
    threshold_entries: tuple[Entry[int], ...] = field(name="threshold")
    classical_entries: tuple[Entry[bool], ...] = field(name="classical")
    signing_entries: tuple[KeyEntry, ...] = field(name="signing")
    sealing_entries: tuple[Entry[str], ...] = field(name="sealing")

    def in_force(self, version: int) -> bool:
        """Tell whether this is an office as of `version`."""
        return self.since <= version and (self.until is None or version < self.until)

    def title(self, version: int) -> str:
        """Return the title, in any script."""
        return self._at(self.title_entries, version)[0]

    def rights(self, version: int) -> frozenset[Right]:
        """Return what the office may do."""
        return frozenset(self._at(self.rights_entries, version))

    def threshold(self, version: int) -> int:
        """Return how many distinct keys must sign a note of this office."""
        return self._at(self.threshold_entries, version)[0]

    def is_classical(self, version: int) -> bool:
        """Tell whether the office uses the classical algorithms."""
        return self._at(self.classical_entries, version)[0]

    def signing_keys(self, version: int) -> tuple[VerifyKey, ...]:
        """Return the signing keys, compromised ones too. Raises KeyFormatError."""
        return tuple(parse_signing(line) for line in self._at(self.signing_entries, version))

    def signing_entry(self, key: VerifyKey) -> KeyEntry | None:
        """Return the entry of a signing key of this office, ended ones too."""
        line = key.line()
        return next((entry for entry in self.signing_entries if entry.value == line), None)

    def is_marked(self, key: VerifyKey) -> bool:
        """Tell whether a signing key of this office is marked as compromised."""
        entry = self.signing_entry(key)
        return entry is not None and entry.compromised is not None

    def sealing_key(self, version: int) -> HybridRecipient | X25519Recipient | None:
        """Return the key to seal to, or None if the office has none.

        Whether it is a usable key is checked when it is used, and before, with its card.
        """
        lines = self._at(self.sealing_entries, version)
        return parse_sealing(lines[-1]) if lines else None

    def _at(self, entries: Sequence[Entry[T]], version: int) -> list[T]:
        if not self.in_force(version):
            raise UnknownOfficeError(f"{self.handle} is no office as of version {version} of the roster")
        return _in_force(entries, version)


class Group(_Strict, frozen=True, kw_only=True):
    """A named group of offices."""

    name: str
    member_entries: tuple[Entry[str], ...] = field(name="members")

    def members(self, version: int) -> tuple[str, ...]:
        """Return the handles of its members as of `version`, sorted."""
        return tuple(sorted(_in_force(self.member_entries, version)))


class Roster(_Strict, frozen=True, kw_only=True, dict=True):
    """A roster, its rules kept but its signatures not looked at."""

    format: Literal["dispatch-roster/v1"] = "dispatch-roster/v1"
    realm: str
    version: int
    date: datetime
    expires: datetime
    versions: tuple[Record, ...]
    root: Root
    offices: tuple[Office, ...]
    groups: tuple[Group, ...]

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the roster's own text."""
        return hashlib.sha256(encode_canonical(self)).digest()

    @cached_property
    def _offices(self) -> dict[str, Office]:
        return {office.handle: office for office in self.offices}

    @cached_property
    def _groups(self) -> dict[str, Group]:
        return {group.name: group for group in self.groups}

    def office(self, handle: str) -> Office:
        """Return an office, ended ones too. Raises UnknownOfficeError."""
        try:
            return self._offices[handle]
        except KeyError:
            raise UnknownOfficeError(f"the roster of {self.realm} has no office {handle}") from None

    def has_office(self, handle: str, version: int) -> bool:
        """Tell whether `handle` is an office as of `version`."""
        office = self._offices.get(handle)
        return office is not None and office.in_force(version)

    def handles(self, version: int) -> tuple[str, ...]:
        """Return the handles of all offices as of `version`, sorted."""
        return tuple(office.handle for office in self.offices if office.in_force(version))

    def members(self, group: str, version: int) -> tuple[str, ...]:
        """Return the handles of a group's members as of `version`, sorted; none if there is no such group."""
        found = self._groups.get(group)
        return found.members(version) if found is not None else ()

    def version_record(self, version: int) -> Record:
        """Return date, expiry and digest of a version, this one included. Raises UnknownVersionError."""
        if version == self.version:
            return Record(version=version, date=self.date, expires=self.expires, digest=self.digest)
        if not 1 <= version < self.version:
            raise UnknownVersionError(
                f"version {version} of the roster of {self.realm} is not known here: ours is {self.version}",
                hint="import the newer roster",
            )
        return self.versions[version - 1]

    def root_fingerprint(self, version: int) -> str:
        """Return the fingerprint of the root as of `version`: what people compare by voice."""
        blobs = sorted(line.partition(" ")[2] for line in _in_force(self.root.key_entries, version))
        lines = ["dispatch-root/v1", self.realm, str(self.root.threshold(version)), *blobs]
        text = "".join(f"{line}\n" for line in lines)
        return "SHA256:" + encode_base64_raw(hashlib.sha256(text.encode("ascii")).digest())


def _in_force(entries: Sequence[Entry[T]], version: int) -> list[T]:
    return [entry.value for entry in entries if entry.in_force(version)]
