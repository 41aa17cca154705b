"""Run the targets of tests/fuzz under atheris, each in a process of its own; see scripts/fuzz."""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "fuzz"
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
FAILURES = BUILD / "failures"
COUNTS = BUILD / "counts.json"
TOKENS = ROOT / "tests" / "fuzz" / "tokens.dict"

INPUT_SECONDS = 10
"""How long one input may take: they are small."""
MEMORY = 1024
"""MiB that one target may take in all; the code itself is 150 of them."""
ROUND = 60
"""Seconds of a round under --inputs."""
LEAST = 2
"""Seconds for one target: less would be spent on starting."""
EXAMPLES = 200
"""Of each state machine, where a test run takes a few."""

_WORKER = "worker"  # the first argument of the processes that this starts
_EXECUTED = re.compile(rb"stat::number_of_executed_units:\s*([0-9]+)")


def main() -> int:
    """Do what the arguments say."""
    if sys.argv[1:2] == [_WORKER]:
        return _work(sys.argv[2], sys.argv[3:])
    arguments = _parse()
    if arguments.replay:
        return _replay(*arguments.replay)
    if arguments.machines:
        return _run_machines(arguments.rest)
    names = arguments.target or _target_names()
    unknown = set(names) - set(_target_names())
    if arguments.list or unknown:
        print("\n".join(sorted(unknown) if unknown else names))
        return 2 if unknown else 0
    return _fuzz(names, arguments.seconds, arguments.inputs)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/fuzz", description="Fuzz every parser, guided by coverage."
    )
    parser.add_argument("seconds", nargs="?", type=int, default=60, help="for all targets together")
    parser.add_argument("--inputs", type=int, metavar="N", help="go on until N have been tried in all")
    parser.add_argument("--target", action="append", metavar="NAME", help="only this one")
    parser.add_argument("--list", action="store_true", help="name the targets")
    parser.add_argument("--replay", nargs=2, metavar=("TARGET", "FILE"), help="try one input again")
    parser.add_argument("--machines", action="store_true", help="run the state machines instead")
    arguments, rest = parser.parse_known_args()
    if rest and not arguments.machines:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    arguments.rest = rest
    return arguments


def _target_names() -> list[str]:
    return sorted(path.name for path in CORPUS.iterdir())


def _fuzz(names: list[str], seconds: int, inputs: int | None) -> int:
    """Run rounds of all targets; say after each how many inputs there were."""
    counts: dict[str, int] = json.loads(COUNTS.read_text()) if COUNTS.exists() else {}
    started = monotonic()
    before = sum(counts.values())
    failed: list[str] = []
    print(f"{'target':<24}{'inputs':>10}{'a second':>10}{'in all':>12}", flush=True)
    while True:
        time = max(LEAST, (ROUND if inputs else seconds) // len(names))
        for name in names:
            executed, rate, is_good = _run_target(name, time)
            counts[name] = counts.get(name, 0) + executed
            BUILD.mkdir(parents=True, exist_ok=True)
            COUNTS.write_text(json.dumps(counts, indent=1, sort_keys=True) + "\n")
            print(f"{name:<24}{executed:>10,}{rate:>10,}{counts[name]:>12,}", flush=True)
            if not is_good:
                failed.append(name)
        if failed or inputs is None or sum(counts.values()) >= inputs:
            break
    total = sum(counts.values())
    print(f"{'all':<24}{total - before:>10,}{'':>10}{total:>12,}   in {monotonic() - started:.0f} s")
    for name in failed:
        print(f"scripts/fuzz: {name} broke: see {FAILURES / name}", file=sys.stderr)
    return 1 if failed else 0


def _run_target(name: str, seconds: int) -> tuple[int, int, bool]:
    """Fuzz one target: how many inputs, how many a second, and whether all went well."""
    learnt, failures = BUILD / "corpus" / name, FAILURES / name
    for folder in (learnt, failures):
        folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, __file__, _WORKER, name]
    command += [str(learnt), str(CORPUS / name), f"-dict={TOKENS}", f"-max_total_time={seconds}"]
    command += [
        f"-timeout={INPUT_SECONDS}",
        f"-rss_limit_mb={MEMORY}",
        "-max_len=16384",
        "-print_final_stats=1",
    ]
    command += [f"-artifact_prefix={failures}{os.sep}", "-use_value_profile=1", "-print_final_stats=1"]
    started = monotonic()
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
    return executed, round(executed / max(monotonic() - started, 0.1)), code == 0 and bool(found)


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


def _run_machines(arguments: list[str]) -> int:
    environment = {
        **os.environ,
        "DISPATCH_FUZZ_EXAMPLES": os.environ.get("DISPATCH_FUZZ_EXAMPLES", str(EXAMPLES)),
    }
    tests = ["tests/fuzz/test_register_machine.py", "tests/fuzz/test_trust_machine.py"]
    command = [sys.executable, "-m", "pytest", *tests, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
