# SPDX-License-Identifier: MIT OR Apache-2.0
"""One picture of a run: a panel per workload, contenders as rows, everything a ratio to the limit on a log axis."""

import dataclasses
import datetime
import math
import re
from typing import Any, Iterable

from bench.axis import Axis, around, tick_text, ticks
from bench.drawing import WIDTH, Drawing
from bench.measured import CONTENDERS, LIMITS, OURS, PEERS, TIME, Measured, Summary
from bench.panels import ROWS, Band, Panel, reference_of
from bench.tables import figure, short, where
from bench.targets import ABSOLUTE, ANY_PEER, MORE, TARGETS, Target, fastest_peer

MARGIN = 40
HEAD = 128  # title, what it was measured on, legend
BAND_HEAD = 74  # the band's title, and the panels' titles
BAND_FOOT = 46  # the axis, and room to the next band
ROW = 19
LABELS = 178  # who the rows are
BETWEEN_BANDS = 36
GAP = 24  # between panels
NUMBERS, NUMBERS_WITH_UNIT = 44, 64  # the figure at the end of a row
EDGE = 7  # from a panel's edge to the end of its axis


@dataclasses.dataclass(frozen=True)
class Mark:
    """One contender in one panel, in the panel's unit."""

    middle: float
    lower: float
    upper: float
    least: float
    most: float
    tail: float | None
    text: str

    def extent(self) -> tuple[float, float]:
        return min(self.least, self.lower), max(self.most, self.tail or 0)


def divided(s: Summary, by: float, tail: Summary | None, text: str) -> Mark:
    return Mark(s.median / by, s.lower / by, s.upper / by, s.least / by, s.most / by, tail.median / by if tail else None, text)


def mark_of(panel: Panel, contender: str, measured: Measured) -> Mark | None:
    own = measured.summary(panel.workload, contender, panel.metric)
    if own is None:
        return None
    tail = measured.summary(panel.workload, contender, panel.tail) if panel.tail else None
    name = reference_of(panel, measured)
    reference = measured.summary(panel.workload, name, panel.metric) if name else None
    if reference is None or reference.median <= 0:
        return divided(own, 1, tail, figure(own.median, panel.metric))
    return divided(own, reference.median, tail, short(own.median / reference.median))


def marks_of(panel: Panel, measured: Measured) -> dict[str, Mark]:
    found = {c: mark_of(panel, c, measured) for c in CONTENDERS if c in measured.workloads.get(panel.workload, {})}
    return {c: mark for c, mark in found.items() if mark}


def goal_of(target: Target, panel: Panel, measured: Measured) -> float | None:
    """Where a target lies in its panel; none where it depends on what was not measured."""
    name = reference_of(panel, measured)
    reference = measured.summary(panel.workload, name, panel.metric) if name else None
    scale = reference.median if reference and reference.median > 0 else 1.0
    if target.kind == ABSOLUTE:
        return target.at_most / scale
    whom = fastest_peer(measured, panel.workload, panel.metric) if target.of == ANY_PEER else target.of
    other = measured.summary(panel.workload, whom, panel.metric) if whom else None
    if other is None:
        return None
    return (other.median + target.at_most if target.kind == MORE else other.median * target.at_most) / scale


def goals_of(panel: Panel, measured: Measured) -> dict[str, float]:
    mine = [t for t in TARGETS if t.workload == panel.workload and t.metric == panel.metric]
    found = {t.contender: goal_of(t, panel, measured) for t in mine}
    return {contender: goal for contender, goal in found.items() if goal}


def measured_panels(band: Band, measured: Measured) -> list[Panel]:
    return [panel for panel in band.panels if marks_of(panel, measured)]


def contenders_of(panels: list[Panel], measured: Measured) -> list[str]:
    """Ours first, in their own order; then the peers, the best at the top by the geometric mean. The limit is the line at 1,
    and has a row only where there are no ratios."""
    marks = [marks_of(panel, measured) for panel in panels]
    figures = [m for m, panel in zip(marks, panels) if not panel.references]

    def mean(contender: str) -> float:
        places = [math.log(max(m[contender].middle, 1e-9)) for m in marks if contender in m]
        return sum(places) / len(places)

    def there(names: Iterable[str]) -> list[str]:
        return [c for c in names if any(c in m for m in marks)]

    limits = [c for c in there(LIMITS) if c != "limit" or any(c in m for m in figures)]
    return limits + there(OURS) + sorted(there(PEERS), key=mean)


def ends_of_ratios(panels: list[Panel], measured: Measured) -> tuple[float, float]:
    marks = [m for p in panels if p.references for m in marks_of(p, measured).values()]
    goals = [g for p in panels if p.references for g in goals_of(p, measured).values()]
    return around([1.0, *(e for m in marks for e in m.extent() if e > 0), *goals], 3)


def ends_of_figures(panel: Panel, measured: Measured) -> tuple[float, float]:
    # What is under a page is nothing, as far as a system tells, and so is a nanosecond of a thread's life: an axis that goes
    # on to one byte would waste its room.
    floor = 4096.0 if panel.metric.endswith("_bytes") else 1.0 if panel.metric in (TIME, "p99_ns") else 1e-3
    marks = marks_of(panel, measured).values()
    values = [max(e, floor) for m in marks for e in m.extent()] + list(goals_of(panel, measured).values())
    return around(values, 3)


def ends_of(panel: Panel, panels: list[Panel], measured: Measured) -> tuple[float, float]:
    if not reference_of(panel, measured):
        return ends_of_figures(panel, measured)
    return ends_of_ratios([panel] if panel.own_axis else [p for p in panels if not p.own_axis], measured)


def draw_mark(to: Drawing, axis: Axis, y: float, mark: Mark, contender: str) -> None:
    """The quartiles as a bar, the extremes as a hair, the median as a dot; a tail as an open dot behind it."""
    kind = "own" if contender in OURS else "peer"
    to.line(axis.place(mark.least), y, axis.place(mark.most), y, f"{kind}-line", 1, 'stroke-opacity="0.55"')
    to.line(axis.place(mark.lower), y, axis.place(mark.upper), y, f"{kind}-line", 4, 'stroke-opacity="0.45" stroke-linecap="round"')
    if mark.tail is not None:
        to.line(axis.place(mark.middle), y, axis.place(mark.tail), y, f"{kind}-line", 1.5)
        to.dot(axis.place(mark.tail), y, 3.2, f"hollow {kind}-line", 'stroke-width="1.5"')
    if contender in LIMITS:
        to.dot(axis.place(mark.middle), y, 3.4, "hollow peer-line", 'stroke-width="1.5"')
    else:
        to.dot(axis.place(mark.middle), y, 4.6 if contender in OURS else 3.9, kind)


def draw_goal(to: Drawing, axis: Axis, y: float, goal: float) -> None:
    x = axis.place(goal)
    to.line(x, y - ROW / 2 + 2.5, x, y + ROW / 2 - 2.5, "goal", 2, 'stroke-linecap="round"')


def heading_of(panel: Panel, measured: Measured) -> str:
    """Whose figure is 1, and what it came to."""
    name = reference_of(panel, measured)
    if name is None:
        return ""
    summary = measured.summary(panel.workload, name, panel.metric)
    return f"{CONTENDERS[name]} {figure(summary.median, panel.metric)}" if summary else ""


def draw_axis(to: Drawing, axis: Axis, panel: Panel, top: float, bottom: float) -> None:
    in_bytes = panel.metric.endswith("_bytes")
    for tick in ticks(axis, in_bytes):
        x = axis.place(tick)
        is_one = bool(panel.references) and tick == 1
        to.line(x, top, x, bottom, "one" if is_one else "grid", 1.2 if is_one else 1)
        to.text(x, bottom + 15, tick_text(tick, in_bytes), "soft small", "middle")


def draw_panel(to: Drawing, panel: Panel, axis: Axis, right: float, rows: list[str], top: float, measured: Measured) -> None:
    first = top + BAND_HEAD
    bottom = first + ROW * len(rows)
    left = axis.left - EDGE
    to.text(left, top + 34, panel.title, "ink head")
    to.text(left, top + 50, panel.note, "soft small")
    to.text(left, top + 66, heading_of(panel, measured), "faint small")
    draw_ground(to, rows, left, right, first)
    draw_axis(to, axis, panel, first, bottom)
    marks, goals = marks_of(panel, measured), goals_of(panel, measured)
    best = min((c for c in marks if c in PEERS), key=lambda c: marks[c].middle, default=None)
    for n, contender in enumerate(rows):
        y = first + ROW * (n + 0.5)
        if contender not in marks:
            to.text(right - 5, y + 4, "–", "faint small", "end")
            continue
        if contender in goals:
            draw_goal(to, axis, y, goals[contender])
        draw_mark(to, axis, y, marks[contender], contender)
        classes = "own strong" if contender in OURS else "ink strong" if contender == best else "soft"
        to.text(right - 5, y + 4, marks[contender].text, f"{classes} small", "end")


def draw_ground(to: Drawing, rows: list[str], left: float, right: float, top: float) -> None:
    """A field for the rows, in which ours stand out a little."""
    to.rect(left, top, right - left, ROW * len(rows), "panel", 4)
    own = [n for n, c in enumerate(rows) if c in OURS]
    if own:
        to.rect(left, top + ROW * own[0], right - left, ROW * len(own), "own-row")


def draw_labels(to: Drawing, rows: list[str], left: float, top: float) -> None:
    for n, contender in enumerate(rows):
        classes = "own strong" if contender in OURS else "soft" if contender in LIMITS else "ink"
        to.text(left, top + ROW * (n + 0.5) + 4, CONTENDERS[contender], classes)


def height_of(band: Band, measured: Measured) -> float:
    return BAND_HEAD + BAND_FOOT + ROW * len(contenders_of(measured_panels(band, measured), measured))


def draw_band(to: Drawing, band: Band, left: float, right: float, top: float, measured: Measured) -> None:
    panels = measured_panels(band, measured)
    rows = contenders_of(panels, measured)
    to.text(left, top + 10, band.title, "ink band")
    draw_labels(to, rows, left, top + BAND_HEAD)
    each = (right - left - LABELS + GAP) / len(panels)
    for n, panel in enumerate(panels):
        ends = ends_of(panel, panels, measured)
        start = left + LABELS + n * each
        end = start + each - GAP
        has_unit = not panel.references and (panel.metric == TIME or panel.metric.endswith(("_bytes", "_us", "_ns")))
        numbers = NUMBERS_WITH_UNIT if has_unit else NUMBERS
        draw_panel(to, panel, Axis(*ends, start + EDGE, end - numbers - EDGE), end, rows, top, measured)


def draw_legend(to: Drawing, y: float) -> None:
    example = Mark(3.2, 1.9, 5.4, 1, 10, None, "")
    x = float(MARGIN)
    for contender, said, room in (("framealloc", "framealloc", 128), ("glibc", "others, the best of them in bold", 262)):
        draw_mark(to, Axis(1, 10, x, x + 34), y - 4, example, contender)
        to.text(x + 42, y, said, "soft")
        x += room
    to.dot(x, y - 4, 3.2, "hollow own-line", 'stroke-width="1.5"')
    to.text(x + 11, y, "the later percentile", "soft")
    x += 166
    to.line(x, y - 11, x, y + 3, "goal", 2, 'stroke-linecap="round"')
    to.text(x + 10, y, "target", "soft")
    x += 78
    to.line(x, y - 12, x, y + 4, "one", 1.2)
    to.text(x + 10, y, "1 is the limit: a bump pointer or free list written by hand; else the peer that is named", "soft")


def date_of(described: dict[str, Any]) -> str:
    try:
        day = datetime.datetime.fromisoformat(described["date"])
    except ValueError:
        return str(described["date"])
    return f"{day.day} {day:%B %Y}"


def draw_head(to: Drawing, described: dict[str, Any], measured: Measured) -> None:
    to.text(MARGIN, 48, "framealloc and its peers", "ink title")
    to.text(MARGIN, 74, f"{date_of(described)} · {where(described)}", "soft")
    times = measured.repetitions()
    said = f"medians of {times} interleaved repetitions" if times > 1 else "one repetition"
    quick = "a quick run: " if times < 9 else ""
    to.text(WIDTH - MARGIN, 48, f"{quick}{said} · logarithmic axes · less is better", "ink", "end")
    to.text(WIDTH - MARGIN, 74, "dot: median · bar: quartiles · hair: least and most", "soft", "end")
    draw_legend(to, 106)


def versions(described: dict[str, Any]) -> str:
    """As their authors count; what a distribution appends is left out."""
    known = {p: v["version"] for p, v in described["versions"].items() if p in PEERS and v["version"]}
    return " · ".join(f"{CONTENDERS[p]} {re.split('[+~-]', v)[0]}" for p, v in known.items())


def picture(measured: Measured, described: dict[str, Any]) -> str:
    to = Drawing()
    draw_head(to, described, measured)
    top = float(HEAD + 16)
    for row in ROWS:
        bands = [band for band in row if measured_panels(band, measured)]
        if not bands:
            continue
        each = (WIDTH - 2 * MARGIN + BETWEEN_BANDS) / len(bands)
        for n, band in enumerate(bands):
            left = MARGIN + n * each
            draw_band(to, band, left, left + each - BETWEEN_BANDS, top, measured)
        top += max(height_of(band, measured) for band in bands)
    to.text(MARGIN, top + 2, versions(described), "faint small")
    to.text(WIDTH - MARGIN, top + 2, "what the comparison hides, and how it is made: docs/performance.md", "faint small", "end")
    height = top + 24
    to.parts.insert(0, f'<rect width="{WIDTH}" height="{height:.0f}" rx="10" class="ground"/>')
    return to.svg(height, f"framealloc and its peers, {date_of(described)}")
