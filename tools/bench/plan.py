#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Divides the time of a run among the workloads. Reads the benchmarks' names from its input, a line each, and prints a line
per process: its name, how many benchmarks it runs, the filter that chooses them, repetitions and the least time of one.

    framealloc_perf --benchmark_list_tests=true | tools/bench/plan.py --seconds 480 --repetitions 9 [WORKLOAD...]

Everybody in a workload is measured in one process. What compares nobody is the last line, `others`.
"""

import argparse
import dataclasses
import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from bench.measured import split_name  # noqa: E402
from bench.panels import workloads  # noqa: E402

OTHERS = "others"
# Google Benchmark 1.7 takes as many iterations as fill 1.4 times the least time, after it has looked for them once.
ITERATIONS_FOR = 1.4
SEARCH = 1.0
# Below, the clock and the host's interruptions are what is measured; above, a longer repetition tells nothing more.
SHORTEST, LONGEST = 0.002, 0.5


@dataclasses.dataclass(frozen=True)
class Process:
    name: str
    benchmarks: list[str]

    def filter(self) -> str:
        if self.name != OTHERS:
            return f"^{self.name}/"
        return "^(" + "|".join(re.sub(r"([.^$*+?()\[\]{}|\\])", r"\\\1", b) for b in self.benchmarks) + ")$"

    def weight(self) -> float:
        """What is drawn is measured longer."""
        return 1.0 if self.name in workloads() else 0.5

    def least_time(self, seconds: float, repetitions: int) -> float:
        each = seconds / (len(self.benchmarks) * (ITERATIONS_FOR * repetitions + SEARCH))
        return min(max(each, SHORTEST), LONGEST)


def processes_of(names: list[str]) -> list[Process]:
    """In the order of the report."""
    compared: dict[str, list[str]] = {}
    others: list[str] = []
    for name in names:
        split = split_name(name)
        (compared.setdefault(split[0], []) if split else others).append(name)
    known = [w for w in workloads() if w in compared]
    order = known + [w for w in compared if w not in known and len(compared[w]) > 1]
    others += [name for w in compared if w not in order for name in compared[w]]
    return [Process(w, compared[w]) for w in order] + ([Process(OTHERS, others)] if others else [])


def meant_by(name: str, there: list[str]) -> list[str]:
    """The workload of that name, otherwise all that begin by these words."""
    return [name] if name in there else [w for w in there if w.startswith(name + "_")]


def chosen(processes: list[Process], wanted: list[str]) -> list[Process]:
    there = [p.name for p in processes]
    for name in wanted:
        if not meant_by(name, there):
            sys.exit(f"tools/bench.sh: there is no workload '{name}'; expected some of: {' '.join(there)}")
    meant = {w for name in wanted for w in meant_by(name, there)}
    return [p for p in processes if not wanted or p.name in meant]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, required=True, help="for all that is chosen")
    parser.add_argument("--repetitions", type=int, required=True)
    parser.add_argument("only", nargs="*", metavar="WORKLOAD")
    options = parser.parse_args()
    run = chosen(processes_of(sys.stdin.read().split()), options.only)
    whole = sum(p.weight() for p in run)
    for p in run:
        least = p.least_time(options.seconds * p.weight() / whole, options.repetitions)
        print(p.name, len(p.benchmarks), p.filter(), options.repetitions, f"{least:.4f}", sep="\t")


if __name__ == "__main__":
    main()
