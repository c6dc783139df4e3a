"""From a plan to one that Brian2GeNN can run: one program for each group and each block of synapses.

Brian2GeNN has no phases, no events but spikes, no code on a neuron's side of a synapse that another synapse may write,
and one summed variable for each `Synapses`. So everything that a plan does in a step becomes statements of one state
update, each with its conditions: the round (`snn.backends.genn.order`), the phase, and the event, by variables that
every neuron holds. What synapses send, spikes included, goes through their one summed variable, a round for each. The
statements are the plan's own: nothing about a rule or a neuron is written a second time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from snn.backends.genn.actions import ALLOWED, SIGNAL, Action, actions, flag, inbox, statements
from snn.backends.genn.onesided import MIRROR, one_sided
from snn.backends.genn.order import Placed, place
from snn.backends.loops import written_names
from snn.backends.plan import CLOCK, INTEGERS, Block, Code, Group, Plan, SynapseBlock, Variable
from snn.equations import identifiers, substitute

OF = "of_"
KEPT, FIRST_VALUE = "genn_kept_", "genn_initial_"
RESET, PREVIEW, RESTORE = "genn_reset", "genn_preview", "genn_restore"
FLAGS = ("genn_learn", "teach", RESET, PREVIEW, RESTORE, "genn_first_step")
"""What the host tells every neuron at the beginning of each sample."""
CARRIED = "genn_carried"
DECAY = re.compile(r"\bexp\(-dt/(\w+)\)")
PRETEXT, PRETEXT_OF_SYNAPSES = "dgenn_clocked/dt = 0/second : 1", "dgenn_paced/dt = 0/second : 1"
"""Brian2 has a state update only for what has a differential equation."""


@dataclass(frozen=True)
class Fitted:
    """A plan for Brian2GeNN.

    Attributes
    ----------
    plan : Plan
        Its groups and synapses have programs; its numbers are arguments like any plan's.
    rounds : int
        GeNN's steps in one step of the network.
    fed : dict of str to dict
        By group: the variables that the host sets, and the signal and its rhythm, ``"sample"`` or ``"step"``.
    """

    plan: Plan
    rounds: int
    fed: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)


def fit(plan: Plan, preview: bool = False, reset: bool = True) -> Fitted:
    """Fit a plan into what Brian2GeNN can do.

    Parameters
    ----------
    plan : Plan
        Not changed.
    preview, reset : bool
        Whether any sample of the run is a preview, or starts from the initial state.
    """
    working = one_sided(plan)
    everything = actions(working)
    changed = set().union(*(a.writes | (a.received.writes if a.received else frozenset()) for a in everything))
    before = [a for block in working.blocks() for a in _between_samples(working, block, changed, preview, reset)]
    placed, rounds = place([*sorted(before, key=lambda action: action.key), *everything])
    of: dict[str, list[Placed]] = {block.name: [] for block in working.blocks()}
    for item in placed:
        of[item.action.block].append(item)
    fitted = Fitted(Plan(plan.dt, signals=plan.signals, outputs=plan.outputs), rounds)
    for block in working.synapses.values():
        if of[block.name]:
            fitted.plan.synapses[block.name] = _synapses(block, of[block.name], plan.dt)
    for group in working.groups.values():
        fitted.plan.groups[group.name] = _group(working, group, of[group.name], rounds)
        fitted.fed[group.name] = _fed(group)
    for name, feeds in fitted.fed.items():
        for variable in feeds:
            fitted.plan.groups[name].declare(variable, 0, "clock", wide=variable == "genn_first_step")
    return _renamed(fitted)


def _renamed(fitted: Fitted) -> Fitted:
    """Names under which no word of C++ comes about: Brian2GeNN writes the variable's name and the block's as one."""
    plan = fitted.plan
    groups = {f"{OF}{name}": replace(group, name=f"{OF}{name}") for name, group in plan.groups.items()}
    synapses = {
        f"{OF}{name}": replace(block, name=f"{OF}{name}", source=f"{OF}{block.source}", target=f"{OF}{block.target}")
        for name, block in plan.synapses.items()
    }
    renamed = replace(plan, groups=groups, synapses=synapses)
    return replace(fitted, plan=renamed, fed={f"{OF}{name}": feeds for name, feeds in fitted.fed.items()})


def _between_samples(
    plan: Plan, block: Block, changed: set[str], preview: bool, reset: bool
) -> Iterable[Action]:
    """What happens before a sample's first step: a preview is undone, another one's beginning kept, state reset."""
    side = "_post" if isinstance(block, SynapseBlock) else ""
    roles = ("state", "lasting", "mirror", "total")
    names = [n for n, v in block.variables.items() if v.role in roles and f"{block.name}.{n}" in changed]
    if isinstance(block, Group) and "not_refractory" in block.variables:
        names.append(ALLOWED)
    states = [n for n in names if n == ALLOWED or _resets(plan, block, n)]

    def action(order: int, lines: list[str], told: str) -> Action:
        text = "\n".join(lines)
        read = {f"{block.name}.{name}" for name in identifiers(text)}
        written = frozenset(f"{block.name}.{name}" for name in written_names(text))
        conditions = (f"sample_step{side} == 0", f"{told}{side} == 1")
        return Action(block.name, text, conditions, (-1, order, ""), frozenset(read), written, synaptic=bool(side))

    if preview and names:
        yield action(0, [f"{name} = {KEPT}{name}" for name in names], RESTORE)
        yield action(1, [f"{KEPT}{name} = {name}" for name in names], PREVIEW)
    if reset and states:
        yield action(2, [f"{name} = {_first_value(block, name)}" for name in states], RESET)


def _resets(plan: Plan, block: Block, name: str) -> bool:
    variable = block.variables[name]
    if variable.role == "mirror":
        return plan.synapses[block.name.removeprefix(MIRROR)].variables[name].role == "state"
    return variable.role == "state"


def _first_value(block: Block, name: str) -> str:
    """A number where all elements have the same, or else a constant of each."""
    variable = Variable(1.0) if name == ALLOWED else block.variables[name]
    values = np.unique(np.asarray(variable.value, float))
    if len(values) > 1:
        return FIRST_VALUE + name
    value = float(values[0]) if len(values) else 0.0
    return repr(int(value) if variable.kind in INTEGERS else value)


def _guarded(placed: Iterable[Placed], own: set[str], side: str) -> Iterable[str]:
    """Statements that change nothing unless their conditions hold."""
    for number, item in enumerate(placed):
        action = item.action
        condition = " and ".join([f"genn_turn{side} == {item.round}", *action.conditions])
        if action.received is not None:
            yield f"{CARRIED} = chosen({condition}, {action.text}, {CARRIED})"
            continue
        local = {name: f"genn_{number}_{name}" for name in written_names(action.text) if name not in own}
        for name, operator, value in statements(substitute(action.text, local)):
            if name in own:
                whole = f"{name} {operator} ({value})" if operator else value
                yield f"{name} = chosen({condition}, {whole}, {name})"
            else:
                yield f"{name} = {f'{name} {operator} ({value})' if operator else value}"


def _group(plan: Plan, group: Group, placed: list[Placed], rounds: int) -> Group:
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
            if name.startswith(inbox("")):
                fitted.declare(name, role="clock")
    events = [flag(event.name) for event in group.events] + (["spiked"] if group.threshold is not None else [])
    for name in events:
        fitted.declare(name, role="clock")
    for name in ("genn_turn", "sample_step"):
        fitted.declare(name, 0, "clock", integer=True)
    for name in ("genn_period", "sample_steps"):
        fitted.declare(name, 0, "constant", integer=True)
    fitted.declare("genn_number", np.arange(group.n), "constant", integer=True)
    _declare_copies(fitted, group, placed)
    own = set(fitted.variables)
    last = f"genn_turn == {rounds - 1}"
    clock = [
        f"sample_step = chosen({last}, chosen(sample_step == genn_period - 1, 0, sample_step + 1), sample_step)",
        f"genn_turn = chosen({last}, 0, genn_turn + 1)",
    ]
    fitted.program = "\n".join([*_guarded(placed, own, ""), *clock])
    if group.threshold is not None:  # for monitors: in the round after the test, as the clock has moved on
        tested = next(item.round for item in placed if item.action.text.startswith("spiked ="))
        fitted.threshold = f"spiked == 1 and genn_turn == {(tested + 1) % rounds}"
    return fitted


def _synapses(block: SynapseBlock, placed: list[Placed], dt: float) -> SynapseBlock:
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
        _declare(fitted, name, variable, shared=variable.role == "constant" and np.size(variable.value) == 1)
    _declare_copies(fitted, block, placed)
    start = [f"{CARRIED} = 0"] if sends else []
    program = "\n".join([*start, *_guarded(placed, set(fitted.variables), "_post")])
    fitted.program = _decays_known(fitted, program, dt)
    return fitted


def _decays_known(fitted: SynapseBlock, program: str, dt: float) -> str:
    """The program with ``exp(-dt/tau)`` of a time constant as a number: GeNN would compute it for each synapse."""

    def known(match: re.Match[str]) -> str:
        tau = fitted.variables.get(match.group(1))
        if tau is None or tau.role != "constant" or np.size(tau.value) != 1:
            return match.group()
        name = f"genn_decay_{match.group(1)}"
        fitted.declare(name, float(np.exp(-dt / float(np.ravel(tau.value)[0]))), "constant", shared=True)
        return name

    return DECAY.sub(known, program)


def _declare(fitted: Block, name: str, variable: Variable, shared: bool = False) -> None:
    flags = [text for text, on in (("shared", shared), ("constant", variable.role == "constant")) if on]
    kind = "integer" if variable.kind in ("integer", "wide") else "1"
    text = f"{name} : {kind}" + (f" ({', '.join(flags)})" if flags else "")
    fitted.variables[name] = Variable(variable.value, variable.role, text, variable.kind)


def _declare_copies(fitted: Block, block: Block, placed: list[Placed]) -> None:
    for item in placed:
        for name in identifiers(item.action.text):
            if name.startswith(KEPT) and (of := name.removeprefix(KEPT)) in fitted.variables:
                _declare(fitted, name, replace(fitted.variables[of], role="clock"))
            if name.startswith(FIRST_VALUE) and (of := name.removeprefix(FIRST_VALUE)) in block.variables:
                _declare(fitted, name, replace(block.variables[of], role="constant"))


def _fed(group: Group) -> dict[str, tuple[str, str]]:
    """What the host sets in a group, by variable: flags, and the signals that the group's code reads."""
    feeds: dict[str, tuple[str, str]] = {name: (name, "sample") for name in FLAGS}
    for code in group.codes:
        for match in SIGNAL.finditer(code.text):
            rhythm = "sample" if "sample_row" in match.group() else "step"
            feeds[f"genn_fed_{match.group(1)}"] = (match.group(1), rhythm)
    return feeds
