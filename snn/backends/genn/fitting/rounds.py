"""Statements of a round: what a group or synapses do in it, with the conditions of each action.

Every neuron holds the clock that conditions read: ``genn_step``, the step of the sample in which a round's first
actions are, and ``genn_turn``, the round of that step if a step has several.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np

from snn.backends.genn.fitting.action import ALLOWED, flag, inbox
from snn.backends.genn.fitting.scheduling import Order, Placed
from snn.equations.parse import identifiers, substitute
from snn.equations.statements import statements, written_names
from snn.lowering.plan.blocks import INTEGERS, Block, Code, Group, SynapseBlock, Variable
from snn.lowering.plan.plan import Plan
from snn.lowering.plan.schedule import CLOCK, FIRST, LAST

KEPT, FIRST_VALUE = "genn_kept_", "genn_initial_"
"""Before the names of copies: as a preview found a variable, and as a run begins."""
FED, SEEN = "genn_fed_", "genn_seen_"
"""Before those of what the host brings, and of what is recorded at the end of a step."""
PAST, OLD = "genn_past{}_", re.compile(r"^genn_past\d+_")
"""Before those of what was so many rounds ago."""
FIRES = "genn_fires"
"""Whether a neuron has been found to spike in this round: for monitors."""
CARRIED = "genn_carried"
"""What a synapse sends in a round."""
DECAY = re.compile(r"\bexp\((-?)dt/(\w+)\)")
DECAYED, GROWN = "genn_decay_", "genn_growth_"
"""Before the name of a time constant: ``exp(-dt/tau)``, and its inverse."""
PRETEXT, PRETEXT_OF_SYNAPSES = "dgenn_clocked/dt = 0/second : 1", "dgenn_paced/dt = 0/second : 1"
"""Brian2 has a state update only for what has a differential equation."""


def fitted_group(plan: Plan, group: Group, order: Order) -> Group:
    """A group whose state update is all that its neurons do in a round."""
    placed = order.of(group.name)
    fitted = Group(group.name, n=group.n, model=PRETEXT, method="euler")
    counted = set().union(*(block.variables for block in plan.synapses.values() if block.target == group.name), set())
    for name, variable in group.variables.items():
        if name in CLOCK or (variable.role == "total" and name in counted):
            continue  # it has a clock of its own, and its synapses count for it
        if name == "not_refractory":
            fitted.declare(ALLOWED, 1.0)
        else:
            _declare(fitted, name, variable)
    for item in placed:
        for name in identifiers(item.action.text):
            if name.startswith((inbox(""), FED)):
                use = plan.signals.get(name.removeprefix(FED))
                fitted.declare(name, role="clock", wide=use is not None and use.phases)
    events = [flag(event.name) for event in group.events]
    for name in [*events, *(["spiked", FIRES] if group.threshold is not None else [])]:
        fitted.declare(name, role="clock")
    for name in ("genn_step", *["genn_turn"] * (order.rounds > 1)):
        fitted.declare(name, 0, "clock", integer=True)
    for name in ("genn_period", "sample_steps"):
        fitted.declare(name, 0, "constant", integer=True)
    fitted.declare("genn_number", np.arange(group.n), "constant", integer=True)
    _declare_copies(fitted, group, placed)
    shifts = list(_shifts(fitted, order.past(group.name)))
    guarded = _guarded(placed, set(fitted.variables), order)
    fitted.program = _with_numbers(fitted, group, "\n".join([*shifts, *guarded, *_clock(order)]), plan.dt)
    if group.threshold is not None:
        fitted.threshold = f"{FIRES} == 1"
    return fitted


def fitted_synapses(block: SynapseBlock, order: Order, dt: float) -> SynapseBlock:
    """Synapses whose state update is all that they do in a round."""
    placed = order.of(block.name)
    sends = any(item.action.received is not None for item in placed)
    fitted = SynapseBlock(
        block.name, source=block.source, target=block.target, pre=block.pre, post=block.post, transmits=block.transmits
    )
    fitted.model = f"{PRETEXT_OF_SYNAPSES} (clock-driven)"
    if sends:
        fitted.model = f"{inbox(block.name)}_post = {CARRIED} : 1 (summed)\n{fitted.model}"
        fitted.summed[f"{inbox(block.name)}_post"] = Code("synapses", "")
        fitted.declare(CARRIED, role="clock")
    for name, variable in block.variables.items():
        if not _is_number(variable):
            _declare(fitted, name, variable, shared=variable.role == "constant" and np.size(variable.value) == 1)
    _declare_copies(fitted, block, placed)
    start = [f"{CARRIED} = 0"] if sends else []
    program = "\n".join([*start, *_guarded(placed, set(fitted.variables), order)])
    fitted.program = _with_numbers(fitted, block, program, dt)
    return fitted


def _is_number(variable: Variable) -> bool:
    """Whether it is one constant of all neurons or synapses. As a number in the code it costs least: GeNN would read it
    for each of them, and hand one of synapses to the GPU again in every round.
    """
    if variable.kind == "wide":  # a number in the code has 32 bits, and so has what is computed with it
        return False
    return variable.role == "constant" and np.size(variable.value) == 1 and bool(np.isfinite(variable.value).all())


def _with_numbers(fitted: Block, block: Block, program: str, dt: float) -> str:
    """The program with constants as numbers, and with decays that no neuron computes in each round."""

    def decay(match: re.Match[str]) -> str:
        sign, name = match.groups()
        tau = block.variables.get(name)
        if tau is None or tau.role != "constant":
            return match.group()
        factor = np.exp((-dt if sign else dt) / np.asarray(tau.value, float))
        if np.size(factor) == 1:
            return repr(float(np.ravel(factor)[0]))
        own = f"{DECAYED if sign else GROWN}{name}"
        fitted.declare(own, factor, "constant")
        return own

    numbers = {name: variable for name, variable in block.variables.items() if _is_number(variable)}
    decayed = DECAY.sub(decay, program)
    return substitute(decayed, {name: _literal(variable) for name, variable in numbers.items()})


def _literal(variable: Variable) -> str:
    """A constant as code."""
    value = np.ravel(variable.value)[0]
    return f"({int(value) if variable.kind in INTEGERS else float(value)!r})"


def _guarded(placed: Iterable[Placed], own: set[str], order: Order) -> Iterator[str]:
    """Statements that change nothing unless their conditions hold."""
    for number, item in enumerate(placed):
        words = _in_round(item, order)
        action = item.action
        condition = _condition(item, order)

        def guarded(name: str, value: str, condition: str = condition) -> str:
            return f"{name} = genn_chosen({condition}, {value}, {name})" if condition else f"{name} = {value}"

        if action.received is not None:
            yield guarded(CARRIED, substitute(action.text, words))
            continue
        local = {name: f"genn_{number}_{name}" for name in written_names(action.text) if name not in own}
        for name, operator, value in statements(substitute(action.text, words | local)):
            whole = f"{name} {operator} ({value})" if operator else value
            yield guarded(name, whole) if name in own else f"{name} = {whole}"
        if action.text.startswith("spiked ="):
            yield f"{FIRES} = genn_chosen({condition}, spiked, 0)" if condition else f"{FIRES} = spiked"


def _in_round(item: Placed, order: Order) -> dict[str, str]:
    """Return the names that an action reads in its round: the clock of its step, and copies of variables that have
    changed since.
    """
    late = item.lag // order.rounds
    sides = ("_pre", "_post") if item.action.synaptic else ("",)
    words = {f"sample_step{side}": f"(genn_step{side} - {late})" if late else f"genn_step{side}" for side in sides}
    for full, age in item.past.items():
        name = full.split(".")[1]
        words |= {f"{name}{side}": f"{PAST.format(age)}{name}{side}" for side in sides}
    return words


def _condition(item: Placed, order: Order) -> str:
    """Return the condition under which an action runs. Empty if it always runs.

    Synapses read the clock of the presynaptic neuron, which is one number for all that lie side by side in memory.
    """
    side = "_pre" if item.action.synaptic else ""
    late, turn = divmod(item.lag, order.rounds)
    step, period = f"genn_step{side}", f"genn_period{side}"
    tests = [f"genn_turn{side} == {turn}"] if order.rounds > 1 else []
    if item.action.when == FIRST:
        tests.append(f"{step} == {late}")
    elif item.action.when == LAST:
        tests.append(f"{step} == {period} + {late - 1}")
    else:
        tests += [f"{step} >= {late}"] if late else []
        tests += [f"{step} < {period} + {late}"] if late < order.behind else []
    words = _in_round(item, order)
    return " and ".join([*tests, *(substitute(text, words) for text in item.action.conditions)])


def _clock(order: Order) -> Iterator[str]:
    """The step of the sample, and the round of the step, move on."""
    last = f"genn_step == genn_period + {order.behind - 1}"
    if order.rounds == 1:
        yield f"genn_step = genn_chosen({last}, 0, genn_step + 1)"
        return
    turn = f"genn_turn == {order.rounds - 1}"
    yield f"genn_step = genn_chosen({turn}, genn_chosen({last}, 0, genn_step + 1), genn_step)"
    yield f"genn_turn = genn_chosen({turn}, 0, genn_turn + 1)"


def _shifts(fitted: Group, past: Mapping[str, int]) -> Iterator[str]:
    """Copies grow a round older, before anything changes."""
    for name, oldest in past.items():
        names = [name, *(f"{PAST.format(age)}{name}" for age in range(1, oldest + 1))]
        of = fitted.variables[name]
        for copy in names[1:]:
            _declare(fitted, copy, replace(of, role="clock"))
        yield from (f"{older} = {newer}" for newer, older in reversed(list(pairwise(names))))


def _declare(fitted: Block, name: str, variable: Variable, shared: bool = False) -> None:
    flags = [text for text, on in (("shared", shared), ("constant", variable.role == "constant")) if on]
    kind = "integer" if variable.kind in ("integer", "wide") else "1"
    text = f"{name} : {kind}" + (f" ({', '.join(flags)})" if flags else "")
    fitted.variables[name] = Variable(variable.value, variable.role, text, variable.kind)


def _declare_copies(fitted: Block, block: Block, placed: list[Placed]) -> None:
    copies = ((KEPT, fitted, "clock"), (SEEN, fitted, "clock"), (FIRST_VALUE, block, "constant"))
    for name in sorted({name for item in placed for name in identifiers(item.action.text)}):
        for prefix, owner, role in copies:
            of = name.removeprefix(prefix)
            if of != name and of in owner.variables:
                _declare(fitted, name, replace(owner.variables[of], role=role))
