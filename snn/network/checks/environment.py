"""Checks of a network's environment and activities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from snn.equations.check import environment_problems
from snn.equations.parse import identifiers, parsing_problem, units_of, unusable
from snn.fields import mapping_problems
from snn.fields import problems as field_problems
from snn.network.checks.kinds import kind_problems_of_signals
from snn.network.rules import neuron_of
from snn.signals import ACTIVITY, Environment

if TYPE_CHECKING:
    from snn.network.data import NetworkData


def problems_of_environment(spec: NetworkData, environment: Environment) -> Iterator[str]:
    """Check the environment's equations, signals and parameters."""
    name = "the environment"
    if not spec.readouts and "action" in str(environment.model):
        yield "An environment answers a readout's decision, but the network has no readout; add net.readout(...)."
    found = field_problems(environment, name) + mapping_problems("parameters", environment.parameters, name)
    for field in ("model", "method"):
        if not isinstance(getattr(environment, field), str):
            found.append(f"`{field}` of {name} must be a text, but is {getattr(environment, field)!r}.")
    if isinstance(environment.signals, Mapping):
        found += kind_problems_of_signals(environment.signals, name)
    else:
        found.append(f"`signals` of {name} must map names to Signal(...), but is {environment.signals!r}.")
    if not found and (unparsed := parsing_problem(environment.model, name)):
        found.append(unparsed)
    if not found:
        activities = [f"{p.name}{ACTIVITY}" for p in spec.populations]
        found += environment_problems(
            environment.model,
            environment.method,
            units_of(environment.parameters),
            (*environment.signals, *activities),
        )
        found += [
            f"The signal {signal!r} of {name} has a reserved name; rename it."
            for signal in environment.signals
            if unusable(signal)
        ]
    yield from found


def problems_of_activities(spec: NetworkData) -> Iterator[str]:
    """Check that every population whose activity the environment reads can spike."""
    read = identifiers(spec.environment.model) if spec.environment is not None else set()
    for population in spec.populations:
        name = f"{population.name}{ACTIVITY}"
        neuron = neuron_of(spec, population.name)
        if name in read and neuron is not None and neuron.threshold is None:
            yield f"The environment reads {name!r}, but {population.name!r} has threshold=None and never spikes."
