r"""Which derivatives of a neuron's step there are, and for which components one neuron can keep them for all synapses.

A component :math:`\epsilon_s` is the derivative of state variable s by a weight. In one step of a neuron (see
`snn.calculus.spike`) a reset takes it to :math:`\sum_q \text{keep}_{sq} \epsilon_q + \text{jump}_s\, e`, and the update
then to :math:`\sum_r \text{flow}_{sr} \epsilon_r`; a spike that arrives adds 1 to that of the input.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import sympy
from brian2.core.functions import DEFAULT_CONSTANTS
from brian2.core.namespace import DEFAULT_UNITS

from snn.calculus.jacobian import derivative, jacobian, simplified
from snn.calculus.spike import ARRIVAL_GATE, NeuronText, SpikingMap
from snn.calculus.stepmap import names, symbol
from snn.equations import parsed

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
        state = step.state
        self.neuron, self.step = neuron, step
        self.flow: Entries = jacobian(step.update, state, state)
        slopes = {s: derivative(step.distance, s, "the threshold") for s in state}
        self.keep, self.jump = self._reset(through_reset)
        reached, read = self._reached({s for s in state if slopes[s] != 0}), self._read(slopes)
        self.relevant = [s for s in state if s in reached & read]
        self.stored = [s for s in self.relevant if any((s, r) in self.flow for r in state)]
        self.slopes = {s: slopes[s] for s in self.stored if slopes[s] != 0}

    def _reset(self, through_reset: bool) -> tuple[Entries, dict[str, sympy.Expr]]:
        keep: dict[tuple[str, str], sympy.Expr] = {(s, s): ONE for s in self.step.state}
        jump: dict[str, sympy.Expr] = {}
        for s, value in self.step.reset.new.items():
            constant = s == self.step.membrane and not through_reset
            if constant or (added := simplified(value - symbol(s))) == 0:
                continue
            jump[s] = added
            for r in self.step.state:
                change = derivative(added, r, f"the reset of {s!r}")
                entry = simplified(keep.pop((s, r), ZERO) + symbol(SPIKED) * change)
                if entry != 0:
                    keep[s, r] = entry
        return keep, jump

    def _reached(self, in_threshold: set[str]) -> set[str]:
        """Variables that an arriving spike can change."""
        reached: set[str] = set()
        more = {self.step.input}
        while not more <= reached:
            reached |= more
            more = {s for s, r in (*self.flow, *self.keep) if r in reached}
            if reached & in_threshold:
                more |= set(self.jump)
        return reached

    def _read(self, slopes: Mapping[str, sympy.Expr]) -> set[str]:
        """Variables on which a later spike can depend."""
        read: set[str] = set()
        more = {s for s, slope in slopes.items() if slope != 0}
        while not more <= read:
            read |= more
            more = {r for s, r in (*self.flow, *self.keep) if s in read}
        return read

    def is_shared(self, value: sympy.Expr) -> bool:
        """Whether a factor is the same for all neurons."""
        own = parsed(self.neuron.model).names
        return all(n in self.neuron.parameters or (n in SHARED and n not in own) for n in names(value))

    def arrival(self, s: str) -> sympy.Expr:
        """What a spike that arrives in this step adds to a component once the update is done."""
        entry = self.flow.get((s, self.step.input), ZERO) if self.step.input in self.relevant else ZERO
        return entry * symbol(ARRIVAL_GATE) if self.step.gated_input else entry

    @cached_property
    def late(self) -> str:
        """The variable whose reset depends on what has arrived since the spike; an empty text if there is none.

        A reset acts after the next step's arrivals. Where they do not matter, its effect can be computed with the
        spike itself.
        """
        name = self.step.input
        for s in self.relevant:
            entries = [self.jump.get(s, ZERO), *(value for (a, _), value in self.keep.items() if a == s)]
            changed = self.keep.get((s, name), ZERO) != (ONE if s == name else ZERO)
            if changed or any(symbol(name) in entry.free_symbols for entry in entries):
                return s
        return ""

    @cached_property
    def postsynaptic(self) -> Mapping[str, str]:
        """The components that each synapse must keep for itself, and why.

        The others are the largest set into which nothing postsynaptic enters.
        """
        if self.late:
            why = (
                f"the reset of {self.late} acts on what has arrived since the spike, together with e of the step before"
            )
            return dict.fromkeys(self.stored, why)
        found: dict[str, str] = {}
        while True:
            more = {s: why for s in self.stored if s not in found and (why := self._what_enters(s, found))}
            if not more:
                return found
            found |= more

    def _what_enters(self, s: str, found: Mapping[str, str]) -> str:
        """What postsynaptic enters a component; an empty text if nothing does."""
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
