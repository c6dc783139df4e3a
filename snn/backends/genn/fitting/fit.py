"""The rewriting of a plan for Brian2GeNN: one program for each group and each block of synapses.

Brian2GeNN has no phases, no events but spikes, no code on a neuron's side of a synapse that another synapse may write,
and one summed variable for each `Synapses`. So everything that a plan does in a step becomes statements of one state
update, each with its conditions: the round and the phase (`snn.backends.genn.fitting.scheduling`), and the event, by
variables that every neuron holds. What synapses send, spikes included, goes through their one summed variable. The
statements are the plan's own: nothing about a rule or a neuron is written a second time.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from snn.backends.genn.fitting.action import ALLOWED, LEARNING, Action
from snn.backends.genn.fitting.actions import SIGNAL, actions
from snn.backends.genn.fitting.forward_only import MIRROR, one_sided
from snn.backends.genn.fitting.rounds import FED, FIRST_VALUE, KEPT, SEEN, fitted_group, fitted_synapses
from snn.backends.genn.fitting.scheduling import Order, place
from snn.equations.parse import identifiers
from snn.equations.statements import written_names
from snn.lowering.plan.blocks import INTEGERS, Block, Group, SynapseBlock, Variable
from snn.lowering.plan.plan import Plan
from snn.lowering.plan.schedule import FIRST

OF = "of_"
BROUGHT = "genn_brought_"
RESET, PREVIEW, RESTORE = "genn_reset", "genn_preview", "genn_restore"
FLAGS = (LEARNING, "teach", RESET, PREVIEW, RESTORE, "genn_first_step")
"""What the host tells every neuron at the beginning of each sample."""


@dataclass(frozen=True)
class Fed:
    """A variable of neurons that the host sets.

    Attributes
    ----------
    source : str
        A signal, or one of `FLAGS`.
    per : {"sample", "step"}
        How often.
    lag : int
        Rounds from a step's beginning to its taking: a lag of whole steps is the host's.
    """

    source: str
    per: str
    lag: int = 0


@dataclass(frozen=True)
class Fitted:
    """A plan for Brian2GeNN.

    Attributes
    ----------
    plan : Plan
        Its groups and synapses have programs; its numbers are arguments like any plan's.
    rounds : int
        GeNN's steps in one step of the network.
    behind : int
        Steps by which the end of a sample lags behind.
    fed : dict of str to dict
        By group: what the host sets, by variable.
    lags : dict of str to int
        By group, the lag of its spike test, and by ``"block.variable"``, that of what is seen in each step.
    """

    plan: Plan
    rounds: int
    behind: int = 0
    fed: dict[str, dict[str, Fed]] = field(default_factory=dict)
    lags: dict[str, int] = field(default_factory=dict)

    def length(self, period: int) -> int:
        """GeNN's steps in a sample of so many steps."""
        return self.rounds * (period + self.behind)


def fit(plan: Plan, preview: bool = False, reset: bool = True, seen: Sequence[str] = (), learn: bool = True) -> Fitted:
    """Fit a plan into what Brian2GeNN can do.

    Parameters
    ----------
    plan : Plan
        Not changed.
    preview, reset : bool
        Whether any sample of the run is a preview, or starts from the initial state.
    seen : sequence of str
        Variables that are recorded as each step leaves them, such as ``"hidden.v"``: copies are kept of them.
    learn : bool
        Whether rules run in any sample.
    """
    working = one_sided(plan)
    everything = [action for action in actions(working) if learn or not action.learns]
    changed = set().union(*(a.writes | (a.received.writes if a.received else frozenset()) for a in everything))
    before = [a for block in working.blocks() for a in _between_samples(working, block, changed, preview, reset)]
    before += [a for group in working.groups.values() for a in _taken(group)]
    after = [_kept(working, name) for name in seen]
    order = place([*sorted(before, key=lambda action: action.key), *everything, *after])
    fitted = Fitted(Plan(plan.dt, signals=plan.signals, outputs=plan.outputs), order.rounds, order.behind)
    for block in working.synapses.values():
        if order.of(block.name):
            fitted.plan.synapses[block.name] = fitted_synapses(block, order, plan.dt)
    for group in working.groups.values():
        fitted.plan.groups[group.name] = fitted_group(working, group, order)
        fitted.fed[group.name] = _fed(group, order, _read(fitted.plan, group.name))
        if group.threshold is not None:
            fitted.lags[group.name] = order.lag(group.name, "spiked =")
    for name in seen:
        block_name, variable = seen_as(name).split(".")
        fitted.lags[name] = order.lag(block_name, f"{SEEN}{variable} =")
    for name, feeds in fitted.fed.items():
        for variable, fed in feeds.items():
            use = plan.signals.get(fed.source)
            wide = variable == "genn_first_step" or (use is not None and use.phases)
            fitted.plan.groups[name].declare(variable, 0, "clock", wide=wide)
    return _renamed(fitted)


def _taken(group: Group) -> Iterator[Action]:
    """The taking of what the host brings in each step: in the round in which it is needed."""
    for name, per in _signals(group).items():
        if per == "step":
            written = frozenset({f"{group.name}.{FED}{name}"})
            yield Action(group.name, f"{FED}{name} = {BROUGHT}{name}", (), (-1, 3, ""), writes=written)


def _kept(plan: Plan, name: str) -> Action:
    """The keeping of what is seen, at the end of a step."""
    block, variable = seen_as(name).split(".")
    written = frozenset({f"{block}.{SEEN}{variable}"})
    synaptic = block in plan.synapses
    text = f"{SEEN}{variable} = {variable}"
    read = frozenset({f"{block}.{variable}"})
    return Action(block, text, (), (3 * len(plan.slots), 0, ""), read, written, synaptic)


def seen_as(name: str) -> str:
    """The name under which a fitted plan has what is recorded."""
    block, variable = name.split(".")
    return f"{block}.{ALLOWED if variable == 'not_refractory' else variable}"


def _renamed(fitted: Fitted) -> Fitted:
    """Names under which no word of C++ comes about: Brian2GeNN writes the variable's name and the block's as one."""
    plan = fitted.plan
    groups = {f"{OF}{name}": replace(group, name=f"{OF}{name}") for name, group in plan.groups.items()}
    synapses = {
        f"{OF}{name}": replace(block, name=f"{OF}{name}", source=f"{OF}{block.source}", target=f"{OF}{block.target}")
        for name, block in plan.synapses.items()
    }
    renamed = replace(plan, groups=groups, synapses=synapses)
    fed = {f"{OF}{name}": feeds for name, feeds in fitted.fed.items()}
    return replace(fitted, plan=renamed, fed=fed)


def _between_samples(plan: Plan, block: Block, changed: set[str], preview: bool, reset: bool) -> Iterable[Action]:
    """Add the code before a sample's first step: a preview is undone, the beginning of another one is saved, state is
    reset.
    """
    side = "_pre" if isinstance(block, SynapseBlock) else ""
    roles = ("state", "lasting", "mirror", "total")
    names = [n for n, v in block.variables.items() if v.role in roles and f"{block.name}.{n}" in changed]
    if isinstance(block, Group) and "not_refractory" in block.variables:
        names.append(ALLOWED)
    states = [n for n in names if n == ALLOWED or _resets(plan, block, n)]

    def action(order: int, lines: list[str], told: str) -> Action:
        text = "\n".join(lines)
        read = {f"{block.name}.{name}" for name in identifiers(text)}
        written = frozenset(f"{block.name}.{name}" for name in written_names(text))
        conditions = (f"{told}{side} == 1",)
        return Action(block.name, text, conditions, (-1, order, ""), frozenset(read), written, bool(side), FIRST)

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


def _signals(group: Group) -> dict[str, str]:
    """The signals that a group's code reads, and how often."""
    found = {}
    for code in group.codes:
        for match in SIGNAL.finditer(code.text):
            found[match.group(1)] = "sample" if "sample_row" in match.group() else "step"
    return found


def _read(plan: Plan, group: str) -> set[str]:
    """The names that a group's program and those of its synapses read of its neurons."""
    found = set(identifiers(plan.groups[group].program))
    for block in plan.synapses.values():
        for side, end in (("_pre", block.source), ("_post", block.target)):
            if end == group:
                found |= {name.removesuffix(side) for name in identifiers(block.program) if name.endswith(side)}
    return found


def _fed(group: Group, order: Order, read: Container[str]) -> dict[str, Fed]:
    """Return the variables of a group that the host sets: flags, and the signals that the group's code reads."""
    feeds = {name: Fed(name, "sample") for name in FLAGS if name in read}
    for name, per in _signals(group).items():
        if per == "sample":
            feeds[f"{FED}{name}"] = Fed(name, per)
        else:
            feeds[f"{BROUGHT}{name}"] = Fed(name, per, order.lag(group.name, f"{FED}{name} ="))
    return feeds
