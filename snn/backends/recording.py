"""Recordings of a run, by the names that users give."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from snn.errors import SNNError, nearest
from snn.lowering.plan.plan import Plan

SPIKES = "spikes"


@dataclass(frozen=True)
class Track:
    """One thing to record: a group's spikes or a variable, in every step or at the end of every sample."""

    name: str
    block: str
    variable: str
    per: str  # "step" or "sample"


def resolve(plan: Plan, names: Iterable[str]) -> list[Track]:
    """The tracks that a user's names stand for.

    ``"spikes"`` stands for the spikes of every population, ``"hidden.spikes"`` for one's, ``"hidden.v"`` for a state
    variable in every step, ``"inputs_to_hidden.w"`` for a synaptic variable at the end of every sample.

    Raises
    ------
    SNNError
        For a name that stands for nothing.
    """
    tracks: dict[str, Track] = {}
    for name in names:
        for track in _tracks(plan, name):
            tracks[track.name] = track
    return list(tracks.values())


def _tracks(plan: Plan, name: str) -> list[Track]:
    spiking = [group.name for group in plan.groups.values() if group.threshold]
    if name == SPIKES:
        return [Track(f"{group}.{SPIKES}", group, SPIKES, "step") for group in spiking]
    known = {f"{group}.{SPIKES}": Track(f"{group}.{SPIKES}", group, SPIKES, "step") for group in spiking}
    for block in plan.blocks():
        per = "step" if block.name in plan.groups else "sample"
        for variable, details in block.variables.items():
            if details.role in ("state", "lasting"):
                known[f"{block.name}.{variable}"] = Track(f"{block.name}.{variable}", block.name, variable, per)
    plain = name.replace("->", "_to_")
    if plain not in known:
        raise SNNError(f"`record` names {name!r}; {nearest(plain, [SPIKES, *known])}.")
    return [known[plain]]


class Recorder:
    """Takes notes during a run in this process."""

    def __init__(self, tracks: list[Track], variable: Callable[[str], Any], spikes: Callable[[str], np.ndarray]):
        self.tracks, self.variable, self.spikes = tracks, variable, spikes
        self.notes: dict[str, list[np.ndarray]] = {track.name: [] for track in tracks}

    def step(self, step: int) -> None:
        """Note what is recorded in every step."""
        for track in self.tracks:
            if track.variable == SPIKES:
                neurons = self.spikes(track.block)
                self.notes[track.name].append(np.column_stack([np.full(len(neurons), step), neurons]))
            elif track.per == "step":
                self.notes[track.name].append(np.array(self.variable(track.name).get_value()))

    def sample(self) -> None:
        """Note what is recorded at the end of every sample."""
        for track in self.tracks:
            if track.per == "sample":
                self.notes[track.name].append(np.array(self.variable(track.name).get_value()))

    def result(self) -> dict[str, np.ndarray]:
        """The notes as arrays, by name."""
        return {
            track.name: np.concatenate([np.empty((0, 2), np.int64), *self.notes[track.name]]).astype(np.int64)
            if track.variable == SPIKES
            else np.array(self.notes[track.name])
            for track in self.tracks
        }
