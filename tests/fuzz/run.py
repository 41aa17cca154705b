"""Run the targets of tests/fuzz under atheris, each in a process of its own; see scripts/fuzz."""

from __future__ import annotations

import argparse
import os
import random
import re
import resource
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "fuzz"
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
FAILURES = BUILD / "failures"
TOKENS = ROOT / "tests" / "fuzz" / "tokens.dict"

INPUT_SECONDS = 10
"""How long one input may take: they are small."""
MEMORY = 1024
"""MiB that one target may take in all; the code itself is 150 of them."""
ROUND = 60
"""Seconds of a round under --inputs."""
LEAST = 2
"""Seconds for one target: less would be spent on starting."""

_WORKER = "worker"  # the first argument of the processes that this starts
_EXECUTED = re.compile(rb"stat::number_of_executed_units:\s*([0-9]+)")


def main() -> int:
    """Do what the arguments say."""
    if sys.argv[1:2] == [_WORKER]:
        return _work(sys.argv[2], sys.argv[3:])
    arguments = _parse()
    if arguments.replay:
        return _replay(*arguments.replay)
    names = arguments.target or _target_names()
    unknown = set(names) - set(_target_names())
    if arguments.list or unknown:
        print("\n".join(sorted(unknown) if unknown else names))
        return 2 if unknown else 0
    seed = random.SystemRandom().randrange(1, 2**31) if arguments.seed is None else arguments.seed
    return _fuzz(names, arguments.seconds, arguments.inputs, seed)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/fuzz", description="Fuzz every parser, guided by coverage."
    )
    parser.add_argument("seconds", nargs="?", type=int, default=60, help="for all targets together")
    parser.add_argument("--inputs", type=int, metavar="N", help="go on until N have been tried")
    parser.add_argument("--seed", type=int, metavar="N", help="of the choices; by default another each time")
    parser.add_argument("--target", action="append", metavar="NAME", help="only this one")
    parser.add_argument("--list", action="store_true", help="name the targets")
    parser.add_argument("--replay", nargs=2, metavar=("TARGET", "FILE"), help="try one input again")
    return parser.parse_args()


def _target_names() -> list[str]:
    return sorted(path.name for path in CORPUS.iterdir())


def _fuzz(names: list[str], seconds: int, inputs: int | None, seed: int) -> int:
    """Run rounds of all targets, on all cores; print at the end how many inputs there were, as Markdown."""
    started = monotonic()
    counts = dict.fromkeys(names, 0)
    failed: list[str] = []
    cores = len(os.sched_getaffinity(0))
    time = max(LEAST, (ROUND if inputs else seconds) * cores // len(names))
    print(f"seed {seed}", file=sys.stderr, flush=True)
    while True:
        with ThreadPoolExecutor(cores) as pool:
            for name, executed, is_good in pool.map(partial(_run_target, seconds=time, seed=seed), names):
                counts[name] += executed
                print(f"{name:<24}{executed:>10,}{counts[name]:>12,}", file=sys.stderr, flush=True)
                if not is_good:
                    failed.append(name)
        seed += 1
        if failed or inputs is None or sum(counts.values()) >= inputs:
            break
    print(f"all: {sum(counts.values()):,} in {monotonic() - started:.0f} s", file=sys.stderr)
    print("| target | inputs |\n| --- | ---: |")
    print("".join(f"| {name} | {count:,} |\n" for name, count in counts.items()), end="")
    print(f"| all | {sum(counts.values()):,} |")
    for name in failed:
        print(f"scripts/fuzz: {name} broke: see {FAILURES / name}", file=sys.stderr)
    return 1 if failed else 0


def _run_target(name: str, *, seconds: int, seed: int) -> tuple[str, int, bool]:
    """Fuzz one target: its name, how many inputs, and whether all went well."""
    learnt, failures = BUILD / "corpus" / name, FAILURES / name
    for folder in (learnt, failures):
        folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, __file__, _WORKER, name]
    command += [str(learnt), str(CORPUS / name), f"-dict={TOKENS}", f"-max_total_time={seconds}"]
    command += [
        f"-timeout={INPUT_SECONDS}",
        f"-rss_limit_mb={MEMORY}",
        "-max_len=16384",
        f"-seed={seed}",
    ]
    command += [f"-artifact_prefix={failures}{os.sep}", "-use_value_profile=1", "-print_final_stats=1"]
    log = failures / "log"
    with log.open("wb") as file:
        # a target that hangs where no signal reaches it must not hang us
        limit = seconds + 60
        try:
            code = subprocess.run(command, stdout=file, stderr=file, check=False, timeout=limit).returncode
        except subprocess.TimeoutExpired:
            file.write(b"\nit did not end by itself\n")
            code = -1
    output = log.read_bytes()
    found = _EXECUTED.search(output)
    executed = int(found[1]) if found else 0
    if code == 0 and found:
        shutil.rmtree(failures)
    else:
        sys.stderr.buffer.write(b"".join(output.splitlines(keepends=True)[-40:]))
    return name, executed, code == 0 and bool(found)


def _work(name: str, arguments: list[str]) -> int:
    """Be the process that fuzzes one target; libFuzzer ends it."""
    import atheris

    # What asks for more than this shows as MemoryError, before the machine suffers.
    resource.setrlimit(resource.RLIMIT_AS, (4 * MEMORY << 20, 4 * MEMORY << 20))
    with atheris.instrument_imports(include=["keys", "dispatch"]):
        from tests.fuzz.targets import run

    def one_input(data: bytes) -> None:
        run(name, data)

    atheris.Setup([name, *arguments], one_input)
    atheris.Fuzz()
    return 0


def _replay(name: str, file: str) -> int:
    from tests.fuzz.targets import run

    run(name, Path(file).read_bytes())
    print(f"{file}: nothing is wrong")
    return 0


if __name__ == "__main__":
    sys.exit(main())
