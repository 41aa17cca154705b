"""The Merkle tree against RFC 6962's own definition, and what a wrong verifier would accept."""

from __future__ import annotations

import json
from base64 import b64decode
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from dispatch.errors import ProofError
from dispatch.formats.merkle import (
    EMPTY_ROOT,
    CompactRange,
    Tree,
    leaf_hash,
    node_hash,
    proof_length,
    root,
    verify_inclusion,
)

SIZES = range(1, 257)
DATA = tuple(f"leaf {n}\n".encode() for n in range(256))
LEAVES = tuple(sha256(b"\x00" + data).digest() for data in DATA)


def rfc_split(size: int) -> int:
    """Give the largest power of two below `size`."""
    k = 1
    while 2 * k < size:
        k *= 2
    return k


@cache
def rfc_root(start: int, end: int) -> bytes:
    """MTH(DATA[start:end]) of RFC 6962, section 2.1, word for word."""
    if start == end:
        return sha256(b"").digest()
    if end - start == 1:
        return sha256(b"\x00" + DATA[start]).digest()
    k = rfc_split(end - start)
    return sha256(b"\x01" + rfc_root(start, start + k) + rfc_root(start + k, end)).digest()


def rfc_path(m: int, start: int, end: int) -> list[bytes]:
    """PATH(m, DATA[start:end]) of RFC 6962, section 2.1.1, word for word."""
    if end - start == 1:
        return []
    k = rfc_split(end - start)
    if m < k:
        return [*rfc_path(m, start, start + k), rfc_root(start + k, end)]
    return [*rfc_path(m - k, start + k, end), rfc_root(start, start + k)]


def rejected(leaf: bytes, index: int, size: int, proof: tuple[bytes, ...], expected: bytes) -> bool:
    try:
        verify_inclusion(leaf, index, size, proof, expected)
    except ProofError:
        return True
    return False


@pytest.mark.parametrize("size", SIZES)
def test_root_and_every_proof_are_the_rfcs(size: int) -> None:
    tree = Tree(LEAVES[:size])
    expected = rfc_root(0, size)
    assert tree.root == root(iter(LEAVES[:size])) == expected
    for index in range(size):
        proof = tree.proof(index)
        assert list(proof) == rfc_path(index, 0, size)
        assert len(proof) == proof_length(index, size)
        verify_inclusion(LEAVES[index], index, size, proof, expected)


@pytest.mark.parametrize("size", SIZES)
def test_no_other_index_leaf_length_or_tree(size: int) -> None:
    tree = Tree(LEAVES[:size])
    others = (root(LEAVES[: size - 1]), root([*LEAVES[:size], LEAVES[0]]), b"")
    for index in range(size):
        leaf, proof = LEAVES[index], tree.proof(index)
        for other in {0, index - 1, index + 1, index ^ 1, size - 1, size, -1, index - size, index + size} - {
            index
        }:
            assert rejected(leaf, other, size, proof, tree.root)
        assert rejected(LEAVES[index - 1 if size > 1 else 7], index, size, proof, tree.root)
        assert rejected(leaf, index, size, (*proof, tree.root), tree.root)
        assert rejected(leaf, index, size, (leaf, *proof), tree.root)
        assert not proof or rejected(leaf, index, size, proof[:-1], tree.root)
        assert not proof or rejected(leaf, index, size, proof[1:], tree.root)
        assert all(rejected(leaf, index, size, proof, other) for other in others)


@pytest.mark.parametrize("size", [2, 3, 5, 8, 13, 64, 100])
def test_every_hash_of_a_proof_counts(size: int) -> None:
    tree = Tree(LEAVES[:size])
    for index in range(size):
        proof = tree.proof(index)
        for place, part in enumerate(proof):
            wrong = part[:-1] + bytes([part[-1] ^ 1])
            assert rejected(
                LEAVES[index], index, size, (*proof[:place], wrong, *proof[place + 1 :]), tree.root
            )
        assert len(set(proof)) < 2 or rejected(LEAVES[index], index, size, proof[::-1], tree.root)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 8, 11, 100])
def test_a_proof_is_for_one_size(size: int) -> None:
    """A verifier that ignores the size would take the same proof for trees of other shapes."""
    tree = Tree(LEAVES[:size])
    for index in range(size):
        for other in range(2 * size + 2):
            if other <= index or proof_length(index, other) != proof_length(index, size):
                assert rejected(LEAVES[index], index, other, tree.proof(index), tree.root)


@pytest.mark.parametrize("size", [n for n in range(1, 65) if n & (n - 1)])
def test_a_duplicated_last_leaf_is_another_tree(size: int) -> None:
    """CVE-2012-2459: in trees that pair an odd last node with itself, both have one root."""
    longer = Tree([*LEAVES[:size], LEAVES[size - 1]])
    tree = Tree(LEAVES[:size])
    assert longer.root != tree.root
    for proof in (longer.proof(size), longer.proof(size - 1)):
        assert rejected(LEAVES[size - 1], size, size + 1, proof, tree.root)
        assert rejected(LEAVES[size - 1], size, size, proof, tree.root)
        assert rejected(LEAVES[size - 1], size - 1, size, proof, tree.root) or proof == tree.proof(size - 1)


@pytest.mark.parametrize("size", [2, 3, 7, 8])
def test_a_node_is_no_leaf(size: int) -> None:
    """Second preimage: a tree over inner nodes must not have the root of the tree over leaves."""
    tree = Tree(LEAVES[:size])
    pairs = [LEAVES[n] + LEAVES[n + 1] if n + 1 < size else LEAVES[n] for n in range(0, size, 2)]
    assert Tree(leaf_hash(pair) for pair in pairs).root != tree.root
    assert leaf_hash(LEAVES[0] + LEAVES[1]) != node_hash(LEAVES[0], LEAVES[1])


def test_known_answers() -> None:
    """The roots that the test of Certificate Transparency's own implementation expects."""
    inputs = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
    leaves = [leaf_hash(bytes.fromhex(text)) for text in inputs]
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert root([]) == EMPTY_ROOT
    assert root(leaves[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert root(leaves[:2]).hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    assert root(leaves[:3]).hex() == "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"
    assert root(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_an_empty_tree_holds_nothing() -> None:
    assert rejected(EMPTY_ROOT, 0, 0, (), EMPTY_ROOT)
    assert proof_length(0, 1) == 0


def test_a_tree_that_grows_has_the_root_of_each_size() -> None:
    leaves = [leaf_hash(bytes([n % 256])) for n in range(257)]
    growing = CompactRange()
    assert growing.root == EMPTY_ROOT
    for size, leaf in enumerate(leaves, 1):
        trial = growing.copy()
        growing.append(leaf)
        assert (growing.size, growing.root) == (size, root(leaves[:size]))
        trial.append(leaves[0])
        assert trial.root == root([*leaves[: size - 1], leaves[0]])


INCLUSION = json.loads(
    (Path(__file__).parents[1] / "vectors" / "more" / "rfc6962-inclusion.json").read_bytes()
)


@pytest.mark.parametrize(
    "vector", [pytest.param(one, id=f"{at}-{one['desc']}") for at, one in enumerate(INCLUSION["tests"])]
)
def test_vectors_of_transparency_dev(vector: dict[str, Any]) -> None:
    leaf, expected = (b64decode(vector[name]) for name in ("leafHash", "root"))
    proof = tuple(b64decode(one) for one in vector["proof"] or ())
    assert rejected(leaf, vector["leafIdx"], vector["treeSize"], proof, expected) == vector["wantErr"]


def test_all_vectors_of_transparency_dev_are_there() -> None:
    assert [one["wantErr"] for one in INCLUSION["tests"]].count(False) == 6
    assert len(INCLUSION["tests"]) == 97
