"""Sections 4 and 5: cards and rosters."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from tests.independent.signed import SEALING, SIGNING, Signed, is_sealing_key, is_signing_key, read_signed
from tests.independent.text import (
    HANDLE,
    LIMITS,
    MALFORMED,
    NOT_GENUINE,
    NOT_TRUSTED,
    base64_of,
    bytes_of,
    differ,
    integer,
    is_boolean,
    is_date,
    is_digest,
    is_line,
    json_of,
    many,
    matches,
    maybe,
    need,
    one_of,
    read_json,
    sha256,
    shape,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.independent.text import Check, Json

CARD = shape(
    {
        "format": one_of("dispatch-card/v1"),
        "handle": matches(HANDLE),
        "title": is_line,
        "classical": is_boolean,
        "signing": many(is_signing_key, 1, 8),
        "sealing": many(is_sealing_key, 1, 8),
    }
)


def kind_of(key: str) -> str:
    return key.partition(" ")[0]


def read_card(data: bytes) -> Json:
    """Read and verify the card of an office that no roster lists yet."""
    need(len(data) <= LIMITS["card"], MALFORMED, "the card is too large")
    signed, _ = read_signed(data)
    card = read_json(signed.text, CARD)
    need(differ(card["signing"]) and differ(card["sealing"]), MALFORMED, "a key twice")
    for keys, kinds in ((card["signing"], SIGNING), (card["sealing"], SEALING)):
        need({*map(kind_of, keys)} == {kinds[card["classical"]]}, MALFORMED, "a key of the wrong type")
    need(
        {*signed.verify("dispatch-card")} == {*card["signing"]}, NOT_GENUINE, "not signed by exactly its keys"
    )
    need(all(map(is_usable, card["sealing"])), MALFORMED, "a sealing key to which nothing can be sealed")
    return card


def is_usable(key: str) -> bool:
    """Whether a sealing key passes the modulus check, and is not of low order."""
    data = bytes_of(key.partition(" ")[2])
    try:
        if kind_of(key) == SEALING[False]:
            MLKEM768PublicKey.from_public_bytes(data[:-32])
        return bool(X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(data[-32:])))
    except ValueError:
        return False


def entries(check: Check, **more: Check) -> Check:
    version = integer(1)
    return many(shape({"value": check, "since": version, "until": maybe(version), **more}))


ROOT = shape({"threshold": entries(integer(1, 16)), "keys": entries(is_signing_key)})
OFFICE = shape(
    {
        "handle": matches(HANDLE),
        "since": integer(1),
        "until": maybe(integer(1)),
        "title": entries(is_line),
        "rights": entries(one_of("issue", "report", "audit")),
        "threshold": entries(integer(1, 16)),
        "classical": entries(is_boolean),
        "signing": entries(is_signing_key, compromised=maybe(is_date)),
        "sealing": entries(is_sealing_key),
    }
)
ROSTER = shape(
    {
        "format": one_of("dispatch-roster/v1"),
        "realm": matches(HANDLE),
        "version": integer(1, 999_999_999),
        "date": is_date,
        "expires": is_date,
        "versions": many(
            shape({"version": integer(1), "date": is_date, "expires": is_date, "digest": is_digest})
        ),
        "root": ROOT,
        "offices": many(OFFICE),
        "groups": many(shape({"name": matches(HANDLE), "members": entries(matches(HANDLE))})),
    }
)
OFFICE_LISTS = ("title", "rights", "threshold", "classical", "signing", "sealing")


def in_force(entry: Json, version: int) -> bool:
    return bool(entry["since"] <= version and (entry["until"] is None or version < entry["until"]))


def values(listed: list[Json], version: int) -> list[Any]:
    return [each["value"] for each in listed if in_force(each, version)]


def check_span(entry: Json, version: int) -> None:
    since, until = entry["since"], entry["until"]
    need(since <= version and (until is None or since < until <= version), MALFORMED, "wrong since or until")


def check_entries(listed: list[Json], version: int, *, exactly_one: Iterable[int] = ()) -> None:
    for each in listed:
        check_span(each, version)
    need(all(a["since"] <= b["since"] for a, b in pairwise(listed)), MALFORMED, "entries out of order")
    for at in range(1, version + 1):
        need(differ(values(listed, at)), MALFORMED, "a value twice at one version")
    for at in exactly_one:
        need(len(values(listed, at)) == 1, MALFORMED, "not exactly one value at a version")


def check_versions(roster: Json) -> None:
    table = [*roster["versions"], roster]
    need(
        [each["version"] for each in table] == list(range(1, len(table) + 1)),
        MALFORMED,
        "wrong table of versions",
    )
    need(all(each["date"] < each["expires"] for each in table), MALFORMED, "expires before its date")
    need(all(a["date"] <= b["date"] for a, b in pairwise(table)), MALFORMED, "dates decrease")


def check_root(roster: Json) -> None:
    root, version = roster["root"], roster["version"]
    check_entries(root["threshold"], version, exactly_one=range(1, version + 1))
    check_entries(root["keys"], version)
    for at in range(1, version + 1):
        enough = values(root["threshold"], at)[0] <= len(values(root["keys"], at))
        need(enough, MALFORMED, "a root threshold above its keys")


def check_office(office: Json, version: int) -> None:
    check_span(office, version)
    lifetime = [at for at in range(1, version + 1) if in_force(office, at)]
    for name in OFFICE_LISTS:
        sole = lifetime if name in {"title", "threshold", "classical"} else ()
        check_entries(office[name], version, exactly_one=sole)
        need(
            all(in_force(office, each["since"]) for each in office[name]),
            MALFORMED,
            f"{name} outside the office",
        )
    for at in lifetime:
        classical = values(office["classical"], at)[0]
        kinds = {*map(kind_of, values(office["signing"], at) + values(office["sealing"], at))}
        need(kinds <= {SIGNING[classical], SEALING[classical]}, MALFORMED, "a key of the wrong type")


def check_group(group: Json, roster: Json) -> None:
    version = roster["version"]
    check_entries(group["members"], version)
    for at in range(1, version + 1):
        need({*values(group["members"], at)} <= {*offices_at(roster, at)}, MALFORMED, "a member is no office")


def offices_at(roster: Json, version: int) -> dict[str, Json]:
    return {each["handle"]: each for each in roster["offices"] if in_force(each, version)}


def check_roster(roster: Json) -> None:
    check_versions(roster)
    check_root(roster)
    for names in (
        [each["handle"] for each in roster["offices"]],
        [each["name"] for each in roster["groups"]],
    ):
        need(names == sorted({*names}), MALFORMED, "offices or groups out of order")
    for office in roster["offices"]:
        check_office(office, roster["version"])
    for group in roster["groups"]:
        check_group(group, roster)
    signing = [roster["root"]["keys"], *(each["signing"] for each in roster["offices"])]
    sealing = [each["sealing"] for each in roster["offices"]]
    for lists in (signing, sealing):
        need(differ([each["value"] for listed in lists for each in listed]), MALFORMED, "a key stands twice")


def root_fingerprint(roster: Json, version: int) -> str:
    root = roster["root"]
    keys = sorted(key.partition(" ")[2] for key in values(root["keys"], version))
    lines = ["dispatch-root/v1", roster["realm"], str(values(root["threshold"], version)[0]), *keys]
    return "SHA256:" + base64_of(sha256("".join(f"{each}\n" for each in lines).encode())).rstrip("=")


def check_step(old: Json, new: Json) -> None:
    """Accept a roster after an older one that is trusted."""
    trusted, version = old["version"], new["version"]
    digest = base64_of(sha256(json_of(old)))
    row = {"version": trusted, "date": old["date"], "expires": old["expires"], "digest": digest}
    need(new["realm"] == old["realm"], NOT_TRUSTED, "another realm")
    extends = version > trusted and new["versions"][:trusted] == [*old["versions"], row]
    need(extends, NOT_TRUSTED, "does not extend the trusted table")
    for name in ("threshold", "keys"):
        check_grown(old["root"][name], new["root"][name], trusted)
    offices = {each["handle"]: each for each in new["offices"]}
    for was in old["offices"]:
        now = offices.pop(was["handle"], None)
        need(now is not None and may_become(was, now, trusted), NOT_TRUSTED, "an office is gone or another")
        for name in OFFICE_LISTS:
            check_grown((was or {})[name], (now or {})[name], trusted, dropping=name == "sealing")
    need(all(each["since"] > trusted for each in offices.values()), NOT_TRUSTED, "an office before its time")
    groups = {each["name"]: each for each in new["groups"]}
    for was in old["groups"]:
        need(was["name"] in groups, NOT_TRUSTED, "a group is gone")
        check_grown(was["members"], groups.pop(was["name"])["members"], trusted)
    for group in groups.values():
        check_grown([], group["members"], trusted)


def check_grown(old: list[Json], new: list[Json], trusted: int, *, dropping: bool = False) -> None:
    """Check that entries grew as section 5 allows: later ones stand after the old ones."""
    same = [each for each in new if each["since"] <= trusted]
    if dropping:
        old = [each for each in old if each["value"] in {now["value"] for now in same}]
    need(len(old) == len(same), NOT_TRUSTED, "an entry is gone or before its time")
    need(all(may_become(a, b, trusted) for a, b in zip(old, same, strict=True)), NOT_TRUSTED, "another entry")


def may_become(was: Json, now: Json, trusted: int) -> bool:
    """Whether an entry is the same one, but for an end above the trusted version and a mark of compromise."""
    ended = was["until"] is None and now["until"] is not None and now["until"] > trusted
    marked = was.get("compromised") is None
    return all(
        now[name] == value or (name == "until" and ended) or (name == "compromised" and marked)
        for name, value in was.items()
        if name not in OFFICE_LISTS
    )


def read_rosters(data: bytes) -> list[tuple[Json, Signed]]:
    """Read a roster file, its signatures not looked at."""
    need(len(data) <= LIMITS["roster"], MALFORMED, "the roster file is too large")
    parts = re.split(rb"(?<=\n)\n(?=\{)", data)
    need(len(parts) <= 64, MALFORMED, "more than 64 rosters")
    found = []
    for part in parts:
        signed, _ = read_signed(part)
        found.append((read_json(signed.text, ROSTER), signed))
        check_roster(found[-1][0])
    versions = [roster["version"] for roster, _ in found]
    need(versions == sorted({*versions}), MALFORMED, "versions do not ascend")
    need(len({roster["realm"] for roster, _ in found}) == 1, MALFORMED, "several realms")
    return found


def trust(data: bytes, pin: str) -> Json:
    """Accept a first roster, by the fingerprint of its root."""
    found = read_rosters(data)
    need(pin in [root_fingerprint(each, each["version"]) for each, _ in found], NOT_TRUSTED, "another root")
    trusted: Json | None = None
    for roster, signed in found:
        roots = [each for each in (roster, trusted) if each]
        if trusted:
            check_step(trusted, roster)
        signers = {*signed.verify("dispatch-roster")}
        listed = {key["value"] for each in roots for key in each["root"]["keys"]}
        need(signers <= listed, NOT_GENUINE, "signed by a key that is no root key")
        for each in roots:
            counting = signers & {*values(each["root"]["keys"], each["version"])}
            threshold = values(each["root"]["threshold"], each["version"])[0]
            need(len(counting) >= threshold, NOT_GENUINE, "too few root keys signed")
        trusted = roster
    return trusted or {}
