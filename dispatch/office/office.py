"""Office: one office's home at one moment, and everything that can be done there.

Keys are read when they are first needed. The clock stands still: an office that is kept for long judges by
the moment at which it was opened, so open one for each piece of work. What a method needs is imported when it
is called, since most commands need little.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Self

from dispatch.errors import NotReadyError
from dispatch.office.context import KeyReader, OfficeContext, no_passphrase
from dispatch.office.opened import OpenedRegister
from dispatch.office.results import Enrolment, Listed
from dispatch.realm.trusted import accept_roster, load_trusted
from dispatch.store import Register
from dispatch.store.home import Home
from dispatch.system.workers import no_progress
from keys.card import parse_card

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from dispatch.drafts import Draft, Reading, ReportDraft
    from dispatch.formats.note import Number
    from dispatch.office import (
        CircularDuties,
        Collation,
        Issued,
        OpenedMessage,
        Publication,
        Reception,
        SlotName,
    )
    from dispatch.office.compose import Outgoing
    from dispatch.office.drafting import Checked, Drafting
    from dispatch.office.inbox import Inbox
    from dispatch.office.outbox import Outbox
    from dispatch.system.workers import Progress
    from keys.card import Card
    from keys.keyfile import SecretKeys
    from keys.trust import TrustedRoster


class Office:
    """The office that lives in the folder `home`. Close it, or use it in `with`.

    `now`: the moment at which everything is judged; default is the clock, in whole seconds.
    `ask_passphrase`: called when sealed keys are first needed. `random`: as os.urandom.
    Raises RefusedError if no office lives there.
    """

    def __init__(
        self,
        home: Home | Path,
        *,
        now: datetime | None = None,
        ask_passphrase: Callable[[], str] = no_passphrase,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.home = home if isinstance(home, Home) else Home(home)
        self.home.demand()
        self.now = now or datetime.now(UTC).replace(microsecond=0)
        self._ask_passphrase = ask_passphrase
        self._read_keys = KeyReader(self.home, ask_passphrase)
        self._random = random

    @classmethod
    def create(
        cls,
        home: Home | Path,
        *,
        handle: str,
        title: str,
        passphrase: str | None,
        realm: str | None = None,
        classical: bool = False,
        now: datetime | None = None,
    ) -> Self:
        """Make an office: its keys, its home, its card; with a `realm` also a root key and a first roster.

        `passphrase`: None writes the keys in clear. `classical`: Ed25519 and X25519 alone, not protected from
        quantum computers. Raises RefusedError if an office lives there, FormatError for a handle or title.
        """
        place = home if isinstance(home, Home) else Home(home)
        moment = now or datetime.now(UTC).replace(microsecond=0)
        from dispatch.realm.setup import create_office

        create_office(
            place,
            handle=handle,
            title=title,
            classical=classical,
            realm=realm,
            passphrase=passphrase,
            now=moment,
        )
        ask = no_passphrase if passphrase is None else lambda: passphrase
        return cls(place, now=moment, ask_passphrase=ask)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the register, if it was opened."""
        if (register := self.__dict__.get("register")) is not None:
            register.close()
        self._forget("register", "trusted")

    def _forget(self, *names: str) -> None:
        for name in (*names, "_context", "_drafting", "opened", "inbox", "outbox"):
            self.__dict__.pop(name, None)

    @property
    def card(self) -> bytes:
        """Our signed public card: what `enrol` takes."""
        return self.home.card.read_bytes()

    @cached_property
    def card_content(self) -> Card:
        """What our card says: handle, title and public keys."""
        return parse_card(self.card).card

    @property
    def handle(self) -> str:
        """Our handle."""
        return self.card_content.handle

    @property
    def keys(self) -> SecretKeys:
        """Our secret keys. Raises PassphraseError, KeyFileError, the same one each time."""
        return self._read_keys()

    @cached_property
    def trusted(self) -> TrustedRoster:
        """The roster that this home trusts. Raises UnpinnedError if there is none yet."""
        return load_trusted(self.home)

    def trust(self, roster: bytes, root_fingerprint: str | None = None) -> TrustedRoster:
        """Trust a roster file. What waited for it is tried again by the next `retry` or `receive`.

        `root_fingerprint`: as people compared it; needed for the first roster, checked whenever it is given.
        Raises TrustError, SignatureError, FormatError.
        """
        accept_roster(self.home, roster, root_fingerprint)
        self._forget("trusted")
        return self.trusted

    def enrol(self, *cards: bytes) -> Enrolment:
        """Add the offices of these cards to the roster and sign it at once, with the root key of this home.

        Compare the fingerprints of a card with its office first. Raises RefusedError if edits of the roster
        are pending, and as `RosterEditor.add` and `sign`.
        """
        from dispatch.realm.roster import RosterEditor

        editor = RosterEditor(self.home, now=self.now, ask_passphrase=self._ask_passphrase)
        roster = editor.enrol(cards).roster
        self._forget("trusted")
        return Enrolment(self.home.roster.read_bytes(), roster.root_fingerprint(roster.version))

    @cached_property
    def register(self) -> Register:
        """Our register."""
        return Register(self.home.register)

    @cached_property
    def _context(self) -> OfficeContext:
        return OfficeContext(
            home=self.home,
            handle=self.handle,
            register=self.register,
            trusted=self.trusted,
            read_keys=self._read_keys,
            now=self.now,
            random=self._random,
        )

    @cached_property
    def opened(self) -> OpenedRegister:
        """What the register holds, opened."""
        return OpenedRegister(self._context)

    @cached_property
    def _drafting(self) -> Drafting:
        from dispatch.office.drafting import Drafting

        return Drafting(self._context, self.opened)

    @cached_property
    def outbox(self) -> Outbox:
        """The way out."""
        from dispatch.office.outbox import Outbox

        return Outbox(self._context)

    @cached_property
    def inbox(self) -> Inbox:
        """The way in."""
        from dispatch.office.inbox import Inbox

        return Inbox(self._context, self.opened)

    # The way out

    def check(self, draft: Draft | ReportDraft) -> Checked:
        """Find what would stop a draft, and who would get it. Raises what the roster has against it."""
        return self._drafting.check(draft)

    def review(self, reading: Reading) -> Checked:
        """Find everything that would stop a draft as it was read, by line, and who would get it."""
        from dispatch.office.drafting import review

        return review(reading, self.check)

    def report_form(
        self,
        number: Number,
        obligation_id: str,
        *,
        period: str | None = None,
        event: int | None = None,
        nil: bool = False,
        tables: Mapping[str, bytes] | None = None,
    ) -> str:
        """Write the draft of a report to fill in; a period or event that is not given is derived.

        `tables`: CSV by the name of the field, which is a table. Raises RefusedError for what we do not owe.
        """
        return self._drafting.report_form(
            number, obligation_id, period=period, event=event, nil=nil, tables=tables or {}
        )

    def issue(
        self,
        draft: Draft | ReportDraft,
        attachments: Sequence[Path] = (),
        directory: Path | None = None,
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

    def reply(
        self,
        number: Number,
        state: Literal["acknowledged", "undertaken", "refused"],
        *,
        by: str,
        reason: str | None = None,
        directory: Path | None = None,
    ) -> Issued:
        """Answer a circular in the name of an officer, `by`. Raises RefusedError, FormatError."""
        from dispatch.office.answering import reply_to

        outgoing = reply_to(number, self.opened, self._context, state, by=by, reason=reason)
        return self.send(outgoing, directory=directory)

    def decide(
        self,
        number: Number,
        decision: Literal["accept", "return", "extend", "waive"],
        *,
        slot: SlotName | None = None,
        until: date | None = None,
        reason: str | None = None,
        directory: Path | None = None,
    ) -> Issued:
        """Accept a report, or return it for a `reason`; extend a slot of our circular, or waive it.

        `number`: of the report, or of the circular of which `slot` is one. `until`: the day to whose end, in
        the circular's zone, the due moment moves. Raises RefusedError, FormatError.
        """
        from dispatch.office.answering import decision_on

        outgoing = decision_on(number, self.opened, decision, slot=slot, until=until, reason=reason)
        return self.send(outgoing, directory=directory)

    def export(self, numbers: Sequence[Number], directory: Path, *, notes: bool = False) -> tuple[Path, ...]:
        """Make the envelopes again, or bare notes; of all our own dispatches if no number is given."""
        return self.outbox.export(numbers, directory, notes=notes)

    def publish(self, number: Number) -> Publication:
        """Disclose a dispatch: give its message as it was signed, and its note, for anybody to check."""
        from dispatch.office.publication import publish

        return publish(self.read(number), self.trusted.roster)

    def signed_list(self, volume: str | None = None) -> bytes:
        """Give the signed list of the ids of a volume of ours, by default the newest. Raises RefusedError."""
        from dispatch.office.publication import signed_list

        return signed_list(self._context, volume)

    # The way in

    def receive(
        self, paths: Iterable[Path], *, data: bytes | None = None, directory: Path | None = None
    ) -> Reception:
        """Finish what a killed run left, try again what is held, take in `paths`, send the receipts.

        `data`: an envelope that is no file. Receipts go to `directory`, by default the outbox.
        """
        from dispatch.office.reception import take_in

        parts = (self._context, self.opened, self.inbox, self.outbox)
        return take_in(*parts, paths=paths, data=data, directory=directory)

    def retry(self) -> Reception | None:
        """Try again what waited for a newer roster; None if nothing waits."""
        if not self.home.register.exists():
            return None
        waits = (
            self.register.waiting.count("held") or self.register.unreceipted() or self.register.unfinished()
        )
        return self.receive(()) if waits else None

    # What the register says

    def due(self, number: Number | None = None, at: datetime | None = None) -> tuple[CircularDuties, ...]:
        """Say who owes what and when under each circular, or under one. Raises RefusedError for one not here.

        `at`: the moment as of which it is judged; what came in later counts all the same.
        """
        return self.opened.duties(number, at or self.now)

    def collate(
        self, number: Number, obligation: str, first: str | None = None, last: str | None = None
    ) -> Collation:
        """Make one table of the reports for an obligation, from period `first` to `last`.

        Raises RefusedError for what there is not, FormatError for what is no period.
        """
        from dispatch.duties.returns import collate_returns

        return collate_returns(
            self.opened.case_builder(),
            self.trusted.roster,
            number,
            obligation,
            first=first,
            last=last,
            now=self.now,
        )

    def list(
        self, limit: int = 50, *, ours: bool | None = None, in_force: bool = False
    ) -> tuple[Listed, ...]:
        """List the newest dispatches of the register, at most `limit`, or all for -1; each opened if we can.

        `ours`: only our own, or only others'. `in_force`: all circulars that no later one ends, only these.
        """
        entries = self.register.newest(-1 if in_force else limit, ours=ours)
        listed = (Listed(entry=entry, message=self.opened.peek(entry)) for entry in entries)
        if not in_force:
            return tuple(listed)
        standing = self.opened.in_force()
        return tuple(item for item in listed if item.entry.number in standing)

    def read(self, number: Number) -> OpenedMessage:
        """Open a dispatch of the register, ours or another's; checked again like one that comes in."""
        return self.opened.open_checked(self.opened.envelope(self.register.get(number)))

    def open(self, data: bytes) -> OpenedMessage:
        """Check and open an envelope without registering it. Raises as the steps of FORMAT.md, 14, do."""
        return self.inbox.open(data)

    def save(self, opened: OpenedMessage, beside: Path, directory: Path) -> tuple[Path, ...]:
        """Save the attachments of an opened message; they lie in the home or `beside` the envelope."""
        from dispatch.store.attachments import save_attachments

        return save_attachments(opened, (self.home.attachments, beside), directory)
