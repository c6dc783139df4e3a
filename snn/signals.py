"""Signals that a task feeds into a network besides its input, and equations that respond to the network's decision."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from snn import fields
from snn.fields import choice, flag, sort_mappings
from snn.serial import serialisable

ACTIVITY = "_activity"
SOURCE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@serialisable
@dataclass(frozen=True)
class Signal:
    """A value of the task's stream, given to the neurons of a population as a variable.

    Parameters
    ----------
    source : str
        Name of the stream's array: ``"values"``, ``"label"``, ``"target"``, ``"reward"`` or another that the task has.
    per : {"sample", "step"}
        Whether the array has one row a sample (loaded in the sample's first step) or one row a step.
    one_hot : bool
        Neuron i receives 1 if the value equals i, else 0 (a label taught to ten neurons). Otherwise neuron i receives
        the i-th number of the row, or the row's only number.
    teacher : bool
        Whether the signal tells the answer. A teacher is zero wherever the network is scored.

    Place in the time step: before part 1.
    """

    source: str
    per: str = choice("sample", "sample", "step")
    one_hot: bool = flag(False)
    teacher: bool = flag(False)

    def problems(self, name: str) -> list[str]:
        """Return all problems of the signal, one sentence each."""
        found = fields.problems(self, name)
        if not isinstance(self.source, str) or not SOURCE.fullmatch(self.source):
            found.append(f"`source` of {name} must be a plain word such as 'label', but is {self.source!r}.")
        return found


@serialisable
@dataclass(frozen=True)
class Environment:
    """Equations that answer the network: its decision by a reward, say, or its activity by a broadcast signal.

    Parameters
    ----------
    model : str
        Brian2 equations of one unit. They may read ``action`` (the index that the first readout decides for),
        ``NAME_activity`` (the share of population NAME that spiked in this step), every scalar named in `signals`, and
        `parameters`. Rules ask for their third factor by the name of a variable here.
    on : {"sample", "step"}
        Whether the decision is taken and answered in the last step of a sample, or in every step.
    signals : mapping of str to Signal
        Values of the stream that the equations read; by default ``label``.
    parameters : mapping of str to number or Quantity
        Constants of the equations.
    method : str
        Brian2's state updater, where there are differential equations.

    Place in the time step: after part 4 (the decision), before weight changes of part 5 that use it.

    Examples
    --------
    >>> correct = Environment("reward = 2*int(action == label) - 1 : 1")
    >>> calm = Environment("excess = hidden_activity - share : 1", on="step", signals={}, parameters={"share": 0.02})
    """

    model: str
    on: str = choice("sample", "sample", "step")
    signals: Mapping[str, Signal] = field(default_factory=lambda: {"label": Signal("label")})
    parameters: Mapping[str, Any] = field(default_factory=dict)
    method: str = "euler"

    def __post_init__(self) -> None:
        sort_mappings(self, "signals", "parameters")
