"""Surrogate derivatives of the spike, as expressions of the distance to the threshold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from snn.fields import number
from snn.serial import serialisable


class Surrogate(ABC):
    """A pseudo-derivative of a spike with respect to the membrane variable, computed before the spike test."""

    height: float
    width: float

    @abstractmethod
    def expression(self, distance: str, height: str, width: str) -> str:
        """Brian2 expression of the derivative, given expressions of v minus threshold, height and width."""


@serialisable
@dataclass(frozen=True)
class PiecewiseLinear(Surrogate):
    r"""Triangle :math:`\frac{h}{v_{th}}\max(0, 1 - |v - A| / (w\, v_{th}))` (Bellec et al. 2020, eq. 4).

    Parameters
    ----------
    height : float, >= 0
        Value h at the threshold, in units of 1/v_th.
    width : float, > 0
        Half-width w, in units of v_th.
    """

    height: float = number(0.3, at_least=0)
    width: float = number(1.0, above=0)

    def expression(self, distance: str, height: str, width: str) -> str:
        return f"{height}*clip(1 - abs({distance})/({width}), 0, 1)"
