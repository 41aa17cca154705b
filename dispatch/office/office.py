"""Office: the public API. One office's home at one moment, and everything that can be done there.

    with Office(Home(path), now=..., ask_passphrase=...) as office:
        office.check(draft)  office.issue(draft, ...)  office.receive(paths)
        office.reply(number, ...)  office.decide(number, ...)  office.cases()  office.collate(...)
        office.list(...)  office.read(number)  office.open(data)  office.export(...)

`founding.make_office` makes a home. Keys are read when they are first needed.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Self

from dispatch.checks.answers import check_fits
from dispatch.checks.opening import OpenedMessage, open_envelope
from dispatch.checks.verifier import Verifier
from dispatch.duties.returns import collate_returns
from dispatch.duties.slots import slots_of
from dispatch.duties.standings import standings_of
from dispatch.errors import AwaitedError, DispatchError, NotReadyError, RefusedError, StorageError
from dispatch.formats.envelope import Envelope, file_name, parse_envelope
from dispatch.formats.message import Circular, Report
from dispatch.formats.note import parse_number
from dispatch.formats.statement import sign_statement
from dispatch.office.compose import (
    SlotName,
    outgoing_reply,
    outgoing_ruling,
    outgoing_slot_ruling,
)
from dispatch.office.drafting import Drafting
from dispatch.office.inbox import Inbox
from dispatch.office.opened import OpenedRegister
from dispatch.office.outbox import Outbox, no_progress, release
from dispatch.office.publication import state_volume
from dispatch.office.receipts import send_receipts
from dispatch.realm.trusted import load_trusted
from dispatch.store import Register
from dispatch.store.attachments import save_attachment, sealed_name
from dispatch.system.files import locked, write_many
from keys.card import Card, parse_card
from keys.codec import decode_base64
from keys.errors import KeyFileError, KeysError, PassphraseError, UnlistedKeyError
from keys.keyfile import SecretKeys, read_keyfile
from keys.signed import encode_signed
from keys.text import check_line
from keys.trust import check_current

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from dispatch.drafts import Draft, ReportDraft
    from dispatch.duties.case import Case
    from dispatch.duties.collation import Collation
    from dispatch.duties.slots import Slot
    from dispatch.duties.standings import Standing
    from dispatch.formats.message import Message
    from dispatch.formats.note import Number
    from dispatch.office.compose import Outgoing
    from dispatch.office.drafting import Checked
    from dispatch.office.inbox import Received
    from dispatch.office.outbox import Issued, Progress
    from dispatch.store import Dispatch
    from dispatch.store.home import Home
    from keys.signing import SigningKey
    from keys.trust import TrustedRoster


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """What became of each file, how many were for others, the receipts sent, and why some were not."""

    received: tuple[Received, ...]
    for_others: int
    receipts: tuple[Issued, ...]
    failures: tuple[Exception, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One line of the register. `message` is None for what is not signed yet or no key opens."""

    entry: Dispatch
    message: Message | None


class Office:
    """The office that lives in `home`. Raises RefusedError if none does."""

    def __init__(
        self,
        home: Home,
        *,
        now: datetime,
        ask_passphrase: Callable[[], str],
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        home.demand()
        self.home = home
        self.now = now
        self._ask_passphrase = ask_passphrase
        self._keys: SecretKeys | Exception | None = None
        self._random = random

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the register, if it was opened."""
        register = self.__dict__.pop("register", None)
        if register is not None:
            register.close()

    @cached_property
    def card(self) -> Card:
        """Our public card, as we made it."""
        return parse_card(self.home.card.read_bytes()).card

    @property
    def handle(self) -> str:
        """Our handle."""
        return self.card.handle

    @cached_property
    def trusted(self) -> TrustedRoster:
        """The roster that this home trusts. Raises UnpinnedError if there is none yet."""
        return load_trusted(self.home)

    @cached_property
    def register(self) -> Register:
        """Our register."""
        return Register(self.home.register)

    @property
    def keys(self) -> SecretKeys:
        """Our secret keys. Raises PassphraseError, KeyFileError, the same one each time."""
        if self._keys is None:
            try:
                self._keys = read_keyfile(self.home.office_key, self._ask_passphrase)
            except (PassphraseError, KeyFileError) as error:
                self._keys = error
        if isinstance(self._keys, Exception):
            raise self._keys
        return self._keys

    @cached_property
    def docket(self) -> OpenedRegister:
        """What the register holds, opened."""
        return OpenedRegister(
            handle=self.handle,
            register=self.register,
            roster=self.trusted.roster,
            identities=lambda: self.keys.identities,
        )

    @cached_property
    def _drafting(self) -> Drafting:
        return Drafting(
            handle=self.handle,
            register=self.register,
            docket=self.docket,
            trusted=self.trusted,
            now=self.now,
        )

    @cached_property
    def outbox(self) -> Outbox:
        """The way out."""
        return Outbox(
            handle=self.handle,
            register=self.register,
            trusted=self.trusted,
            signing_key=self._signing_key,
            home=self.home.path,
            now=self.now,
            random=self._random,
        )

    @cached_property
    def inbox(self) -> Inbox:
        """The way in."""
        return Inbox(
            handle=self.handle,
            register=self.register,
            trusted=self.trusted,
            identities=lambda: self.keys.identities,
            docket=self.docket,
            home=self.home.path,
            now=self.now,
        )

    def check(self, draft: Draft | ReportDraft) -> Checked:
        """Find what would stop a draft, and who would get it. Raises what the roster has against it."""
        return self._drafting.check(draft)

    def report_form(
        self,
        number: Number,
        obligation_id: str,
        *,
        period: str | None,
        event: int | None,
        nil: bool,
        tables: Mapping[str, bytes],
    ) -> str:
        """Write the draft of a report to fill in; a period or event that is not given is derived.

        `tables`: CSV for fields that are tables. Raises RefusedError for what we do not owe.
        """
        return self._drafting.report_form(
            number, obligation_id, period=period, event=event, nil=nil, tables=tables
        )

    def issue(
        self,
        draft: Draft | ReportDraft,
        attachments: Sequence[Path],
        directory: Path | None,
        progress: Progress = no_progress,
    ) -> Issued:
        """Seal, number, sign and release a draft; envelopes go to `directory`, by default the outbox.

        Raises NotReadyError with the problems that stop it, or as `Outbox.issue` does.
        """
        checked = self.check(draft)
        if checked.outgoing is None or checked.problems:
            first = checked.problems[0]
            raise NotReadyError(f"line {first.line}: {first.text}", checked.problems, hint=first.hint)
        return self.send(checked.outgoing, attachments, directory, progress)

    def send(
        self,
        outgoing: Outgoing,
        attachments: Sequence[Path] = (),
        directory: Path | None = None,
        progress: Progress = no_progress,
    ) -> Issued:
        """Seal, number, sign and release what is to be said. Raises as `Outbox.issue` does."""
        return self.outbox.issue(outgoing, attachments, directory or self.home.outbox, progress)

    def receive(
        self, paths: Iterable[Path], *, data: bytes | None = None, directory: Path | None = None
    ) -> Reception:
        """Finish what a killed run left, try again what is held, take in `paths`, send the receipts.

        `data`: an envelope that is no file. Receipts go to `directory`, by default the outbox.
        """
        self.outbox.finish()
        received = list(self.inbox.retry_held())
        batch = self.inbox.receive(paths)
        received += batch.received
        if data is not None:
            received.append(self.inbox.receive_data(data, "-"))
        received = self._retry_awaited(received)
        receipts, failures = send_receipts(
            register=self.register,
            docket=self.docket,
            outbox=self.outbox,
            roster=self.trusted.roster,
            home=self.home,
            directory=directory,
        )
        return Reception(
            received=tuple(received), for_others=batch.for_others, receipts=receipts, failures=failures
        )

    def _retry_awaited(self, received: list[Received]) -> list[Received]:
        """Try again what waited, in this run or since an earlier one, for a dispatch that came just now."""
        came: Sequence[Received] = received
        while any(one.state == "new" for one in came):
            came = self.inbox.retry_held()
            numbers = {one.number for one in came}
            received = [one for one in received if not (one.state == "held" and one.number in numbers)]
            received += came
        return received

    def reply(
        self,
        number: Number,
        state: Literal["acknowledged", "undertaken", "refused"],
        by: str,
        reason: str | None,
        directory: Path | None = None,
    ) -> Issued:
        """Answer a circular in the name of an officer, `by`. Raises RefusedError, FormatError."""
        check_line(by)
        if reason is not None:
            check_line(reason)
        circular = self.docket.demand(number)
        outgoing = outgoing_reply(
            circular, self.handle, state, by=by, reason=reason, roster=self.trusted.roster
        )
        return self.send(outgoing, directory=directory)

    def decide(self, number: Number, reason: str | None, directory: Path | None = None) -> Issued:
        """Accept a report, or return it for a `reason`. Raises RefusedError, FormatError."""
        if reason is not None:
            check_line(reason)
        report = self.docket.demand(number)
        if not isinstance(report.message, Report):
            raise RefusedError(f"{number} is a {report.message.kind}, and not a report")
        circular = self._own(parse_number(report.message.answers.number))
        return self.send(outgoing_ruling(report, circular, reason, self.trusted.roster), directory=directory)

    def decide_slot(
        self,
        number: Number,
        slot: SlotName,
        until: datetime | None,
        reason: str | None,
        directory: Path | None = None,
    ) -> Issued:
        """Extend a slot of our circular until a moment, or waive it for a reason. Raises RefusedError."""
        if reason is not None:
            check_line(reason)
        outgoing = outgoing_slot_ruling(self._own(number), slot, until, reason, self.trusted.roster)
        return self.send(outgoing, directory=directory)

    def cases(self) -> tuple[Case, ...]:
        """Give every circular with what answers it."""
        return self.docket.sort().cases()

    def sees_all(self, case: Case) -> bool:
        """Tell whether the reports to a circular come to us: it is ours, or for our information."""
        return self.handle in (case.number.handle, *case.info)

    def visible_slots(self, case: Case, now: datetime) -> tuple[Slot, ...]:
        """Give the slots of a circular of which we would know the reports: all, or our own."""
        return slots_of(case, now, only=None if self.sees_all(case) else self.handle)

    def visible_standings(self, case: Case, now: datetime) -> tuple[Standing, ...]:
        """Give where offices stand with a circular: all, or our own."""
        found = standings_of(case, now)
        return found if self.sees_all(case) else tuple(one for one in found if one.office == self.handle)

    def collate(self, number: Number, obligation: str, first: str | None, last: str | None) -> Collation:
        """Make one table of the returns for an obligation, from period `first` to `last`.

        Raises RefusedError for what there is not, FormatError for what is no period.
        """
        return collate_returns(
            self.docket.sort(),
            self.trusted.roster,
            number,
            obligation,
            first=first,
            last=last,
            now=self.now,
        )

    def list(self, limit: int, *, ours: bool | None = None) -> tuple[Listed, ...]:
        """List the newest of the register, opened where a key opens them."""
        return tuple(
            Listed(entry=entry, message=self._peek(entry)) for entry in self.register.newest(limit, ours=ours)
        )

    def read(self, number: Number) -> OpenedMessage:
        """Open a dispatch of the register, ours or another's; checked again like one that comes in."""
        return self._open(self._envelope(self.register.get(number)))

    def open(self, data: bytes) -> OpenedMessage:
        """Check and open an envelope without registering it."""
        opened = self._open(parse_envelope(data))
        self.inbox.check_timely(opened.verified, self.now)
        with suppress(AwaitedError):  # shown all the same: `receive` holds it
            check_fits(opened, self.handle, self.docket.find, self.trusted.roster)
        return opened

    def save(self, opened: OpenedMessage, beside: Path, directory: Path) -> tuple[Path, ...]:
        """Save the attachments of an opened message; they lie in the home or `beside` the envelope."""
        paths = []
        for entry, identity in zip(opened.message.attachments, opened.secrets.attachments, strict=True):
            store = next(
                (
                    s
                    for s in (self.home.attachments, beside)
                    if (s / sealed_name(decode_base64(entry.sealed))).is_file()
                ),
                beside,
            )
            paths.append(save_attachment(entry, identity, store, directory))
        return tuple(paths)

    def export(self, numbers: Sequence[Number], directory: Path, *, notes: bool) -> tuple[Path, ...]:
        """Make the envelopes again, or bare notes; of all our own dispatches if no number is given."""
        self.outbox.finish()
        failed = None
        entries = [self.register.get(number) for number in numbers] or self.register.own()
        paths: list[Path] = []
        # one process of a home writes files at a time, see `write_many`
        with locked(self.home.lock):
            for entry in entries:
                if notes:
                    bare = (file_name(entry.number, None), encode_signed(entry.signed_note().signed))
                    paths += write_many(directory, [bare], self.handle)
                    continue
                try:
                    paths += release(self.register, entry, self.home.path, directory)
                    # what could not be written where it was to go is out now
                    self.register.mark_released(entry.id)
                    self.outbox.failed.pop(entry.number, None)
                except StorageError as error:
                    failed = failed or error
        if failed:
            raise failed
        return tuple(paths)

    def register_statement(self, volume: str | None) -> bytes:
        """Give the signed list of the ids of a volume of ours, by default the newest. Raises RefusedError."""
        check_current(self.trusted, self.now)
        roster = self.trusted.roster
        entries = self.register.of(self.handle)
        statement = state_volume(entries, self.handle, volume, roster, self.now)
        return sign_statement(statement, [self._signing_key(roster.version)])

    def _signing_key(self, version: int) -> SigningKey:
        listed = self.trusted.roster.office(self.handle).signing_keys(version)
        for key in self.keys.signing_keys:
            if key.verify_key in listed:
                return key
        raise UnlistedKeyError(
            f"version {version} of the roster does not list our signing key",
            hint="send our card to the keeper of the roster, then import the new roster",
        )

    def _own(self, number: Number) -> OpenedMessage:
        """Open a circular of ours. Raises RefusedError for another's."""
        opened = self.docket.demand(number)
        if number.handle != self.handle or not isinstance(opened.message, Circular):
            raise RefusedError(f"{number} is not a circular of ours: only its issuer decides")
        return opened

    def _peek(self, entry: Dispatch) -> Message | None:
        try:
            return self._open(self._envelope(entry)).message
        except (DispatchError, KeysError):
            return None

    def _open(self, envelope: Envelope) -> OpenedMessage:
        verified = Verifier(self.trusted).verify(envelope)
        return open_envelope(verified, self.handle, self.keys.identities, self.trusted.roster)

    def _envelope(self, entry: Dispatch) -> Envelope:
        copy = self.register.copy_for(entry, self.handle)
        if copy is None or copy.body is None:
            raise RefusedError(f"the register no longer has the text of {entry.number}")
        return Envelope(signed_note=entry.signed_note(), copy=copy.place(), body=copy.body)
