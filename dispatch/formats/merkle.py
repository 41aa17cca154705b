"""The Merkle tree of RFC 6962, section 2.1: root, inclusion proofs. Bytes in, bytes out.

The tree is held as levels: level 0 are the leaf hashes, each next one the hashes
of pairs, an odd last node moving up unchanged. That gives the same root as the
RFC's recursive definition and makes every proof a walk over siblings.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from dispatch.errors import ProofError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

HASH_SIZE = 32
EMPTY_ROOT = sha256().digest()


def leaf_hash(data: bytes) -> bytes:
    """Hash leaf data, in the domain of leaves."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two nodes into their parent, in the domain of nodes."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree over leaf hashes, built once: `root`, and a proof for any leaf."""

    __slots__ = ("_levels",)

    def __init__(self, leaf_hashes: Iterable[bytes]) -> None:
        level = list(leaf_hashes)
        self._levels = [level]
        while len(level) > 1:
            parents = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
            if len(level) % 2:
                parents.append(level[-1])
            self._levels.append(parents)
            level = parents

    @property
    def root(self) -> bytes:
        """The Merkle Tree Hash."""
        top = self._levels[-1]
        return top[0] if top else EMPTY_ROOT

    def proof(self, index: int) -> tuple[bytes, ...]:
        """Give the audit path of the leaf at `index`, leaf to root."""
        path = []
        for level in self._levels[:-1]:
            if index ^ 1 < len(level):
                path.append(level[index ^ 1])
            index >>= 1
        return tuple(path)


class CompactRange:
    """A tree that grows leaf by leaf, and keeps only what it needs to know the root at each size."""

    __slots__ = ("_edge", "size")

    def __init__(self) -> None:
        self.size = 0
        self._edge: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Add a leaf hash."""
        size = self.size
        while size & 1:
            leaf = node_hash(self._edge.pop(), leaf)
            size >>= 1
        self._edge.append(leaf)
        self.size += 1

    def copy(self) -> CompactRange:
        """Give another one with the same leaves, to which leaves can be added on trial."""
        other = CompactRange()
        other.size = self.size
        other._edge = self._edge.copy()
        return other

    @property
    def root(self) -> bytes:
        """The Merkle Tree Hash of what was added so far."""
        if not self._edge:
            return EMPTY_ROOT
        node = self._edge[-1]
        for left in reversed(self._edge[:-1]):
            node = node_hash(left, node)
        return node


def root(leaf_hashes: Iterable[bytes]) -> bytes:
    """Compute the Merkle Tree Hash over leaf hashes."""
    return Tree(leaf_hashes).root


def _siblings(index: int, size: int) -> Iterator[bool]:
    """Tell for each level, from the bottom, whether the node has a sibling there."""
    while size > 1:
        yield index ^ 1 < size
        index >>= 1
        size = size + 1 >> 1


def proof_length(index: int, size: int) -> int:
    """Count the hashes in the audit path of leaf `index` in a tree of `size` leaves."""
    return sum(_siblings(index, size))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> None:
    """Check that `leaf` (a leaf hash) stands at `index` in the tree with root `expected`.

    Raises ProofError: the index is outside, the proof has another length than
    this place in this tree needs, or it leads elsewhere.
    """
    if not 0 <= index < size:
        raise ProofError("the copy's index is outside its tree")
    if len(proof) != proof_length(index, size):
        raise ProofError("the proof has the wrong length for this place in the tree")
    node = leaf
    position = 0
    for has_sibling in _siblings(index, size):
        if has_sibling:
            other = proof[position]
            node = node_hash(other, node) if index & 1 else node_hash(node, other)
            position += 1
        index >>= 1
    if node != expected:
        raise ProofError("the proof does not lead to the signed root")
