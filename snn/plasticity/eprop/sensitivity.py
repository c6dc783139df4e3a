r"""The derivatives of a neuron's step by its weights, and whether each is kept by a neuron or by a synapse.

A component :math:`\epsilon_s` is the derivative of state variable s by a weight. In one step of a neuron (see
`snn.plasticity.eprop.spiking_map`) a reset takes it to :math:`\sum_q \text{keep}_{sq} \epsilon_q + \text{jump}_s\, e`,
and the update then to :math:`\sum_r \text{flow}_{sr} \epsilon_r`; a spike that arrives adds 1 to that of the input.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import sympy
from brian2.core.functions import DEFAULT_CONSTANTS
from brian2.core.namespace import DEFAULT_UNITS

from snn.equations.jacobian import derivative, jacobian, simplified
from snn.equations.parse import parsed
from snn.equations.stepmap import names, symbol
from snn.plasticity.eprop.spiking_map import ARRIVAL_GATE, NeuronText, SpikingMap

SPIKED = "spiked"
"""The name of what is 1 for a neuron that has just spiked."""
SHARED = frozenset(("dt", *DEFAULT_CONSTANTS, *DEFAULT_UNITS))
"""Names that are the same for all neurons, beside parameters."""
ZERO, ONE = sympy.Integer(0), sympy.Integer(1)

Entries = Mapping[tuple[str, str], sympy.Expr]


class Sensitivity:
    """The derivatives of one neuron's step, and what depends on what.

    Attributes
    ----------
    flow, keep : mapping of (str, str) to sympy.Expr
        Derivatives of the update, and of the reset with its spike held constant; entries that are 0 are left out.
    jump : mapping of str to sympy.Expr
        What a reset adds to each variable whose jump is differentiated.
    slopes : mapping of str to sympy.Expr
        Derivatives of the distance to the threshold.
    relevant : list of str
        Variables that an arriving spike can change and on which a later spike can depend.
    stored : list of str
        Those of them that the update carries on. The others are over within a step: the current that a parameter
        holds, say.
    """

    def __init__(self, neuron: NeuronText, step: SpikingMap, through_reset: bool):
        self.neuron, self.step = neuron, step
        jumps = {
            s: simplified(value - symbol(s))
            for s, value in step.reset.new.items()
            if through_reset or s != step.membrane
        }
        # As far as names tell, so that a kink which does not matter is never met; then by the derivatives.
        read = {(s, r) for s in step.state for r in {s} | names(step.update.of(s)) | names(jumps.get(s, ZERO))}
        possible = _relevant(step, read, set(jumps), names(step.distance))
        self.flow: Entries = jacobian(step.update, possible, possible)
        slopes = {s: d for s in possible if (d := derivative(step.distance, s, "the threshold")) != 0}
        self.jump = {s: jumps[s] for s in possible if jumps.get(s, ZERO) != 0}
        self.keep: Entries = self._reset(possible)
        self.relevant = _relevant(step, {*self.flow, *self.keep}, set(self.jump), set(slopes))
        self.stored = [s for s in self.relevant if any((s, r) in self.flow for r in self.relevant)]
        self.slopes = {s: slopes[s] for s in self.stored if s in slopes}

    def _reset(self, variables: list[str]) -> Entries:
        keep: dict[tuple[str, str], sympy.Expr] = {(s, s): ONE for s in variables}
        for s, added in self.jump.items():
            for r in variables:
                change = derivative(added, r, f"the reset of {s!r}")
                entry = simplified(keep.pop((s, r), ZERO) + symbol(SPIKED) * change)
                if entry != 0:
                    keep[s, r] = entry
        return keep

    def is_shared(self, value: sympy.Expr) -> bool:
        """Whether a factor is the same for all neurons."""
        own = parsed(self.neuron.model).names
        return all(n in self.neuron.parameters or (n in SHARED and n not in own) for n in names(value))

    def arrival(self, s: str) -> sympy.Expr:
        """Return the value that a spike of this step adds to a component once the update is done."""
        entry = self.flow.get((s, self.step.input), ZERO) if self.step.input in self.relevant else ZERO
        return entry * symbol(ARRIVAL_GATE) if self.step.gated_input else entry

    @cached_property
    def late(self) -> str:
        """The variable whose reset depends on what has come since the spike; an empty text if there is none.

        A reset acts in the next step, after its arrivals. Where these and what else is new do not matter, its effect
        can be computed with the spike itself.
        """
        name = self.step.input
        # Signals and the time may change before the reset, too; the neuron's other variables do not.
        lasting = {SPIKED, *SHARED, *self.neuron.parameters, *parsed(self.neuron.model).names} - {name}
        for s in self.relevant:
            entries = [self.jump.get(s, ZERO), *(value for (a, _), value in self.keep.items() if a == s)]
            changed = self.keep.get((s, name), ZERO) != (ONE if s == name else ZERO)
            if changed or any(names(entry) - lasting for entry in entries):
                return s
        return ""

    @cached_property
    def postsynaptic(self) -> Mapping[str, str]:
        """The components that each synapse must keep for itself, and why.

        The others are the largest set into which nothing postsynaptic enters.
        """
        if self.late:
            why = f"the reset of {self.late} acts on what has come since the spike, together with e of the step before"
            return dict.fromkeys(self.stored, why)
        found: dict[str, str] = {}
        while True:
            more = {s: why for s in self.stored if s not in found and (why := self._what_enters(s, found))}
            if not more:
                return found
            found |= more

    def _what_enters(self, s: str, found: Mapping[str, str]) -> str:
        """Return the postsynaptic quantity that enters a component. Empty if there is none."""
        if s in self.jump:
            return f"the jump of {s} at a reset carries the pseudo-derivative"
        for r in self.relevant:
            if (s, r) not in self.flow:
                continue
            if not self.is_shared(self.flow[s, r]):
                return f"d{s}'/d{r} differs from neuron to neuron"
            if r == self.step.input and self.step.gated_input:
                return f"what arrives at {r} is lost in refractory steps"
            if r in found and r != s:
                return f"eps_{r} enters it"
        return ""

    @property
    def synaptic(self) -> list[str]:
        """Components that are kept once a synapse."""
        return [s for s in self.stored if s in self.postsynaptic]

    @property
    def hoisted(self) -> list[str]:
        """Components that are kept once a presynaptic neuron."""
        return [s for s in self.stored if s not in self.postsynaptic]


def _relevant(step: SpikingMap, pairs: set[tuple[str, str]], jumping: set[str], in_threshold: set[str]) -> list[str]:
    """Variables that an arriving spike can change and on which a later spike can depend.

    `pairs` are variables and what they depend on, `jumping` those that a spike changes.
    """
    reached: set[str] = set()
    more = {step.input}
    while not more <= reached:
        reached |= more
        more = {s for s, r in pairs if r in reached} | (jumping if reached & in_threshold else set())
    read: set[str] = set()
    more = in_threshold & set(step.state)
    while not more <= read:
        read |= more
        more = {r for s, r in pairs if s in read and r in step.state}
    return [s for s in step.state if s in reached & read]
