# SPDX-License-Identifier: MIT OR Apache-2.0
"""What framealloc has set itself, and whether a run has met it."""

import dataclasses
from typing import Iterator

from bench.measured import PEERS, TIME, Measured, Summary

# A bound is a figure of its own, a ratio to somebody's figure, or how much more than somebody's it may be.
ABSOLUTE, RATIO, MORE = "absolute", "ratio", "more"
# The fastest of the peers that were measured. Who is no slower than it by more than the spread is not behind: the
# quartiles overlap.
ANY_PEER = "any peer"


@dataclasses.dataclass(frozen=True)
class Target:
    workload: str
    contender: str
    at_most: float
    kind: str = RATIO
    of: str = "limit"
    metric: str = TIME

    @property
    def name(self) -> str:
        return f"{self.workload}/{self.contender}" + ("" if self.metric == TIME else f"/{self.metric}")

    @property
    def bound(self) -> str:
        if self.kind == RATIO:
            return f"{self.at_most:g} of {self.of}" + (", or within the spread" if self.of == ANY_PEER else "")
        unit = {TIME: " ns"}.get(self.metric, " bytes" if self.metric.endswith("_bytes") else "")
        return f"{self.at_most:,.10g}{unit}" + (f" more than {self.of}" if self.kind == MORE else "")


@dataclasses.dataclass(frozen=True)
class Verdict:
    target: Target
    figure: float | None = None
    met: bool = False
    reason: str = ""  # why there is no figure

    def line(self) -> str:
        if self.figure is None:
            return f"target {self.target.name} unmeasured {self.reason}"
        text = f"{self.figure:.0f}" if abs(self.figure) >= 1000 else f"{self.figure:.4g}"
        return f"target {self.target.name} {'met' if self.met else 'missed'} {text}"


def each(workloads: tuple[str, ...], contender: str, at_most: float, of: str = "limit") -> Iterator[Target]:
    return (Target(workload, contender, at_most, of=of) for workload in workloads)


FRAMES = ("frame_equal_16", "frame_equal_64", "frame_sizes", "frame_sizes_and_alignments")
POOLS = ("pool_one_alive", "pool_100_alive", "pool_10000_alive")
FLAT_CONTAINERS = ("containers_vector", "containers_flat_map", "containers_flat_hash_map")

TARGETS = (
    # Frames of 1,000 requests, and their ends
    *each(FRAMES, "framealloc_scope", 1.15),
    *each(FRAMES, "framealloc", 1.6),
    Target("frame_batch_array", "framealloc", 3, MORE),
    # Pools
    *each(POOLS, "framealloc_local", 1.5),
    *each(POOLS, "framealloc", 2.2),
    Target("pool_random", "framealloc", 1.45),
    # Threads
    Target("producer_consumer_untouched", "framealloc", 0.25, of="mimalloc"),
    Target("producer_consumer", "framealloc", 0.42, of="mimalloc"),
    Target("memory_stream", "framealloc", 2e6, ABSOLUTE, metric="peak_resident_bytes"),
    *each(("larson_2", "larson_4"), "framealloc", 0.75, of="tcmalloc"),
    *each(("mstress_2", "mstress_4"), "framealloc", 0.95, of="tcmalloc"),
    Target("thread_storm", "framealloc", 64e3, ABSOLUTE, metric="resident_growth_bytes"),
    Target("attach_detach", "framealloc", 2000, ABSOLUTE),
    # Containers of 10,000 entries per frame
    Target("containers_unordered_map", "framealloc", 1.1),
    *each(FLAT_CONTAINERS, "framealloc", 1, of=ANY_PEER),
    # The times of single frames
    Target("frame_tail", "framealloc_local", 1.4, metric="p50_us"),
    Target("frame_tail", "framealloc_local", 1.4, metric="p99_us"),
    Target("frame_tail", "framealloc", 1.4, metric="p50_us"),
    Target("frame_tail", "framealloc", 1.4, metric="p99_us"),
    Target("frame_tail", "framealloc", 0, ABSOLUTE, metric="backend_calls"),
    # Memory
    Target("memory_random_lifetimes", "framealloc_fine", 1.18, ABSOLUTE, metric="resident_over_live"),
    Target("memory_random_lifetimes", "framealloc", 5, ABSOLUTE, metric="after_free_ratio"),
    Target("memory_random_lifetimes", "framealloc", 1e6, ABSOLUTE, metric="kept_bytes"),
    Target("thread_attach_memory", "framealloc", 16 * 1024, ABSOLUTE, metric="attach_only_bytes"),
)


def why_missing(measured: Measured, workload: str, contender: str, metric: str) -> str:
    if workload not in measured.workloads:
        return f"{workload} was not run"
    figures = measured.figures(workload, contender)
    if figures is None:
        return f"{contender} was not measured in {workload}"
    return f"{contender}: {figures.error}" if figures.error else f"{contender} told no {metric} in {workload}"


def fastest_peer(measured: Measured, workload: str, metric: str) -> str | None:
    there = {peer: s for peer in PEERS if (s := measured.summary(workload, peer, metric))}
    return min(there, key=lambda peer: there[peer].median, default=None)


def compare(target: Target, own: Summary, other: Summary) -> Verdict:
    if target.kind == MORE:
        figure = own.median - other.median
    elif other.median > 0:
        figure = own.median / other.median
    else:
        return Verdict(target, reason=f"{target.of} came to {other.median:g}, to which there is no ratio")
    level = target.of == ANY_PEER and own.lower <= other.upper
    return Verdict(target, figure, figure <= target.at_most or level)


def judge(target: Target, measured: Measured) -> Verdict:
    own = measured.summary(target.workload, target.contender, target.metric)
    if own is None:
        return Verdict(target, reason=why_missing(measured, target.workload, target.contender, target.metric))
    if target.kind == ABSOLUTE:
        return Verdict(target, own.median, own.median <= target.at_most)
    whom = fastest_peer(measured, target.workload, target.metric) if target.of == ANY_PEER else target.of
    other = measured.summary(target.workload, whom, target.metric) if whom else None
    if other is None:
        return Verdict(target, reason=why_missing(measured, target.workload, whom, target.metric) if whom else
                       f"no peer was measured in {target.workload}")
    return compare(target, own, other)


def judge_all(measured: Measured) -> list[Verdict]:
    return [judge(target, measured) for target in TARGETS]
