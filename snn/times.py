"""Times as counts of steps.

A delay is rounded to the nearest number of steps, half a step up, and a refractory time is cut to whole steps, as
Brian2 does both. Every other duration must be a whole number of steps.
"""

from __future__ import annotations

from brian2 import Quantity

from snn.fields import si

TOLERANCE = 1e-6
"""Of a step. 3 ms are 30 steps of 0.1 ms, though their quotient is 30.000000000000004."""


def in_steps(time: Quantity, dt: Quantity) -> float:
    """A time in steps, a whole number or not."""
    return si(time) / si(dt)


def whole_steps(time: Quantity, dt: Quantity) -> int | None:
    """The number of steps of a time that is a multiple of dt; ``None`` if it is none."""
    exact = in_steps(time, dt)
    return round(exact) if abs(exact - round(exact)) <= TOLERANCE else None


def delay_steps(delay: Quantity, dt: Quantity) -> int:
    """The steps of a delay, as Brian2 counts them: to the nearest whole number, half a step up."""
    return int(in_steps(delay, dt) + 0.5)


def refractory_steps(time: Quantity, dt: Quantity) -> int:
    """The steps of a refractory time, as Brian2's ``timestep`` counts them: cut, with a slack of 1/1000 step."""
    return int((si(time) + 1e-3 * si(dt)) / si(dt))


def wrong_duration(what: str, time: Quantity, dt: Quantity) -> str:
    """The error for a duration that must be a whole number of steps but is not."""
    return (
        f"{what} must be a whole number of steps, but {time} is {in_steps(time, dt):.10g} steps of dt = {dt}; "
        "give a multiple of dt."
    )
