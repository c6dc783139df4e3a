"""The operations of one time step of a plan, in their order.

An action belongs to one group or to one block of synapses, has plain statements and conditions, and says what it reads
and writes, by names such as ``"hidden.v"``. `snn.backends.genn.fitting.scheduling` finds out when each may run on GeNN.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from brian2 import DEFAULT_FUNCTIONS, second
from brian2.core.variables import Constant, Variable
from brian2.equations.equations import SUBEXPRESSION
from brian2.stateupdaters.base import StateUpdateMethod

from snn.backends.genn.fitting.action import ALLOWED, WHEN, Action, flag, given, inbox, key
from snn.equations.parse import identifiers, parsed, substitute
from snn.equations.statements import statements, written_names
from snn.lowering.plan.blocks import Group, SynapseBlock
from snn.lowering.plan.plan import Plan
from snn.lowering.plan.schedule import SPIKE_TEST, STEP

SIGNAL = re.compile(r"signal_(\w+?)\((?:sample_row|signal_row), (?:i|0)\)")
SUMMED = re.compile(r"^\s*(\w+)_(pre|post) = (.*) : 1 \(summed\)\s*$")
SENT = re.compile(r"^\s*(\w+)_post \+= (.*?)\s*$")


def actions(plan: Plan) -> list[Action]:
    """All actions in the plan's order."""
    found = [action for group in plan.groups.values() for action in _of_group(plan, group)]
    found += [action for block in plan.synapses.values() for action in _of_synapses(plan, block)]
    return sorted(found, key=lambda action: action.key)


def plain_words(group: Group) -> dict[str, str]:
    """Return the replacements of names that a fitted group lacks: subexpressions, and Brian2's own."""
    words = {"not_refractory": f"({ALLOWED} == 1)", "absolute_step": "(genn_first_step + sample_step)"}
    equations = parsed(group.model) if group.model else {}
    for name, equation in equations.items():
        if equation.type == SUBEXPRESSION:
            words[name] = f"({equation.expr})"
    for name in list(words):  # subexpressions of subexpressions
        for _ in range(len(words)):
            words[name] = substitute(words[name], {k: v for k, v in words.items() if k != name})
    return words


def _of_group(plan: Plan, group: Group) -> Iterator[Action]:
    words = plain_words(group)

    def action(
        text: str, place: tuple[int, int, str], phase: str = STEP, condition: str = "", protect: bool = True
    ) -> Action:
        text = SIGNAL.sub(lambda match: f"genn_fed_{match.group(1)}", text)
        text = substitute(text, {k: v for k, v in words.items() if k not in written_names(text)})
        if protect:
            text = _protected(group, text)
        conditions = given(condition, phase, "")
        words_read = set(identifiers(text)).union(*map(identifiers, conditions))
        read = frozenset(f"{group.name}.{name}" for name in words_read)
        written = frozenset(f"{group.name}.{name}" for name in written_names(text))
        return Action(group.name, text, conditions, place, read, written, when=WHEN[phase])

    for number, code in enumerate(group.codes):
        place = key(plan, code.slot, code.order, f"{group.name}_run_regularly_{number}")
        yield action(code.text, place, code.phase)
    update = _update(group, plan.dt)
    if update:
        yield action(update, key(plan, group.update_slot, 0, f"{group.name}_stateupdater"))
    if group.threshold is not None:
        text = f"spiked = int({group.threshold})"
        if group.refractory is not None:
            text = f"spiked = int(({group.threshold}) and not_refractory)\n{ALLOWED} = {ALLOWED}*(1 - spiked)"
        yield action(text, key(plan, group.threshold_slot, SPIKE_TEST, f"{group.name}_spike_thresholder"))
    for event in group.events:
        place = key(plan, event.slot, event.order, f"{group.name}_{event.name}_thresholder")
        yield action(f"{flag(event.name)} = int({event.condition})", place)
    for number, on in enumerate(group.on_events):
        place = key(plan, on.slot, on.order, f"{group.name}_on_{on.event}_{number}")
        yield action(on.text, place, on.phase, f"{flag(on.event)} == 1", protect=False)


def protected_names(group: Group) -> set[str]:
    """Variables that only neurons out of their refractory time change."""
    equations = parsed(group.model) if group.model else {}
    return {name for name, equation in equations.items() if "unless refractory" in equation.flags}


def _protected(group: Group, text: str) -> str:
    names = protected_names(group)
    if not names & written_names(text):
        return text
    lines = []
    for name, operator, value in statements(text):
        whole = f"{name} {operator} ({value})" if operator else value
        lines.append(f"{name} = genn_chosen({ALLOWED} == 1, {whole}, {name})" if name in names else f"{name} = {whole}")
    return "\n".join(lines)


class _TimeStep(Constant):
    """Brian2's methods ask for the first element of ``dt``."""

    def __init__(self, dt: float):
        super().__init__("dt", value=dt, dimensions=second.dim)

    def get_value(self) -> np.ndarray:
        return np.array([self.value])


def _update(group: Group, dt: float) -> str:
    """The state update as Brian2's own method writes it, with the refractory test ahead of it."""
    text = ""
    if group.refractory is not None:
        text = f"{ALLOWED} = int(({ALLOWED} == 1) or not ({group.refractory}))\n"
    if not group.model or not parsed(group.model).diff_eq_names:
        return text
    equations = parsed(group.model)
    known: dict[str, object] = {name: function for name, function in DEFAULT_FUNCTIONS.items()}
    for name, equation in equations.items():
        if equation.type != SUBEXPRESSION:
            known[name] = Variable(name, dimensions=equation.dim)
    for name, variable in group.variables.items():
        if name not in known:
            known[name] = Constant(name, value=1.0) if variable.role == "constant" else Variable(name)
    known["dt"] = _TimeStep(dt)
    code = StateUpdateMethod.apply_stateupdater(equations, known, group.method, group_name=group.name)
    return text + (code if isinstance(code, str) else code[0])


def synapse_words(plan: Plan, block: SynapseBlock) -> dict[str, str]:
    """Return the replacements of names that fitted synapses cannot use, with the suffixes of both sides."""
    words = {"i": "genn_number_pre", "j": "genn_number_post", "i_pre": "genn_number_pre", "i_post": "genn_number_post"}
    for side, group in (("pre", plan.groups[block.source]), ("post", plan.groups[block.target])):
        for name, text in plain_words(group).items():
            own = (*group.variables, "genn_first_step", "sample_step", ALLOWED)
            suffixed = {word: f"{word}_{side}" for word in own}
            words[f"{name}_{side}"] = substitute(text, suffixed)
    return words


def _of_synapses(plan: Plan, block: SynapseBlock) -> Iterator[Action]:
    words = synapse_words(plan, block)
    target = plan.groups[block.target]

    def owned(names: set[str]) -> frozenset[str]:
        owners = {"pre": block.source, "post": block.target}
        found = set()
        for name in names:
            base, _, side = name.rpartition("_")
            found.add(f"{owners[side]}.{base}" if side in owners and base else f"{block.name}.{name}")
        return frozenset(found)

    def action(text: str, place: tuple[int, int, str], phase: str, condition: str = "") -> Action:
        text, conditions = substitute(text, words), given(condition, phase, "_pre")
        read = owned(identifiers(text) | set().union(*map(identifiers, conditions), set()))
        written = owned(written_names(text))
        return Action(block.name, text, conditions, place, read, written, True, WHEN[phase])

    def sent(
        variable: str, text: str, place: tuple[int, int, str], adds: bool, phase: str, condition: str = ""
    ) -> Action:
        value = action(text, place, phase, condition)
        taken = f"{variable} {'+=' * adds or '='} {inbox(block.name)}"
        taken = _protected(target, taken) if adds else taken
        conditions = given("", phase, "")
        words_read = identifiers(taken) | set().union(*map(identifiers, conditions), set())
        read = frozenset(f"{target.name}.{name}" for name in words_read)
        written = frozenset({f"{target.name}.{variable}"})
        received = Action(target.name, taken, conditions, place, read, written, when=WHEN[phase])
        return replace(value, received=received)

    for number, on in enumerate(block.on_events):
        place = key(plan, on.slot, on.order, f"{block.name}_path{number}")
        happened = f"{flag(on.event)}_{on.side} == 1"
        arrives = SENT.match(on.text)
        if arrives and "\n" not in on.text.strip():
            yield sent(arrives.group(1), arrives.group(2), place, True, on.phase, happened)
        else:
            yield action(on.text, place, on.phase, happened)
    for number, code in enumerate(block.codes):
        place = key(plan, code.slot, code.order, f"{block.name}_run_regularly_{number}")
        yield action(code.text, place, code.phase)
    for line in block.model.splitlines():
        match = SUMMED.match(line)
        if match:
            variable, side, text = match.groups()
            code = block.summed[f"{variable}_{side}"]
            place = key(plan, code.slot, code.order, f"{block.name}_summed_variable_{variable}_{side}")
            yield sent(variable, text, place, False, code.phase)
