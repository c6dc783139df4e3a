"""Names of a network's parts in a plan."""

from __future__ import annotations

from brian2.units.fundamentalunits import DIMENSIONLESS, get_unit

from snn.equations.parse import parsed
from snn.network.spec import NetworkSpec
from snn.plasticity.terms import WEIGHT_IN_RULES

WEIGHT = "weight"
RENAMED = {WEIGHT_IN_RULES: WEIGHT}


def block_names(spec: NetworkSpec) -> dict[str, str]:
    """The name of each projection's synapses, a plain word."""
    names: dict[str, str] = {}
    for projection in spec.projections:
        base = name = f"{projection.source}_to_{projection.target}"
        number = 1
        while name in names.values():
            number += 1
            name = f"{base}_{number}"
        names[projection.name] = name
    return names


def receiving(spec: NetworkSpec, population: str, variable: str | None = None) -> tuple[str, str]:
    """The variable of a population that receives, and what makes a plain number a quantity of its unit."""
    neuron = next(p.model.neuron(spec.dt) for p in spec.populations if p.name == population)
    variable = variable or neuron.input
    unit = parsed(neuron.model).dimensions[variable]
    return variable, "" if unit is DIMENSIONLESS else f"*({get_unit(unit)!r})"
