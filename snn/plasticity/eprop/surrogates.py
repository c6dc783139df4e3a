r"""Surrogate derivatives of the spike, :math:`\psi = \frac{h}{s} f\!\left(\frac{|u|}{w s}\right)`.

u is the distance to the threshold, taken before the spike test (part 2 of the time step); h is the height, w the width,
s the scale in which both are measured.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from brian2 import Quantity, have_same_dimensions, volt
from brian2.units.fundamentalunits import DIMENSIONLESS, Dimension, get_unit

from snn import fields
from snn.errors import NetworkError
from snn.fields import is_number, number, si
from snn.neurons import Neuron
from snn.serial import serialisable


@dataclass(frozen=True)
class Surrogate(ABC):
    """A pseudo-derivative of a spike with respect to the distance to the threshold.

    Parameters
    ----------
    height : float, >= 0
        Value h at the threshold, in units of 1/scale.
    width : float, > 0
        Width w, in units of scale.
    scale : Quantity or float, > 0, or None
        The unit s of the threshold's two sides in which height and width are given: ``1`` or ``10*mV`` gives them
        absolutely. ``None``: the neuron's own parameter ``v_th`` if it has one that is positive, as in Bellec et al.
        2020; otherwise 1, which only thresholds without a unit allow.
    """

    height: float = number(0.3, at_least=0)
    width: float = number(1.0, above=0)
    scale: Quantity | float | None = None

    @abstractmethod
    def shape(self, distance: str) -> str:
        """Brian2 expression of f, given that of :math:`|u|/(w s)`, a quotient that is not negative."""

    def expression(self, distance: str) -> str:
        r"""Brian2 expression of :math:`\psi`, given that of u; it reads what `numbers` returns."""
        return f"surrogate_height*{self.shape(f'abs({distance})/surrogate_width')}"

    def numbers(self, neuron: Neuron, unit: Dimension) -> dict[str, float]:
        """Return the numbers that the expression reads, in SI units, for a neuron whose threshold has the given unit.

        Raises
        ------
        NetworkError
            If `scale` has another unit, or must be given.
        """
        scale = self._scale(neuron, unit)
        return {"surrogate_height": self.height / scale, "surrogate_width": self.width * scale}

    def _scale(self, neuron: Neuron, unit: Dimension) -> float:
        of_neuron = neuron.parameters.get("v_th")
        if self.scale is not None:
            if not have_same_dimensions(self.scale, unit):
                raise NetworkError(
                    f"`scale` of a surrogate must have the unit of the threshold, "
                    f"{'none' if unit is DIMENSIONLESS else repr(get_unit(unit))}, but is {self.scale!r}."
                )
            return si(self.scale)
        if of_neuron is not None and si(of_neuron) > 0 and have_same_dimensions(of_neuron, unit):
            return si(of_neuron)
        if unit is DIMENSIONLESS:
            return 1.0
        raise NetworkError(
            f"Height and width of a surrogate are measured in the neuron's v_th, but it has none that is positive and "
            f"in {get_unit(unit)!r}; give a scale about as large as a spike, such as "
            f"{type(self).__name__}(scale={'30*mV' if unit == volt.dim else repr(get_unit(unit))})."
        )

    def problems(self, name: str) -> list[str]:
        """Return all problems of the surrogate's numbers, one sentence each."""
        found = fields.problems(self, name)
        scale: Any = self.scale
        if scale is not None and not (is_number(scale) and 0 < si(scale) < float("inf")):
            found.append(f"`scale > 0` must hold, but {name} has scale = {scale!r}.")
        return found


@serialisable
@dataclass(frozen=True)
class PiecewiseLinear(Surrogate):
    r"""Triangle, :math:`f(x) = \max(0, 1 - x)` (Bellec et al. 2020, eq. 4); w is half its base."""

    def shape(self, distance: str) -> str:
        return f"clip(1 - {distance}, 0, 1)"


@serialisable
@dataclass(frozen=True)
class Exponential(Surrogate):
    r""":math:`f(x) = e^{-x}` (Shrestha & Orchard 2018)."""

    def shape(self, distance: str) -> str:
        return f"exp(-{distance})"


@serialisable
@dataclass(frozen=True)
class FastSigmoid(Surrogate):
    r""":math:`f(x) = (1 + x)^{-2}`, the derivative of a fast sigmoid (Zenke & Ganguli 2018)."""

    def shape(self, distance: str) -> str:
        return f"(1 + {distance})**-2"


@serialisable
@dataclass(frozen=True)
class Arctan(Surrogate):
    r""":math:`f(x) = 1/(1 + x^2)`, the derivative of an arc tangent (Fang et al. 2021)."""

    def shape(self, distance: str) -> str:
        return f"1/(1 + ({distance})**2)"
