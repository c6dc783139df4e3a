"""Traces of spikes for a rule of your own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from brian2 import Quantity, ms, second

from snn.fields import choice, flag, number
from snn.plasticity.terms import Trace
from snn.serial import serialisable


@serialisable
@dataclass(frozen=True)
class SpikeTrace:
    r"""An exponential trace of one side's spikes, once a neuron.

    .. math:: x \leftarrow e^{-dt/\tau} x + \text{jump}\, z

    Parameters
    ----------
    side : {"pre", "post"}
        Whose spikes; presynaptic ones as they arrive.
    tau : Quantity, > 0 ms
    jump : float
        What a spike adds.
    nearest : bool
        Whether a spike sets the trace to `jump` instead.
    current : bool
        Whether this step's proposals see this step's spike.
    limit : float or None
        The largest value of the trace.
    """

    side: str = choice("pre", "pre", "post")
    tau: Quantity = number(20 * ms, second, above=0)
    jump: float = number(1.0)
    nearest: bool = flag(False)
    current: bool = flag(False)
    limit: float | None = number(None, optional=True)

    def trace(self, name: str) -> Trace:
        """The trace in the equations of a rule, where it has this name."""
        limit = "" if self.limit is None else f"limit_{name}"
        options = {"current": self.current, "nearest": self.nearest, "limit": limit}
        return Trace.exponential(name, self.side, f"tau_{name}", f"jump_{name}", **options)

    def numbers(self, name: str) -> dict[str, Any]:
        """Its parameters by their names there."""
        found = {f"tau_{name}": self.tau, f"jump_{name}": self.jump}
        return found if self.limit is None else {**found, f"limit_{name}": self.limit}
