# SPDX-License-Identifier: MIT OR Apache-2.0
"""The workloads: in which order, under which title, by which metric they are shown, and whose figure is 1."""

import dataclasses

from bench.measured import TIME, Measured


@dataclasses.dataclass(frozen=True)
class Panel:
    workload: str
    title: str
    note: str  # what an item is, in a few words
    metric: str = TIME
    # Whose figure is 1, the first that was measured; none: the figures are shown as they are.
    references: tuple[str, ...] = ("limit",)
    tail: str = ""  # a second metric of the same unit, drawn behind the first
    own_axis: bool = False  # where ratios are of another order than the band's


@dataclasses.dataclass(frozen=True)
class Band:
    """Panels that share their contenders, and the axis where they are ratios."""

    title: str
    panels: tuple[Panel, ...]


ABSOLUTE: tuple[str, ...] = ()
OF_TCMALLOC = ("limit", "tcmalloc")
OF_MIMALLOC = ("limit", "mimalloc")

FRAMES = Band("Frames", (
    Panel("frame_equal_16", "64 B", "1,000, aligned to 16"),
    Panel("frame_equal_64", "64 B, aligned", "1,000, aligned to 64"),
    Panel("frame_sizes", "Sizes", "1,000 of 16 to 512 B"),
    Panel("frame_sizes_and_alignments", "Alignments", "sizes; to 8, 16 or 64"),
    Panel("frame_written", "Written", "64 B, each byte"),
    Panel("frame_batch_array", "One array", "1,000 × 64 B at once", own_axis=True),
    Panel("frame_tail", "Whole frames", "p50, and its p99", "p50_us", tail="p99_us"),
))
POOLS = Band("Pools", (
    Panel("pool_one_alive", "1 alive", "64 B pairs"),
    Panel("pool_100_alive", "100 alive", "64 B pairs"),
    Panel("pool_10000_alive", "10,000 alive", "64 B pairs"),
    Panel("pool_random", "Random", "16 to 1,024 B"),
))
CONTAINERS = Band("Containers in a frame", (
    Panel("containers_vector", "vector", "10,000 entries"),
    Panel("containers_unordered_map", "unordered_map", "10,000 entries"),
    Panel("containers_flat_map", "flat_map", "10,000 entries"),
    Panel("containers_flat_hash_map", "flat_hash_map", "10,000 entries"),
))
THREADS = Band("Threads", (
    Panel("producer_consumer", "Stream, written", "64 B, ring of 4,096", references=OF_MIMALLOC),
    Panel("producer_consumer_untouched", "Stream, untouched", "64 B, ring of 4,096", references=OF_MIMALLOC),
    Panel("larson_2", "larson", "2 threads", references=OF_TCMALLOC),
    Panel("larson_4", "larson", "4 threads", references=OF_TCMALLOC),
    Panel("mstress_2", "mstress", "2 threads", references=OF_TCMALLOC),
    Panel("mstress_4", "mstress", "4 threads", references=OF_TCMALLOC),
    Panel("attach_detach", "A thread", "beyond an empty one", references=ABSOLUTE),
))
LATENCY = Band("Latency of one call", tuple(
    Panel(f"latency_{what}", title, "p99, and its p99.9", "p99_ns", ABSOLUTE, "p999_ns") for what, title in (
        ("frame_alloc", "Frame request"), ("end_frame", "End of a frame"), ("pool_alloc", "Pool request"),
        ("pool_refill", "Pool refill"), ("cross_thread_free", "Free elsewhere"), ("heap", "Heap block"))))
MEMORY = Band("Memory", (
    Panel("memory_random_lifetimes", "In use", "resident / live", "resident_over_live", ABSOLUTE),
    Panel("memory_random_lifetimes", "90 % freed", "resident / live", "after_free_ratio", ABSOLUTE),
    Panel("memory_random_lifetimes", "All freed", "what stays resident", "kept_bytes", ABSOLUTE),
    Panel("memory_stream", "Stream", "peak resident", "peak_resident_bytes", ABSOLUTE),
    Panel("thread_storm", "10,000 threads", "growth after 1,000", "resident_growth_bytes", ABSOLUTE),
    Panel("thread_attach_memory", "Per thread", "64 at once", "resident_growth_bytes", ABSOLUTE),
))
REMOTE_FREES = Band("Memory beyond what is alive, where others free", tuple(
    Panel(f"remote_frees_{pattern}", title, note, "peak_over_live_bytes", ABSOLUTE) for pattern, title, note in (
        ("one_producer", "One producer", "31 consumers; peak"), ("swapping", "Roles that swap", "31 to 1, 1 to 31; peak"),
        ("sleeping_owner", "A sleeping owner", "7 others; peak"), ("churn", "Short threads", "5,000, 4 at a time; peak"))))
# As they are drawn: bands of one row stand side by side.
ROWS = ((FRAMES,), (POOLS, CONTAINERS), (THREADS,), (LATENCY,), (MEMORY,), (REMOTE_FREES,))
PANELS = tuple(panel for row in ROWS for band in row for panel in band.panels)


def reference_of(panel: Panel, measured: Measured) -> str | None:
    return next((r for r in panel.references if measured.summary(panel.workload, r, panel.metric)), None)


def workloads() -> list[str]:
    """Each once, in the order of the panels."""
    return list(dict.fromkeys(panel.workload for panel in PANELS))


def panels_of(workload: str) -> list[Panel]:
    return [p for p in PANELS if p.workload == workload] or [Panel(workload, workload, "")]
