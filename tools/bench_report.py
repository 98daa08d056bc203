#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Makes results.json, results.md and results.svg of what framealloc_perf has measured, prints the tables and says for each
target whether it is met: the last lines are `target NAME met|missed FIGURE`, or `target NAME unmeasured REASON`."""

import argparse
import dataclasses
import json
import pathlib
import sys
from typing import Any

sys.dont_write_bytecode = True  # no folders of Python's in the tree
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from bench import machine  # noqa: E402
from bench.measured import TIME, BadInput, Figures, Measured, read  # noqa: E402
from bench.panels import panels_of, reference_of, workloads  # noqa: E402
from bench.picture import picture  # noqa: E402
from bench.tables import markdown  # noqa: E402
from bench.targets import Verdict, judge_all  # noqa: E402

SCHEMA = 1
ROOT = pathlib.Path(__file__).resolve().parent.parent


def unit_of(metric: str) -> str:
    """What a metric counts, as its name says."""
    if metric == TIME or metric.endswith("_ns"):
        return "ns"
    return "bytes" if metric.endswith("_bytes") else "us" if metric.endswith("_us") else ""


def figures_as_json(figures: Figures) -> dict[str, Any]:
    if figures.error:
        return {"error": figures.error}
    return {metric: {"unit": unit_of(metric), **dataclasses.asdict(s)} for metric, s in figures.by_metric.items()}


def workload_as_json(workload: str, measured: Measured) -> dict[str, Any]:
    panel = panels_of(workload)[0]
    return {
        "metric": panel.metric,
        "reference": reference_of(panel, measured),
        "contenders": {c: figures_as_json(f) for c, f in measured.workloads[workload].items()},
    }


def verdict_as_json(verdict: Verdict) -> dict[str, Any]:
    state = "unmeasured" if verdict.figure is None else "met" if verdict.met else "missed"
    return {**dataclasses.asdict(verdict.target), "name": verdict.target.name, "state": state, "figure": verdict.figure,
            "reason": verdict.reason}


def results(measured: Measured, described: dict[str, Any], verdicts: list[Verdict]) -> dict[str, Any]:
    order = [w for w in workloads() if w in measured.workloads]
    order += sorted(set(measured.workloads) - set(order))
    return {
        "schema": SCHEMA,
        **described,
        "workloads": {w: workload_as_json(w, measured) for w in order},
        "others": {name: figures_as_json(f) for name, f in sorted(measured.others.items())},
        "targets": [verdict_as_json(v) for v in verdicts],
    }


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools/bench_report.py", description=__doc__)
    parser.add_argument("files", nargs="+", type=pathlib.Path, metavar="FILE", help="JSON that framealloc_perf has written")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "build" / "perf", metavar="DIR", help="where to write")
    parser.add_argument("--build", type=pathlib.Path, metavar="DIR", help="the build folder, which knows compiler and options")
    parser.add_argument("--strict", action="store_true", help="fail when a target is missed or was not measured")
    return parser.parse_args(arguments)


def write(folder: pathlib.Path, texts: dict[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text)
    except OSError as error:
        raise BadInput(f"{error.filename} cannot be written: {error.strerror}; expected a folder that can; name another "
                       "one with --output") from error


def report(options: argparse.Namespace) -> int:
    measured = read(options.files)
    if not measured.workloads and not measured.others:
        raise BadInput(f"{', '.join(map(str, options.files))}: no benchmark was measured; expected at least one; look at the "
                       "program's own output")
    described = machine.describe(measured.context, options.build, ROOT)
    verdicts = judge_all(measured)
    text = markdown(measured, described, verdicts)
    write(options.output, {
        "results.json": json.dumps(results(measured, described, verdicts), indent=1, ensure_ascii=False) + "\n",
        "results.md": text,
        "results.svg": picture(measured, described),
    })
    print(text)
    print(f"{options.output}: results.json, results.md, results.svg\n")
    print("\n".join(v.line() for v in verdicts))
    return 1 if options.strict and not all(v.met for v in verdicts) else 0


def main() -> int:
    try:
        return report(parse(sys.argv[1:]))
    except BadInput as error:
        print(f"tools/bench_report.py: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
