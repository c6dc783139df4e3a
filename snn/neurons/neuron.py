"""A neuron model: Brian2 equations, a threshold, a reset and parameters."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from brian2 import Quantity, have_same_dimensions, second
from brian2.equations.equations import SUBEXPRESSION

from snn import fields
from snn.equations.check import neuron_problems
from snn.equations.parse import identifiers, parsed, parsing_problem, units_of
from snn.errors import nearest
from snn.fields import choice, is_number, mapping_problems, si
from snn.serial import serialisable

OURS = ("LIF", "ALIF", "SynapticLIF", "ResonateAndFire", "AdEx", "Izhikevich", "HomeostaticLIF")
"""Models of this package, whose equations need no checks of a user's text."""


class NeuronModel(ABC):
    """The base of neuron models, which give their equations for a time step ``dt``."""

    @abstractmethod
    def neuron(self, dt: Quantity) -> Neuron:
        """The model as Brian2 equations with numbers."""

    def problems(self, name: str) -> list[str]:
        """Return all problems of the model's own numbers, one sentence each."""
        return fields.problems(self, name)


@serialisable
@dataclass(frozen=True)
class Neuron(NeuronModel):
    r"""A neuron given by your own Brian2 equations.

    Parameters
    ----------
    model : str
        Brian2 equations. Names that are neither defined here nor Brian2's must be in `parameters`.
    threshold : str or None
        Condition of a spike, tested in part 3 of a time step; ``None`` makes a rate model.
    reset : str
        Statements run for neurons that spiked. As in Brian2, they follow the arrival of that step's spikes at their
        targets, that is, they take effect at the beginning of the next step.
    refractory : Quantity, str or None
        Absolute refractory time, or a condition as in Brian2; ``None``: none. A time counts int(time/dt + 0.001)
        steps, as in Brian2; if it is no multiple of dt, there is a warning.
    input : str
        The variable to which synapses add their weights. A parameter (``I : 1``) holds what arrived in this step and
        is zero after the state update; a differential variable (``dv/dt = ...``) jumps and keeps it.
    parameters : mapping of str to number or Quantity
        Constants of the equations. They are arguments of the compiled program: changing one compiles nothing.
    initial : mapping of str to number or Quantity
        Values of state variables at the start and, where a task resets its network, at the start of each sample.
    method : str
        Brian2's state updater: ``"exact"``, ``"euler"``, ``"exponential_euler"``, ``"rk4"``, ...; with noise (``xi``)
        ``"euler"`` is the only choice.
    lasting : tuple of str
        Variables that are kept where a task resets its network between samples: a threshold that adapts over a life.
    learning : str
        Statements run for every neuron at the end of part 5 of every step in which the network learns, and in no other;
        they may read ``spiked``, 1 in the step of a spike.

    Notes
    -----
    ``rand()``, ``randn()`` and ``xi`` are drawn from the package's counter-based generator, so that results depend on
    the seed alone. ``t`` is the time since the beginning of the stream.

    Examples
    --------
    >>> from brian2 import ms
    >>> leaky = Neuron("dv/dt = (I - v)/tau : 1\nI : 1", threshold="v > 1", reset="v = 0", parameters={"tau": 20*ms})
    """

    model: str
    threshold: str | None = None
    reset: str = ""
    refractory: Any = None
    input: str = "I"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    initial: Mapping[str, Any] = field(default_factory=dict)
    method: str = "exact"
    lasting: tuple[str, ...] = ()
    learning: str = ""
    kind: str = choice("Neuron", "Neuron", *OURS)

    def __post_init__(self) -> None:
        fields.sort_mappings(self, "parameters", "initial")
        if isinstance(self.lasting, list):  # as JSON has it
            object.__setattr__(self, "lasting", tuple(self.lasting))

    def neuron(self, dt: Quantity) -> Neuron:
        return self

    def texts(self) -> tuple[str, ...]:
        """Every piece of its code."""
        condition = self.refractory if isinstance(self.refractory, str) else ""
        return self.model, self.threshold or "", self.reset, condition, self.learning

    def problems(self, name: str) -> list[str]:
        found = super().problems(name) + self._kinds(name)
        if found:
            return found
        if (unparsed := parsing_problem(self.model, name)) is not None:
            return [unparsed]
        found = [*self.receiving_problems(self.input, "Synapses add to the input variable", name)]
        return [*found, *self._initial(name), *self._lasting(name), *self._spikes(name)]

    def text_problems(self, name: str, signals: Iterable[str]) -> list[str]:
        """Return all problems of equations, threshold and reset, which may name the parameters and `signals`."""
        if self.kind != "Neuron":  # equations of ours
            return []
        condition = self.refractory if isinstance(self.refractory, str) else None
        return list(
            neuron_problems(
                name,
                self.model,
                self.threshold,
                self.reset,
                condition,
                self.method,
                self.refractory is not None,
                self.learning,
                units_of(self.parameters),
                tuple(signals),
            )
        )

    def _kinds(self, name: str) -> list[str]:
        """Fields that are not even texts, numbers or mappings."""
        found = [
            f"`{field}` of {name} must be a text, but is {value!r}."
            for field in ("model", "reset", "input", "method", "learning")
            if not isinstance(value := getattr(self, field), str)
        ]
        if not isinstance(self.lasting, tuple) or not all(isinstance(item, str) for item in self.lasting):
            found.append(f"`lasting` of {name} must be a tuple of names such as ('theta',), but is {self.lasting!r}.")
        if self.threshold is not None and not (isinstance(self.threshold, str) and self.threshold.strip()):
            found.append(
                f"`threshold` of {name} must be a condition such as 'v > 1' or None, but is {self.threshold!r}."
            )
        found += mapping_problems("parameters", self.parameters, name) + mapping_problems("initial", self.initial, name)
        time = self.refractory
        if time is None or (isinstance(time, str) and time.strip()):
            return found
        if not is_number(time) or not have_same_dimensions(time, second) or not 0 <= si(time) < math.inf:
            found.append(f"`refractory` of {name} must be a time >= 0 ms, a condition, or None, but is {time!r}.")
        return found

    def receiving_problems(self, variable: str, who: str, name: str) -> Iterator[str]:
        """Return the problems of a variable that synapses are to add their weights to."""
        equations = parsed(self.model)
        equation = equations.get(variable)
        if equation is None:
            yield f"{who} {variable!r} of {name}, which is not in its equations; {nearest(variable, equations.names)}."
        elif equation.type == SUBEXPRESSION or equation.var_type != "float" or "constant" in equation.flags:
            yield (
                f"{who} {variable!r} of {name}, so it must be 'd{variable}/dt = ...' or '{variable} : unit', but is "
                f"{str(equation)!r}."
            )

    def _initial(self, name: str) -> Iterator[str]:
        equations = parsed(self.model)
        state = [variable for variable, equation in equations.items() if equation.type != SUBEXPRESSION]
        for variable, value in self.initial.items():
            if variable not in state:
                yield f"`initial` of {name} names {variable!r}; {nearest(variable, state)}."
            elif not have_same_dimensions(value, equations[variable].dim):
                unit = equations[variable].unit
                yield f"`initial` of {name} must give {variable!r} in the unit {unit!r}, but it is {value!r}."

    def _lasting(self, name: str) -> Iterator[str]:
        equations = parsed(self.model)
        state = [variable for variable, equation in equations.items() if equation.type != SUBEXPRESSION]
        for variable in self.lasting:
            if variable not in state:
                yield f"`lasting` of {name} names {variable!r}; {nearest(variable, state)}."

    def _spikes(self, name: str) -> Iterator[str]:
        if self.threshold is None and self.reset:
            yield f"A reset needs a threshold, but {name} has threshold=None."
        if self.threshold is None and "spiked" in identifiers(self.learning):
            yield f"`learning` of {name} reads `spiked`, but {name} has threshold=None and never spikes."
        if self.threshold is None and self.refractory is not None:
            yield f"A refractory time needs a threshold, but {name} has threshold=None."
