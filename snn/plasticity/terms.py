"""Terms of a rule's equations: traces, synaptic variables, updates, sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

WEIGHT_IN_RULES = "w"
CHANGE = "change"
"""The synaptic variable in which proposals add up."""


@dataclass(frozen=True)
class Trace:
    r"""A trace of one side's spikes, once a neuron.

    .. math:: x \leftarrow \text{decay}\, x + \text{inflow} + \text{jump}\, z

    Parameters
    ----------
    name : str
        The name by which the rule's expressions read it.
    side : {"pre", "post"}
        Whose spikes; presynaptic ones as they arrive, that is, after the projection's delay.
    decay : str
        Factor per step, an expression of the rule's parameters and ``dt``.
    jump : str
        What a spike adds, an expression of the rule's parameters; an empty text for nothing.
    current : bool
        Whether this step's spike is seen by this step's synaptic steps and proposals.
    inflow : str
        What other traces of the same side add in every step, an expression of the values that they had before it.
    nearest : bool
        Whether a spike sets the trace to `jump`, rather than adding it: only the nearest spike is remembered.
    limit : str
        The largest value that spikes can make of it, an expression of the rule's parameters; an empty text for none.
    lasting : bool
        Whether it is kept when a task resets the network between samples.
    """

    name: str
    side: str
    decay: str
    jump: str = "1"
    current: bool = False
    inflow: str = ""
    nearest: bool = False
    limit: str = ""
    lasting: bool = False

    @staticmethod
    def exponential(name: str, side: str, tau: str, jump: str = "1", **options: Any) -> Trace:
        """A trace that decays with a time constant, the name of a parameter of the rule."""
        return Trace(name, side, decay=f"exp(-dt/{tau})", jump=jump, **options)


@dataclass(frozen=True)
class SynapseVariable:
    """A state variable of every synapse; `lasting` ones are kept when a task resets the network between samples."""

    name: str
    lasting: bool = False


@dataclass(frozen=True)
class Step:
    """Statements about synaptic state.

    They run on ``"pre"`` or ``"post"`` spikes, in every ``"step"``, or at a ``"sample"``'s end.
    """

    on: str
    code: str


@dataclass(frozen=True)
class Update:
    """A proposed weight change, on ``"pre"`` or ``"post"`` spikes, every ``"step"``, or at a ``"sample"``'s end.

    `dw` is an expression of traces, synaptic variables, third factors, ``w`` and, with suffix ``_post`` or ``_pre``,
    neuron variables. `before` runs ahead of it and may define what it uses; `after` runs once the weight is written.
    """

    on: str
    dw: str
    before: str = ""
    after: str = ""
    of: str = WEIGHT_IN_RULES
    """What changes: the weight, or another lasting variable of the synapse that is kept like one."""
    late: bool = False
    """Whether a proposal at a sample's end comes after all others, and after the rule's `sums` over the new weights."""


@dataclass(frozen=True)
class Sum:
    """An expression of synaptic state summed over each postsynaptic neuron's synapses, at a sample's end.

    It is taken once all weights but those of `late` updates are written, which read it as `name` with suffix
    ``_post``.
    """

    name: str
    expression: str


@dataclass(frozen=True)
class NeuronVariable:
    """A variable of the postsynaptic neuron or readout, computed once a neuron while learning.

    Parameters
    ----------
    name : str
        The name by which the rule's code reads it, with suffix ``_post``.
    expression : str
        Its new value, of the neuron's variables and parameters, of ``spiked`` (1 in the step of a spike), and of
        `parameters` and `reads`.
    parameters : mapping of str to number or Quantity
    reads : tuple of str
        The rule's own neuron variables that the expression reads, rather than variables of the neuron.
    at : {"resets", "arrivals", "membrane", "spikes", "step", "sample"}
        When: in part 1 after arrivals and before resets, or after both and before the state update; in part 2, after
        it and before the spike; in part 4, after spikes, readouts and third factors; at the beginning of part 5; or
        in a sample's last step, before its writes.
    lasting : bool
        Whether it is kept when a task resets the network between samples.
    """

    name: str
    expression: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    reads: tuple[str, ...] = ()
    at: str = "membrane"
    lasting: bool = False
