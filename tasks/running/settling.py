"""The decision latency of a sample: the time after which its decision no longer changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from snn.errors import SNNError, nearest
from snn.lowering.plan.plan import Plan
from snn.network.data import NamedReadout
from snn.readouts import SpikeReadout

Decide = Callable[[np.ndarray, np.ndarray], np.ndarray]


def deciding(plan: Plan, named: NamedReadout) -> tuple[str, ...]:
    """Return the names to record in every step: the scores, and the variables that break ties, if there are any.

    The neurons' own variable stands for the tie-breaker, which is set to it in a sample's last step only.

    Raises
    ------
    SNNError
        If ties are broken by an expression, which cannot be recorded.
    """
    score = plan.outputs[named.name][0]
    if not isinstance(named.readout, SpikeReadout):
        return (score,)
    group, variable = plan.groups[named.readout.population], named.readout.variable
    if variable not in group.variables:
        states = [name for name, details in group.variables.items() if details.role == "state"]
        raise SNNError(
            f"The settling time needs ties that are broken by a state variable, but {named.name!r} breaks them by the "
            f"expression {variable!r}; {nearest(variable, states)}."
        )
    return score, f"{group.name}.{variable}"


def settled_after(
    recordings: Mapping[str, np.ndarray], names: tuple[str, ...], period: int, decide: Decide
) -> np.ndarray:
    """Return the number of steps after which each sample's decision was final: 1 to `period`, shape (n,).

    Parameters
    ----------
    recordings : mapping of str to array
        Of each name (see `deciding`), an array of shape (n * period, units).
    period : int
        Steps of a sample and the gap after it.
    decide : callable
        Scores and tie-breakers, both of shape (k, units), to decisions.
    """
    scores, *ties = (recordings[name] for name in names)
    decisions = decide(scores, ties[0] if ties else np.zeros_like(scores)).reshape(-1, period)
    # From the end back: how many steps have had the last decision without a break.
    unbroken = np.logical_and.accumulate((decisions == decisions[:, -1:])[:, ::-1], axis=1)
    return period + 1 - np.count_nonzero(unbroken, axis=1)
