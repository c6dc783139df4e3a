"""Brian2 objects of a plan, the same for every backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Clock, Equations, Network, NeuronGroup, Synapses, second
from brian2.codegen.optimisation import defaults_ns
from brian2.groups.group import CodeRunner

from snn.lowering.plan.blocks import Block, Code, Group, OnEvent, SynapseBlock
from snn.lowering.plan.plan import Plan
from snn.lowering.plan.schedule import PHASES, SPIKE_TEST, STEP

# Brian2 evaluates constants as Python, where a variable named `sum` must not be the function.
defaults_ns["__builtins__"] = {}

MARK = "phase_"  # a clock's name says when its objects run; all clocks have the same time step


@dataclass
class Lowered:
    """Brian2 objects by the names of their blocks."""

    network: Network
    objects: dict[str, Any]
    clocks: dict[str, Clock]

    def phase(self, brian_object: Any) -> str:
        """Return the phase of an object, one of `snn.lowering.plan.schedule.PHASES`."""
        name = brian_object.clock.name
        return name.removeprefix(MARK) if name.startswith(MARK) else STEP


def lower(plan: Plan, dtype: type, functions: Mapping[str, Any], clock: Clock | None = None) -> Lowered:
    """Make a network of Brian2 objects.

    Parameters
    ----------
    plan : Plan
    dtype : numpy.float32 or numpy.float64
        Precision of all state.
    functions : mapping of str to Function
        What the equations call: ``uniform``, ``normal`` and ``signal_NAME`` for each of the plan's signals.
    clock : Clock or None
        One clock for all phases, where a device takes no other.
    """
    clocks = {phase: clock or Clock(dt=plan.dt * second, name=MARK + phase) for phase in PHASES}
    objects: dict[str, Any] = {}
    for group in plan.groups.values():
        objects[group.name] = _group(group, dtype, clocks, functions)
    for block in plan.synapses.values():
        objects[block.name] = _synapses(block, objects, dtype, clocks, functions)
    network = Network(list(objects.values()))
    network.schedule = list(plan.slots)
    return Lowered(network, objects, clocks)


def _equations(block: Block) -> Equations:
    declared = [variable.declaration for variable in block.variables.values() if variable.declaration]
    return Equations("\n".join([block.model, *declared]))


def _dtypes(block: Block, equations: Equations, dtype: type) -> dict[str, type]:
    floats = {name: dtype for name, equation in equations.items() if equation.var_type == "float"}
    return floats | {name: np.int64 for name, variable in block.variables.items() if variable.kind == "wide"}


def _method(block: Block) -> Any:
    """Return the method of the state update: one of Brian2's, or a wrapper around the given program."""
    return (lambda *_, **__: block.program) if block.program else block.method


def _group(group: Group, dtype: type, clocks: Mapping[str, Clock], functions: Mapping[str, Any]) -> NeuronGroup:
    equations = _equations(group)
    made = NeuronGroup(
        group.n,
        equations,
        method=_method(group),
        threshold=group.threshold,
        reset="" if group.threshold else None,
        refractory=group.refractory if group.refractory is not None else False,
        events={event.name: event.condition for event in group.events},
        dtype=_dtypes(group, equations, dtype),
        clock=clocks[STEP],
        namespace=dict(functions),
        name=group.name,
    )
    # What spikes do is in the plan's event code; Brian2's own resetter, left empty, goes.
    made.contained_objects[:] = [item for item in made.contained_objects if item not in made.resetter.values()]
    made.state_updater.when = group.update_slot
    if group.threshold is not None:
        made.set_event_schedule("spike", when=group.threshold_slot, order=SPIKE_TEST)
    for event in group.events:
        made.set_event_schedule(event.name, when=event.slot, order=event.order)
    for number, on_event in enumerate(group.on_events):
        made.contained_objects.append(_event_code(made, on_event, number, clocks))
    for code in group.codes:
        _run_regularly(made, code, clocks)
    return made


def _run_regularly(made: NeuronGroup | Synapses, code: Code, clocks: Mapping[str, Clock]) -> None:
    """Add statements. Units are not checked: a plan's code is in plain SI numbers, whatever the units of the model."""
    runner = made.run_regularly(code.text, when=code.slot, order=code.order, clock=clocks[code.phase])
    runner.check_units = False


def _event_code(group: NeuronGroup, on_event: OnEvent, number: int, clocks: Mapping[str, Clock]) -> CodeRunner:
    """Code for the neurons of an event, as `NeuronGroup.run_on_event` makes it, which allows one for each event."""
    space = f"_{on_event.event}space"
    return CodeRunner(
        group,
        "reset",
        code=on_event.text,
        clock=clocks[on_event.phase],
        when=on_event.slot,
        order=on_event.order,
        name=f"{group.name}_on_{on_event.event}_{number}",
        override_conditional_write=["not_refractory"],
        needed_variables=[space],
        template_kwds={"eventspace_variable": group.variables[space]},
        check_units=False,
    )


def _synapses(
    block: SynapseBlock,
    objects: Mapping[str, Any],
    dtype: type,
    clocks: Mapping[str, Clock],
    functions: Mapping[str, Any],
) -> Synapses:
    equations = _equations(block)
    sides: dict[str, dict[str, str]] = {"pre": {}, "post": {}}
    for number, on_event in enumerate(block.on_events):
        sides[on_event.side][f"path{number}"] = on_event.text
    made = Synapses(
        objects[block.source],
        objects[block.target],
        equations,
        on_pre=sides["pre"],
        on_post=sides["post"],
        delay={f"path{number}": 0 * second for number in range(len(block.on_events))},
        on_event={f"path{number}": on_event.event for number, on_event in enumerate(block.on_events)},
        method=_method(block),
        dtype=_dtypes(block, equations, dtype),
        clock=clocks[STEP],
        namespace=dict(functions),
        name=block.name,
    )
    if len(block.pre):
        made.connect(i=block.pre, j=block.post)
    else:
        made.connect(False)  # Brian2 takes no empty arrays
    if block.program:  # ahead of what it sends
        made.state_updater.when, made.state_updater.order = "synapses", -1
    for number, on_event in enumerate(block.on_events):
        path = getattr(made, f"path{number}")
        path.when, path.order, path._clock = on_event.slot, on_event.order, clocks[on_event.phase]
        path.check_units = False  # as in `_run_regularly`
    for name, code in block.summed.items():
        updater = made.summed_updaters[name]
        updater.when, updater.order, updater._clock = code.slot, code.order, clocks[code.phase]
    for code in block.codes:
        _run_regularly(made, code, clocks)
    return made
