"""Checks that a network fits a task, before anything is compiled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from snn.network.spec import NetworkSpec
from snn.readouts import LeakyReadout, SpikeReadout
from snn.times import whole_steps, wrong_duration
from snn.values import Values
from tasks.data import Drawn

if TYPE_CHECKING:
    from tasks.dataset import Dataset


def problems(task: Dataset, spec: NetworkSpec) -> list[str]:
    """Return the problems of the task's numbers and of the network for the task, one sentence each.

    Raises
    ------
    DataError
        If something is wrong with the task's data or split: there is nothing to compare the network with.
    """
    if found := task.problems():  # there may be no data to compare the network with
        return found
    _ = task.parts  # the data and the split are checked on their own, once
    found = [*_inputs(task, spec), *_range(task, spec), *_readouts(task, spec)]
    return found or list(_steps(task, spec))


def _inputs(task: Dataset, spec: NetworkSpec) -> Iterator[str]:
    shape = task.data.values.shape
    if spec.inputs.n != shape[-1]:
        yield f"The inputs must be as many as {task.name} has values, {shape[-1]}, but the network has {spec.inputs.n}."
    per = spec.inputs.encoding().per
    given = "step" if len(shape) == 3 else "sample"
    if per != given:
        remedy = f"SpikeTrains({shape[-1]})" if given == "step" else f"Poisson({shape[-1]})"
        if given == "step":
            remedy += ", or make one row of each sample by values.reshape(len(values), -1)"
        yield (
            f"The inputs must read values once a {given}, as {task.name} has one row a {given}, but "
            f"{type(spec.inputs).__name__} reads them once a {per}; write inputs={remedy}."
        )


def _range(task: Dataset, spec: NetworkSpec) -> Iterator[str]:
    """Values that the inputs cannot encode. Drawn ones are looked at when they are drawn."""
    takes, values = spec.inputs.takes, task.data.values
    place = task.data.first_outside(takes)
    if place is None or isinstance(values, Drawn):
        return
    low, high = values.min(), values.max()
    if takes is Values.SPIKES:
        remedy = "write values > 0.5, or draw spikes by rng.random(values.shape) < values"
    elif low >= 0:
        remedy = "divide them by 255" if values.dtype == np.uint8 else "divide them by their maximum, values.max()"
    else:
        remedy = "write (values - values.min()) / (values.max() - values.min()), or inputs=Analog(n), which takes any"
    yield (
        f"`values` of {task.name} must be {takes.value} for {type(spec.inputs).__name__} inputs, but {list(place)} is "
        f"{values[place]:g}, and they go from {low:g} to {high:g}; {remedy}."
    )


def _readouts(task: Dataset, spec: NetworkSpec) -> Iterator[str]:
    if not spec.readouts:
        yield "A task scores a readout, but the network has none; add net.readout(...)."
    for named in spec.readouts:
        readout = named.readout
        if isinstance(readout, LeakyReadout) and readout.target == "target":
            yield from _target(task, named.name, readout.n)
        elif task.data.labels is None:
            yield (
                f"{task.name} has no labels, but the readout {named.name!r} is compared with them; write "
                "LeakyReadout(..., target='target', loss='squared_error')."
            )
        else:
            units = spec.sizes()[readout.population if isinstance(readout, SpikeReadout) else named.name]
            if units != task.data.classes:
                yield f"{task.name} has {task.data.classes} classes, but the readout {named.name!r} has {units} units."


def _target(task: Dataset, name: str, units: int) -> Iterator[str]:
    """A readout that is compared with the stream's ``target``, in every step."""
    if "target" not in task.data.arrays:
        yield f"The readout {name!r} is compared with a target, but {task.name} gives none; write target='label'."
        return
    shape = task.data.arrays["target"].shape
    if len(shape) == 1:
        yield (
            f"The target of {task.name} must have a number for every step, shape (n, steps) or (n, steps, width), as "
            f"the readout {name!r} is compared with it in every step, but it has one a sample, shape {tuple(shape)}."
        )
        return
    width = shape[2] if len(shape) == 3 else 1
    if width != units:
        yield f"The target of {task.name} has {width} numbers a step, but the readout {name!r} has {units} units."


def _steps(task: Dataset, spec: NetworkSpec) -> Iterator[str]:
    times = {name: getattr(task, name) for name in ("sample", "gap")}
    if wrong := [name for name, time in times.items() if whole_steps(time, spec.dt) is None]:
        yield from (wrong_duration(f"`{name}` of {task.name}", times[name], spec.dt) for name in wrong)
        return
    shown = whole_steps(task.sample, spec.dt)
    for name, array in task.data.arrays.items():
        if len(array.shape) == 3 and array.shape[1] != shown:
            have = "have" if name == "values" else "has"
            yield (
                f"The {name} of {task.name} {have} {array.shape[1]} steps, but sample = {task.sample!r} is {shown} "
                f"steps of dt = {spec.dt!r}; change one of them."
            )
