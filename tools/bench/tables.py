# SPDX-License-Identifier: MIT OR Apache-2.0
"""Figures as text, and the Markdown tables."""

import math
from typing import Any

from bench.measured import CONTENDERS, LIMITS, OURS, TIME, Figures, Measured, Summary
from bench.panels import Panel, panels_of, reference_of, workloads
from bench.targets import Verdict


def short(value: float) -> str:
    """Three digits are more than a run of this kind can tell apart, and two are too few near 1."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if abs(value) < 100 else 0
    return f"{value:,.{min(digits, 3)}f}"


def bytes_text(value: float) -> str:
    for unit, size in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if abs(value) >= size:
            return f"{short(value / size)} {unit}"
    return f"{value:.0f} B"


def figure(value: float, metric: str) -> str:
    if metric == TIME or metric.endswith("_ns"):
        return f"{short(value)} ns" if value < 10_000 else f"{short(value / 1000)} µs"
    if metric.endswith("_bytes"):
        return bytes_text(value)
    return f"{short(value)} µs" if metric.endswith("_us") else short(value)


def grid(head: list[str], rows: list[list[str]]) -> str:
    """A table of Markdown that is also one in a terminal: the first column to the left, numbers to the right."""
    widths = [max(len(line[i]) for line in [head, *rows]) for i in range(len(head))]

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(zip(cells, widths))) + " |"

    rule = "|" + "|".join("-" * (w + 1) + (":" if i else "-") for i, w in enumerate(widths)) + "|"
    return "\n".join([line(head), rule, *map(line, rows)]) + "\n"


def spread(s: Summary, metric: str) -> list[str]:
    return [f"{figure(s.lower, metric)} – {figure(s.upper, metric)}", f"{figure(s.least, metric)} – {figure(s.most, metric)}"]


def other_metrics(panels: list[Panel], of_workload: dict[str, Figures]) -> list[str]:
    shown = {p.metric for p in panels}
    told = {m for f in of_workload.values() for m, s in f.by_metric.items() if m != TIME or s.most > 0}
    return sorted(told - shown)


def row(contender: str, figures: Figures, panel: Panel, reference: Summary | None, others: list[str]) -> list[str]:
    own = figures.by_metric[panel.metric]
    ratio = short(own.median / reference.median) if reference and reference.median > 0 else "-"
    of_others = [figure(figures.by_metric[m].median, m) if m in figures.by_metric else "-" for m in others]
    name = f"**{CONTENDERS[contender]}**" if contender in OURS else CONTENDERS[contender]
    return [name, figure(own.median, panel.metric), ratio, *spread(own, panel.metric), *of_others]


def panel_table(panel: Panel, measured: Measured, others: list[str]) -> str:
    of_workload = measured.workloads[panel.workload]
    there = {c: f for c, f in of_workload.items() if panel.metric in f.by_metric}
    if not there:
        return ""
    reference = reference_of(panel, measured)
    summary = measured.summary(panel.workload, reference, panel.metric) if reference else None
    by_median = sorted(there, key=lambda c: (c not in LIMITS, there[c].by_metric[panel.metric].median))
    what = "time per item" if panel.metric == TIME else panel.metric
    head = ["contender", what, f"to {CONTENDERS[reference]}" if reference else "ratio", "quartiles", "least – most", *others]
    return grid(head, [row(c, there[c], panel, summary, others) for c in by_median])


def workload_section(workload: str, measured: Measured) -> str:
    panels = [p for p in panels_of(workload)]
    others = other_metrics(panels, measured.workloads[workload])
    named = f" ({panels[0].title}: {panels[0].note})" if panels[0].note and len(panels) == 1 else ""
    tables = [panel_table(p, measured, others if i == 0 else []) for i, p in enumerate(panels)]
    left_out = [f"Left out: {CONTENDERS[c]}: {f.error}\n" for c, f in measured.workloads[workload].items() if f.error]
    return f"## {workload}{named}\n\n" + "\n".join([t for t in tables if t] + left_out)


def others_section(measured: Measured) -> str:
    rows = [[f"`{name}`", figure(f.by_metric[TIME].median, TIME), *spread(f.by_metric[TIME], TIME)]
            for name, f in sorted(measured.others.items()) if TIME in f.by_metric]
    return "## Without comparison\n\n" + grid(["benchmark", "time per item", "quartiles", "least – most"], rows) if rows else ""


def where(described: dict[str, Any]) -> str:
    machine, compiler = described["machine"], described["compiler"]
    guest = ", virtual machine" if machine["virtual_machine"] else ""
    return (f"{machine['cpu']}, {machine['cores']} cores{guest} · {compiler['name']} {compiler['version']}, "
            f"{compiler['flags']}")


def targets_table(verdicts: list[Verdict]) -> str:
    def cells(v: Verdict) -> list[str]:
        found = "-" if v.figure is None else short(v.figure)
        said = "unmeasured: " + v.reason if v.figure is None else "met" if v.met else "**missed**"
        return [f"`{v.target.name}`", v.target.bound, found, said]

    return "## Targets\n\n" + grid(["target", "at most", "measured", ""], [cells(v) for v in verdicts])


def load(described: dict[str, Any]) -> str:
    """Who else was at work shows in every figure."""
    average = described["machine"]["load_average_before"]
    return f" Load average before the first run: {average[0]:.2f}." if average else ""


def markdown(measured: Measured, described: dict[str, Any], verdicts: list[Verdict]) -> str:
    known = [w for w in workloads() if w in measured.workloads]
    known += sorted(set(measured.workloads) - set(known))
    head = (f"# Benchmarks of {described['date'][:10]}\n\n{where(described)}; revision {described['revision']}. Medians of "
            f"{measured.repetitions()} repetitions, interleaved; a ratio is to the median of the limit, or of who is named."
            f"{load(described)}\n")
    sections = [workload_section(w, measured) for w in known] + [others_section(measured), targets_table(verdicts)]
    return "\n".join([head, *(s for s in sections if s)])
