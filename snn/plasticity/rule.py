"""A plasticity rule as data: traces, synaptic state, and proposals of weight changes.

A rule **proposes** dw and never writes w: bounds, rounding, noise and counting are applied where weights are written
(`snn.backends.writes`). It names what it needs; the lowering finds it or says what is missing.

Place in the time step: part 5. In the order of the fields below: traces decay, current traces receive this step's
spikes, synaptic steps run, changes are proposed and written, and then the remaining traces receive their spikes (so
that a coincident pair of spikes is no pair).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sympy
from brian2 import Quantity, have_same_dimensions, ms, second

from snn import fields
from snn.errors import NetworkError
from snn.neurons import Neuron, NeuronModel
from snn.readouts import LeakyReadout

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


@dataclass(frozen=True)
class RuleEquations:
    """What a rule adds to one projection."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    traces: tuple[Trace, ...] = ()
    variables: tuple[SynapseVariable, ...] = ()
    neuron_variables: tuple[NeuronVariable, ...] = ()
    steps: tuple[Step, ...] = ()
    updates: tuple[Update, ...] = ()
    sums: tuple[Sum, ...] = ()
    factors: tuple[str, ...] = ()
    """What neuron variables read from outside: variables of the environment, or signals of the population."""
    feedback: str | None = None
    """What the rule reads as ``learning_signal``: errors fed back, ``"symmetric"``, ``"random"`` or ``"adaptive"``."""
    formulas: tuple[tuple[str, sympy.Expr], ...] = ()
    """The mathematics behind: what stands left, and what right, of an equals sign."""
    notes: tuple[str, ...] = ()
    """What is kept where, and why, one sentence each."""

    def collected(self) -> RuleEquations:
        """The rule with all that it proposes on spikes and in steps added up, and proposed at a sample's end."""
        during = tuple(update for update in self.updates if update.on != "sample")
        if not during:
            return self
        code = {update: (update.before, f"{CHANGE} += {update.dw}", update.after) for update in during}
        steps = tuple(Step(update.on, "\n".join(part for part in code[update] if part)) for update in during)
        proposed = Update("sample", dw=CHANGE, after=f"{CHANGE} = 0")
        return replace(
            self,
            variables=(*self.variables, SynapseVariable(CHANGE)),
            steps=(*self.steps, *steps),
            updates=(proposed, *(update for update in self.updates if update.on == "sample")),
        )

    def synapse_bytes(self, itemsize: int = 4) -> int:
        """State of one synapse in bytes, its weight included: 4 a number in float32, 8 in float64."""
        return itemsize * (1 + len(self.variables))

    def __str__(self) -> str:
        from snn.plasticity.listing import listing

        return listing(self)

    def latex(self) -> str:
        """The mathematics as LaTeX, an ``align*`` environment."""
        from snn.plasticity.listing import latex

        return latex(self)


@dataclass(frozen=True)
class Place:
    """Where a rule is used: the neurons behind a projection and, where it ends in a readout, that readout."""

    post: Neuron | None
    readout: Any | None
    readouts: tuple[Any, ...]
    """The readouts that listen to the postsynaptic population."""
    pre: Neuron | None = None
    """The presynaptic neurons, where they are known."""


def needs_spikes(place: Place, rule: str) -> None:
    """Raise `NetworkError` where a rule of postsynaptic spikes has none to see."""
    if place.post is None or place.post.threshold is None:
        what = "a readout" if place.post is None else "a population with threshold=None"
        raise NetworkError(f"{rule} needs postsynaptic spikes, which {what} does not have; use another rule there.")


class Rule(ABC):
    """A plasticity rule. Subclasses are frozen dataclasses of numbers; the equations follow from them."""

    def equations(self, where: Place | NeuronModel, dt: Quantity = 1 * ms) -> RuleEquations:
        """The rule on one projection, or onto neurons of a model with a `LeakyReadout` behind them.

        ``print`` shows its mathematics, the Brian2 equations that run, and the state of a synapse.

        Parameters
        ----------
        where : Place or NeuronModel
        dt : Quantity
            Time step for which a model that is given writes its equations.

        Raises
        ------
        NetworkError
            If the rule cannot work there.
        """
        if isinstance(where, NeuronModel):
            where = Place(self._checked(where, dt), None, (LeakyReadout(1),))
        return self.at(where)

    def _checked(self, model: NeuronModel, dt: Quantity) -> Neuron:
        """The equations of a model, if there is nothing wrong with them nor with the rule."""
        found = [*self.problems("the rule"), *model.problems("the neuron")]
        if not have_same_dimensions(dt, second) or not float(dt) > 0:
            found.append(f"`dt > 0 ms` must hold, but is {dt!r}.")
        if not found:
            neuron = model.neuron(dt)
            found = neuron.problems("the neuron") or neuron.text_problems("the neuron", ())
        if found:
            raise NetworkError(found)
        return neuron

    @abstractmethod
    def at(self, place: Place) -> RuleEquations:
        """What `equations` returns for one projection."""

    def problems(self, name: str) -> list[str]:
        """Everything wrong with the rule's numbers, one sentence each."""
        return fields.problems(self, name)
