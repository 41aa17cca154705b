"""The corpus of the fuzzing, without fuzzing: every input through its target, and a few wrong ones."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from dispatch.errors import EnvelopeError
from dispatch.formats.envelope import parse_envelope
from tests.fuzz import samples
from tests.fuzz.make_corpus import CORPUS, differences
from tests.fuzz.targets import TARGETS, run

FILES = sorted(CORPUS.glob("*/*"))


def test_the_corpus_is_what_the_script_makes() -> None:
    assert differences() == []


def test_every_target_has_a_corpus() -> None:
    assert {path.parent.name for path in FILES} == set(TARGETS)


def test_the_document_names_every_target_in_a_recorded_run_or_as_left_out() -> None:
    text = (Path(__file__).parents[2] / "docs" / "ROBUSTNESS.md").read_text("utf-8")
    assert f"the {len(TARGETS)} targets of" in text
    assert [name for name in TARGETS if f"| {name} |" not in text and f"`{name}`" not in text] == []


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_and_what_is_near_it(name: str) -> None:
    random = Random(name)
    for path in sorted((CORPUS / name).iterdir()):
        data = path.read_bytes()
        run(name, data)
        for _ in range(20):
            run(name, _changed(data, random))


def test_a_proof_is_of_digests() -> None:
    """A proof of 35 bytes has the right base64, and leads nowhere."""
    long = (CORPUS / "copy" / "found-long-proof").read_bytes()
    head, _, rest = samples.ENVELOPES["penza"].partition(b"\n\ncopy: ")
    with pytest.raises(EnvelopeError, match="32 bytes"):
        parse_envelope(head + b"\n\n" + long + rest[rest.index(b"\n\n") + 1 :])


def _changed(data: bytes, random: Random) -> bytes:
    start, end = sorted(random.randint(0, len(data)) for _ in range(2))
    put = random.choice((b"", random.randbytes(1), data[start:end] * 2, b"\n", b'"', b"0", b"\xff"))
    end = random.choice((start, start + 1, end))
    return data[:start] + put + data[end:]
