# SPDX-License-Identifier: MIT OR Apache-2.0
"""Logarithmic axes: how far they reach, and which numbers stand at them."""

import dataclasses
import math

from bench.tables import bytes_text


@dataclasses.dataclass(frozen=True)
class Axis:
    """A logarithmic axis from `low` to `high` between two places."""

    low: float
    high: float
    left: float
    right: float

    def place(self, value: float) -> float:
        """What lies beyond the axis, zero among it, is drawn at its end."""
        inside = min(max(value, self.low), self.high)
        return self.left + (self.right - self.left) * math.log(inside / self.low) / math.log(self.high / self.low)


def around(values: list[float], least_factor: float) -> tuple[float, float]:
    """The ends of an axis: a little beyond all values, and never so close together that noise fills it."""
    low, high = min(values) / 1.12, max(values) * 1.12
    if high / low < least_factor:
        low, high = low / math.sqrt(least_factor / (high / low)), high * math.sqrt(least_factor / (high / low))
    return low, high


def steps_within(axis: Axis, base: int, steps: tuple[float, ...]) -> list[float]:
    exponents = range(math.floor(math.log(axis.low, base)) - 1, math.ceil(math.log(axis.high, base)) + 1)
    of_all = (step * float(base) ** e for e in exponents for step in steps)
    return [value for value in of_all if axis.low <= value <= axis.high]


# From fine to coarse: the base, and what is shown of each of its powers.
STEPS = ((10, (1, 1.2, 1.5, 2, 3, 5, 7)), (10, (1, 2, 5)), (10, (1, 3)), (10, (1,)), (100, (1,)), (1000, (1,)))
STEPS_OF_BYTES = ((1024, tuple(2.0**n for n in range(10))), (1024, (1, 4, 16, 64, 256)), (1024, (1, 8, 64, 512)),
                  (1024, (1, 16, 256)), (1024, (1, 32)), (1024, (1,)))


def tick_text(value: float, in_bytes: bool) -> str:
    return bytes_text(value).replace(".00", "").replace(".0", "") if in_bytes else f"{value:,.10g}"


def ticks(axis: Axis, in_bytes: bool) -> list[float]:
    """As many round numbers as have room, at least two if that can be; powers of two where bytes are counted."""
    def has_room(one: float, next_one: float) -> bool:
        letters = len(tick_text(one, in_bytes)) + len(tick_text(next_one, in_bytes))
        return axis.place(next_one) - axis.place(one) >= 3.5 * letters + 8

    choices = [steps_within(axis, base, steps) for base, steps in (STEPS_OF_BYTES if in_bytes else STEPS)]
    fitting = [c for c in choices if c and all(map(has_room, c, c[1:]))]
    return max(fitting, key=len, default=[])
