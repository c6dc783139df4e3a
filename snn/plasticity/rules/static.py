"""No plasticity."""

from dataclasses import dataclass

from snn.plasticity.equations import RuleEquations
from snn.plasticity.rule import Place, Rule
from snn.serial import serialisable


@serialisable
@dataclass(frozen=True)
class Static(Rule):
    """Weights stay as they were drawn."""

    def at(self, place: Place) -> RuleEquations:
        return RuleEquations()
