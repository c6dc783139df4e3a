"""A plasticity rule as data: traces, synaptic state, and proposals of weight changes.

A rule **proposes** dw and never writes w: bounds, rounding, noise and counting are applied where weights are written
(`snn.lowering.projections.chip_writer`). It names what it needs; the lowering finds it or says what is missing.

Place in the time step: part 5. In the order of the fields below: traces decay, current traces receive this step's
spikes, synaptic steps run, changes are proposed and written, and then the remaining traces receive their spikes (so
that a coincident pair of spikes is no pair).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from brian2 import Quantity, have_same_dimensions, ms, second

from snn import fields
from snn.errors import NetworkError
from snn.neurons import Neuron, NeuronModel
from snn.plasticity.equations import RuleEquations
from snn.readouts import LeakyReadout


@dataclass(frozen=True)
class Place:
    """The context of a rule: the neurons behind a projection and, if it ends in a readout, that readout."""

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
        """Return all problems of the rule's numbers, one sentence each."""
        return fields.problems(self, name)
