# SPDX-License-Identifier: MIT OR Apache-2.0
"""What Google Benchmark has measured: its JSON files, read and summed up by workload and contender."""

import dataclasses
import json
import math
import pathlib
import re
import statistics
from typing import Any, Iterable

# Who may stand behind the slash of `workload/contender`, with the name that is shown. perf/support/compare.hpp has the rule.
LIMITS = {"limit": "limit", "thread_limit": "limit, thread_local"}
OURS = {
    "framealloc_scope": "framealloc, scope",
    "framealloc_local": "framealloc, local()",
    "framealloc_single": "framealloc, one thread",
    "framealloc": "framealloc",
    "framealloc_fine": "framealloc, fine classes",
    "framealloc_by_address": "framealloc, by address",
    "framealloc_checked": "framealloc, checked",
}
PEERS = {
    "mimalloc": "mimalloc", "jemalloc": "jemalloc", "tcmalloc": "tcmalloc", "tbb": "TBB", "glibc": "glibc",
    "pmr": "std::pmr", "boost_pool": "boost::pool", "foonathan": "foonathan/memory",
}
CONTENDERS = {**LIMITS, **OURS, **PEERS}

TIME = "time"  # the metric that is no counter: nanoseconds per item
NANOSECONDS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}
# What Google Benchmark appends to a name.
APPENDED = re.compile(r"/(?:real_time|process_time|manual_time|(?:iterations|repeats|threads|min_time|min_warmup_time):[^/]+)(?=/|$)")
# Numbers of an entry that are no counters.
NO_COUNTERS = {
    "family_index", "per_family_instance_index", "repetitions", "repetition_index", "threads", "iterations", "real_time",
    "cpu_time", "items_per_second", "bytes_per_second", "error_occurred",
}


class BadInput(Exception):
    """What was wrong, the value, what was expected and what to do."""


@dataclasses.dataclass(frozen=True)
class Summary:
    """One figure over the repetitions."""

    median: float
    lower: float  # the quartiles
    upper: float
    least: float
    most: float
    repetitions: int


@dataclasses.dataclass(frozen=True)
class Figures:
    """What one contender of one workload came to. Where `error` is set, there are no figures."""

    by_metric: dict[str, Summary]
    error: str = ""


@dataclasses.dataclass
class Measured:
    workloads: dict[str, dict[str, Figures]]  # by workload, then by contender
    others: dict[str, Figures]  # benchmarks that compare nobody, by name
    context: dict[str, Any]  # of the file that was measured first

    def figures(self, workload: str, contender: str) -> Figures | None:
        return self.workloads.get(workload, {}).get(contender)

    def summary(self, workload: str, contender: str, metric: str) -> Summary | None:
        found = self.figures(workload, contender)
        return found.by_metric.get(metric) if found else None

    def repetitions(self) -> int:
        """The least that any figure stands on."""
        of_all = (s.repetitions for all_of in self.workloads.values() for f in all_of.values() for s in f.by_metric.values())
        return min(of_all, default=0)


def plain_name(name: str) -> str:
    return APPENDED.sub("", name)


def split_name(name: str) -> tuple[str, str] | None:
    """Workload and contender; none where a name does not compare."""
    workload, slash, contender = plain_name(name).partition("/")
    return (workload, contender) if slash and workload and contender in CONTENDERS else None


def summarise(values: list[float]) -> Summary:
    lower, median, upper = values * 3 if len(values) == 1 else statistics.quantiles(values, n=4, method="inclusive")
    return Summary(median, lower, upper, min(values), max(values), len(values))


def figures_of_run(run: dict[str, Any]) -> dict[str, float]:
    """The time per item, where there are items, and the counters of one repetition."""
    rate = run.get("items_per_second", 0)
    if rate > 0:  # and possibly infinite, where the clock saw nothing
        time = 1e9 / rate
    else:
        time = run["real_time"] * NANOSECONDS[run["time_unit"]]
    counters = {key: float(value) for key, value in run.items()
                if key not in NO_COUNTERS and isinstance(value, (int, float)) and not isinstance(value, bool)
                and math.isfinite(value)}
    return {TIME: time, **counters}


def figures_of_runs(runs: list[dict[str, Any]]) -> Figures:
    for run in runs:
        if run.get("error_occurred"):
            return Figures({}, run.get("error_message") or "the benchmark failed and did not say why")
    values: dict[str, list[float]] = {}
    for run in runs:
        for metric, value in figures_of_run(run).items():
            values.setdefault(metric, []).append(value)
    return Figures({metric: summarise(of_metric) for metric, of_metric in values.items()})


def read_file(path: pathlib.Path) -> dict[str, Any]:
    expected = "expected the JSON that a benchmark program writes with --benchmark_out_format=json; run tools/bench.sh again"
    try:
        content = json.loads(path.read_text())
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}; {expected}") from error
    except ValueError as error:
        raise BadInput(f"{path} is no JSON: {error}; {expected}") from error
    if not isinstance(content, dict) or not isinstance(content.get("benchmarks"), list):
        raise BadInput(f"{path} has no list `benchmarks`; {expected}")
    return content


def read(paths: Iterable[pathlib.Path]) -> Measured:
    """Every file's repetitions; the aggregates that the program has made itself are passed over."""
    contents = [read_file(path) for path in paths]
    runs: dict[str, list[dict[str, Any]]] = {}
    for path, content in zip(paths, contents):
        for run in content["benchmarks"]:
            if run.get("run_type", "iteration") != "iteration":
                continue
            if not run.get("error_occurred") and run.get("time_unit") not in NANOSECONDS:
                raise BadInput(f"{path}: {run.get('name')} has the time unit {run.get('time_unit')!r}; expected one of "
                               f"{', '.join(NANOSECONDS)}; run tools/bench.sh again")
            runs.setdefault(plain_name(run.get("run_name", run["name"])), []).append(run)
    measured = Measured({}, {}, min((c.get("context", {}) for c in contents), key=lambda c: c.get("date", ""), default={}))
    for name, of_name in runs.items():
        compared = split_name(name)
        if compared:
            measured.workloads.setdefault(compared[0], {})[compared[1]] = figures_of_runs(of_name)
        else:
            measured.others[name] = figures_of_runs(of_name)
    return measured
