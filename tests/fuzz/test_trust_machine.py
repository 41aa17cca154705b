"""Which rosters are accepted, against a model: any sequence of versions, good, forked, old or tampered with.

The model knows of every roster who made it out of which, who signed it, and what was done to it; it never
looks at one. What is accepted, the second implementation must accept too, from the first roster on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from keys.errors import FormatError, KeysError
from keys.roster import (
    Roster,
    add_office,
    decode_roster,
    encode_roster,
    first_roster,
    next_version,
    revoke_key,
    set_group,
    set_root,
    set_threshold,
)
from keys.signed import SignedText
from keys.trust import (
    NAMESPACE,
    SignedRoster,
    TrustedRoster,
    encode_roster_file,
    fingerprints,
    parse_roster_file,
    trust_pinned,
    trust_update,
)
from tests.forge.roster import card_of, numbered, sign
from tests.fuzz.machines import how_long
from tests.fuzz.samples import line
from tests.independent.roster import trust

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ROOT = tuple(numbered(100 + number).signing_keys[0] for number in range(4))
KEYS = tuple(numbered(number) for number in range(12))
HANDLES = ("cc", "penza", "tula")

some_root = st.sets(st.integers(0, 3), min_size=1, max_size=3)


@dataclass(frozen=True)
class Node:
    """A roster as the model sees it. `signers`: numbers of root keys. `sound`: nothing was done to it."""

    one: SignedRoster
    parent: Node | None
    root: frozenset[int]
    threshold: int
    listed: frozenset[int]
    signers: frozenset[int]
    sound: bool = True

    @property
    def version(self) -> int:
        return self.one.roster.version

    def past(self) -> list[Node]:
        return [self, *(self.parent.past() if self.parent else [])]

    def is_good_after(self, trusted: Node) -> bool:
        return (
            self.sound
            and trusted in self.past()[1:]
            and self.signers <= self.listed | trusted.listed
            and len(self.signers & trusted.root) >= trusted.threshold
            and len(self.signers & self.root) >= self.threshold
        )


def sign_as(roster: Roster, signers: frozenset[int], namespace: str = NAMESPACE) -> SignedRoster:
    keys = [ROOT[number] for number in sorted(signers)]
    return SignedRoster(roster=roster, signed=sign(encode_roster(roster), keys, namespace))


EDITS: dict[str, Callable[[Roster, int], Roster]] = {
    "nothing": lambda roster, _: roster,
    "office": lambda roster, n: add_office(
        roster,
        card_of(HANDLES[n % 3], KEYS[n % 12], title=f"Title {n % 5}"),
        [("issue", "report", "audit")[n % 3]],
    ),
    "group": lambda roster, n: set_group(
        roster, "all", [office.handle for office in roster.offices][: n % 3]
    ),
    "threshold": lambda roster, n: set_threshold(roster, HANDLES[n % 3], 1 + n % 2),
    "revoke": lambda roster, n: revoke_key(
        roster, HANDLES[n % 3], KEYS[n % 12].signing_keys[0].verify_key.fingerprint(), START + n * DAY
    ),
}


def _first_office(value: dict[str, Any]) -> dict[str, Any]:
    office: dict[str, Any] = value["offices"][0]
    return office


def _end_early(value: dict[str, Any]) -> None:
    for entry in _first_office(value)["rights"]:
        entry["until"] = entry["until"] or value["version"] - 1


def _take_end_back(value: dict[str, Any]) -> None:
    for entry in _first_office(value)["rights"]:
        if entry["until"] != value["version"]:
            entry["until"] = None


TAMPERING: dict[str, Callable[[dict[str, Any]], object]] = {
    "an office gone": lambda value: value["offices"].pop(0),
    "another past title": lambda value: _first_office(value)["title"][0].update(value="Other"),
    "a right that always was": lambda value: _first_office(value)["rights"].insert(
        0, {"value": "audit", "since": 1, "until": 2}
    ),
    "another date in the table": lambda value: value["versions"][0].update(expires="2026-12-31T00:00:00Z"),
    "another digest in the table": lambda value: value["versions"][-1].update(digest="A" * 43 + "="),
    "a version too many": lambda value: value.update(version=value["version"] + 1),
    "another realm": lambda value: value.update(realm="other"),
    "a key for another": lambda value: _first_office(value)["signing"][0].update(
        value=KEYS[11].signing_keys[0].verify_key.line()
    ),
    "an older root key": lambda value: value["root"]["keys"].append(
        {"value": numbered(99).signing_keys[0].verify_key.line(), "since": 1, "until": None}
    ),
    "an end before its time": _end_early,
    "an end taken back": _take_end_back,
    "another threshold": lambda value: value["root"]["threshold"][0].update(value=16),
}


def _unsound(good: Node, wrong: SignedRoster) -> Node:
    return replace(good, one=wrong, sound=False)


class TrustMachine(RuleBasedStateMachine):
    """One who trusts a roster, and everything that others may hand in."""

    def __init__(self) -> None:
        super().__init__()
        roster = first_roster(realm="rkp", root=[ROOT[0].verify_key], date=START, expires=START + 365 * DAY)
        roster = add_office(roster, card_of("cc", KEYS[0], title="Centre"), ["issue"])
        mine = frozenset({0})
        self.node = Node(sign_as(roster, mine), None, mine, 1, mine, mine)
        self.nodes = [self.node]
        self.pin = fingerprints((self.node.one,))[0]
        self.trusted: TrustedRoster = trust_pinned((self.node.one,), self.pin)
        self.history: dict[tuple[int, str], Any] = {}

    def _make(self, parent: Node, edits: list[tuple[str, int]], signers: frozenset[int]) -> Node:
        """Make a next version; edits that cannot be made to this roster are left out."""
        date = START + len(self.nodes) * DAY
        roster = next_version(parent.one.roster, date=date, expires=date + 400 * DAY)
        root, threshold = parent.root, parent.threshold
        for name, number in edits:
            before = roster
            try:
                if name == "root":
                    root_now = frozenset({number % 4, number // 4 % 4})
                    threshold_now = 1 + number // 16 % len(root_now)
                    keys = [ROOT[each].verify_key for each in sorted(root_now)]
                    roster = set_root(roster, keys, threshold=threshold_now)
                    encode_roster(roster)
                    root, threshold = root_now, threshold_now
                else:
                    roster = EDITS[name](roster, number)
                    encode_roster(roster)
            except KeysError:
                roster = before
        node = Node(sign_as(roster, signers), parent, root, threshold, parent.listed | root, signers)
        self.nodes.append(node)
        return node

    def _hand_in(self, *chain: Node) -> None:
        """Hand in a chain; the model says how far it goes, or that it is refused."""
        expected: Node | None = self.node
        for one in chain:
            known = one.sound and one in (expected.past() if expected else [])
            if one.version <= self.node.version:
                expected = expected if known and one in self.node.past() else None
            elif expected is not None:
                expected = one if one.is_good_after(expected) else None
            if expected is None:
                break
        if chain[-1].version < self.node.version:
            expected = None
        try:
            trusted = trust_update(
                self.trusted, parse_roster_file(encode_roster_file(tuple(one.one for one in chain)))
            )
        except KeysError:
            assert expected is None
            return
        assert expected is not None
        assert trusted.roster == expected.one.roster
        assert (trusted is self.trusted) == (expected is self.node)
        self.trusted, self.node = trusted, expected

    edits = st.lists(st.tuples(st.sampled_from([*EDITS, "root"]), st.integers(0, 63)), min_size=1, max_size=3)

    @rule(edits=edits, data=st.data())
    def a_good_next_version(self, edits: list[tuple[str, int]], data: st.DataObject) -> None:
        """Signed by all root keys that there are, as far as they are listed: always enough."""
        unsigned = self._make(self.node, edits, self.node.root)
        self.nodes.pop()
        node = self._make(self.node, edits, unsigned.root | self.node.root)
        before = self.node
        self._hand_in(node)
        assert self.node is node is not before
        self._hand_in(*(data.draw(st.sampled_from([(before, node), (node,)]))))

    @rule(edits=edits, signers=some_root)
    def a_next_version_signed_by_some(self, edits: list[tuple[str, int]], signers: set[int]) -> None:
        self._hand_in(self._make(self.node, edits, frozenset(signers)))

    @rule(edits=edits, signers=some_root, at=st.integers(0, 30))
    def a_version_after_any(self, edits: list[tuple[str, int]], signers: set[int], at: int) -> None:
        """Of the past it is a fork or a rollback; of a version that was never accepted, a skip."""
        self._hand_in(self._make(self.nodes[at % len(self.nodes)], edits, frozenset(signers)))

    @rule(at=st.integers(0, 30))
    def anything_again(self, at: int) -> None:
        self._hand_in(self.nodes[at % len(self.nodes)])

    @rule(ats=st.lists(st.integers(0, 30), min_size=2, max_size=4))
    def any_chain(self, ats: list[int]) -> None:
        chosen = {self.nodes[at % len(self.nodes)].version: self.nodes[at % len(self.nodes)] for at in ats}
        self._hand_in(*(chosen[version] for version in sorted(chosen)))

    @rule(edits=edits, at=st.integers(0, 30))
    def a_skip_with_its_way(self, edits: list[tuple[str, int]], at: int) -> None:
        """Two versions at once, with and without the one between them."""
        everybody = frozenset(range(4))
        first = self._make(self.node, edits, everybody & (self.node.listed | {at % 4}))
        second = self._make(first, edits, everybody & (first.listed | {at % 4}))
        self._hand_in(*((first, second) if at % 2 else (second,)))

    @rule(edits=edits)
    def tampered_with(self, edits: list[tuple[str, int]]) -> None:
        """Signed by all who must, and yet not what it must be."""
        good = self._make(self.node, edits, self.node.listed)
        self.nodes.pop()
        text = encode_roster(good.one.roster)
        for tamper in TAMPERING.values():
            value = json.loads(text)
            tamper(value)
            try:
                roster = decode_roster(line(value))
            except FormatError:
                continue
            if line(value) != text:
                self._hand_in(_unsound(good, sign_as(roster, good.signers)))

    @rule(edits=edits, namespace=st.sampled_from(["dispatch-note", "dispatch-card"]))
    def signed_for_another_purpose(self, edits: list[tuple[str, int]], namespace: str) -> None:
        good = self._make(self.node, edits, self.node.listed)
        self.nodes.pop()
        wrong = sign_as(good.one.roster, good.signers, namespace)
        self._hand_in(_unsound(good, wrong))

    @rule(edits=edits)
    def signed_twice_by_one(self, edits: list[tuple[str, int]]) -> None:
        good = self._make(self.node, edits, self.node.listed)
        self.nodes.pop()
        text, blocks = good.one.signed.text, good.one.signed.signatures
        wrong = SignedRoster(
            roster=good.one.roster, signed=SignedText(text=text, signatures=(*blocks, blocks[0]))
        )
        self._hand_in(_unsound(good, wrong))

    @invariant()
    def the_past_stays(self) -> None:
        """Every later roster answers for an earlier version as that one did."""
        roster = self.trusted.roster
        for version in range(1, roster.version + 1):
            for handle in HANDLES:
                answer = None
                if roster.has_office(handle, version):
                    office = roster.office(handle)
                    answer = (
                        office.signing_keys(version),
                        office.rights(version),
                        office.threshold(version),
                        office.title(version),
                    )
                assert self.history.setdefault((version, handle), answer) == answer
            key: tuple[int, str] = (version, "@")
            group = (roster.members("all", version), roster.root_fingerprint(version))
            assert self.history.setdefault(key, group) == group

    @invariant()
    def another_implementation_says_the_same(self) -> None:
        data = encode_roster_file(self.trusted.chain)
        assert trust_pinned(parse_roster_file(data), self.pin).roster == self.trusted.roster
        assert trust(data, self.pin) == json.loads(encode_roster(self.trusted.roster))


TestTrust = TrustMachine.TestCase
TestTrust.settings = how_long(25, 12)
