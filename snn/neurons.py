"""Neuron models as data: Brian2 equations, a threshold, a reset, and numbers.

Every model reaches the backends as a `Neuron`; `LIF` and `ALIF` are `Neuron`s that are already written. A model of
your own is either a `Neuron(...)` in your script or a frozen dataclass here with a method ``neuron(dt)``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from brian2 import Quantity, have_same_dimensions, ms, second
from brian2.equations.equations import SUBEXPRESSION

from snn import fields
from snn.equations import neuron_problems, parsed, parsing_problem, units_of
from snn.errors import nearest
from snn.fields import choice, is_number, mapping_problems, number, si
from snn.serial import serialisable


class NeuronModel(ABC):
    """What a population is made of: anything that can say its equations for a time step ``dt``."""

    @abstractmethod
    def neuron(self, dt: Quantity) -> Neuron:
        """The model as Brian2 equations with numbers."""

    def problems(self, name: str) -> list[str]:
        """Everything wrong with the model's own numbers, one sentence each."""
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
        Absolute refractory time (counted in whole steps), or a condition as in Brian2; ``None``: none.
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
    kind: str = choice("Neuron", "Neuron", "LIF", "ALIF")

    def __post_init__(self) -> None:
        fields.sort_mappings(self, "parameters", "initial")

    def neuron(self, dt: Quantity) -> Neuron:
        return self

    def problems(self, name: str) -> list[str]:
        found = super().problems(name) + self._kinds(name)
        if found:
            return found
        if (unparsed := parsing_problem(self.model, name)) is not None:
            return [unparsed]
        return [*self._input(name), *self._initial(name), *self._spikes(name)]

    def text_problems(self, name: str, signals: Iterable[str]) -> list[str]:
        """Everything wrong with equations, threshold and reset, which may name what is given here and `signals`."""
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
                units_of(self.parameters),
                tuple(signals),
            )
        )

    def _kinds(self, name: str) -> list[str]:
        """Fields that are not even texts, numbers or mappings."""
        found = [
            f"`{field}` of {name} must be a text, but is {value!r}."
            for field in ("model", "reset", "input", "method")
            if not isinstance(value := getattr(self, field), str)
        ]
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

    def _input(self, name: str) -> Iterator[str]:
        equations = parsed(self.model)
        equation = equations.get(self.input)
        if equation is None:
            choices = nearest(self.input, equations.names)
            yield f"The input variable {self.input!r} of {name} is not in its equations; {choices}."
        elif equation.type == SUBEXPRESSION or equation.var_type != "float" or "constant" in equation.flags:
            yield (
                f"Synapses add to the input variable {self.input!r} of {name}, so it must be 'd{self.input}/dt = ...' "
                f"or '{self.input} : unit', but is {str(equation)!r}."
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

    def _spikes(self, name: str) -> Iterator[str]:
        if self.threshold is None and self.reset:
            yield f"A reset needs a threshold, but {name} has threshold=None."
        if self.threshold is None and self.refractory is not None:
            yield f"A refractory time needs a threshold, but {name} has threshold=None."


@serialisable
@dataclass(frozen=True)
class LIF(NeuronModel):
    r"""Leaky integrate-and-fire neuron (Bellec et al. 2020, eq. 6-7, in discrete time).

    .. math:: v_t = \alpha v_{t-1} + \zeta I_t - v_{th} z_{t-1}, \quad \alpha = e^{-dt/\tau_m}, \quad
              z_t = [v_t \ge v_{th}]

    :math:`I_t` sums the weights of the spikes that arrive in step t; :math:`\zeta` is 1, or
    :math:`1-\alpha` with ``input_scale="leak"``.

    Parameters
    ----------
    tau_m : Quantity, > 0 ms
        Membrane time constant.
    v_th : float, > 0
        Threshold.
    refractory : Quantity, >= 0 ms
        Absolute refractory time; the membrane goes on integrating, only spikes are suppressed.
    reset : {"subtract", "zero"}
        ``"subtract"`` takes `v_th` off one step after the spike; ``"zero"`` sets v to 0 then, before the step's input.
    input_scale : {"one", "leak"}
        Factor :math:`\zeta` of the input.
    """

    tau_m: Quantity = number(20 * ms, second, above=0)
    v_th: float = number(1.0, above=0)
    refractory: Quantity = number(0 * ms, second, at_least=0)
    reset: str = choice("subtract", "subtract", "zero")
    input_scale: str = choice("one", "one", "leak")

    def neuron(self, dt: Quantity) -> Neuron:
        return _integrate_and_fire(self, dt, "LIF")


@serialisable
@dataclass(frozen=True)
class ALIF(NeuronModel):
    r"""Integrate-and-fire neuron with an adaptive threshold (Bellec et al. 2020, eq. 8-10).

    .. math:: a_t = \rho a_{t-1} + z_{t-1}, \quad \rho = e^{-dt/\tau_a}, \quad z_t = [v_t \ge v_{th} + \beta a_t]

    with v as in `LIF`. A neuron starts with a = 0.

    Parameters
    ----------
    tau_m, v_th, refractory, reset, input_scale
        As in `LIF`.
    tau_a : Quantity, > 0 ms
        Time constant of the adaptation.
    beta : float, >= 0
        Rise of the threshold per unit of adaptation.
    """

    tau_m: Quantity = number(20 * ms, second, above=0)
    v_th: float = number(1.0, above=0)
    tau_a: Quantity = number(200 * ms, second, above=0)
    beta: float = number(0.1, at_least=0)
    refractory: Quantity = number(0 * ms, second, at_least=0)
    reset: str = choice("subtract", "subtract", "zero")
    input_scale: str = choice("one", "one", "leak")

    def neuron(self, dt: Quantity) -> Neuron:
        return _integrate_and_fire(self, dt, "ALIF")


def _integrate_and_fire(cell: LIF | ALIF, dt: Quantity, kind: str) -> Neuron:
    # The exact integration of (drive*I - v)/tau_m over one step adds (1 - alpha)*drive*I.
    drive = 1.0 if cell.input_scale == "leak" else -1.0 / math.expm1(-si(dt) / si(cell.tau_m))
    model = "dv/dt = (drive*I - v)/tau_m : 1\nI : 1"
    # A reset precedes the leak of the next step; the factor makes what is subtracted exactly v_th after that leak.
    reset = "v -= v_th*exp(dt/tau_m)" if cell.reset == "subtract" else "v = 0"
    parameters: dict[str, Any] = {"tau_m": cell.tau_m, "v_th": cell.v_th, "drive": drive}
    threshold = "v >= v_th"
    if isinstance(cell, ALIF):
        model += "\nda/dt = -a/tau_a : 1"
        threshold = "v >= v_th + beta*a"
        reset += "\na += exp(dt/tau_a)"
        parameters |= {"tau_a": cell.tau_a, "beta": cell.beta}
    return Neuron(
        model=model,
        threshold=threshold,
        reset=reset,
        refractory=cell.refractory,
        parameters=parameters,
        kind=kind,
    )
