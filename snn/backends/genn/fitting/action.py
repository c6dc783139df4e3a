"""One operation of a time step: what it reads, what it writes, and when it runs."""

from __future__ import annotations

from dataclasses import dataclass

from snn.lowering.plan.plan import Plan
from snn.lowering.plan.schedule import FIRST, LAST, LEARN, LEARN_LAST, STEP

WHEN = {STEP: STEP, LEARN: STEP, FIRST: FIRST, LAST: LAST, LEARN_LAST: LAST}
"""In which steps of a sample a phase's actions run."""
LEARNS = (LEARN, LEARN_LAST)
LEARNING = "genn_learn"
"""A neuron's variable: whether rules run in this sample."""
ALLOWED = "genn_allowed"
"""Brian2's ``not_refractory``, as a number."""


@dataclass(frozen=True)
class Action:
    """Statements of one block.

    Attributes
    ----------
    block : str
        The group or the synapses.
    text : str
        Statements.
    conditions : tuple of str
        What must hold for it to run.
    key : tuple
        Its place in the plan's order.
    reads, writes : frozenset of str
    synaptic : bool
        Whether the block is one of synapses.
    when : str
        In which steps of a sample it runs: all, the first, or the last; one of the values of `WHEN`.
    received : Action or None
        If there is one, synapses add up the text, an expression, at their target's variable ``genn_inbox_BLOCK``, and
        this is how the target takes it out, in the same round.
    """

    block: str
    text: str
    conditions: tuple[str, ...]
    key: tuple[int, int, str]
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    synaptic: bool = False
    when: str = STEP
    received: Action | None = None

    @property
    def learns(self) -> bool:
        """Whether it runs only in samples in which rules run."""
        return any(condition.startswith(LEARNING) for condition in self.conditions)


def inbox(block: str) -> str:
    """The variable in which a target finds what synapses send."""
    return f"genn_inbox_{block}"


def key(plan: Plan, slot: str, order: int, name: str) -> tuple[int, int, str]:
    """Brian2's order: by slot, then order, then the object's name."""
    base = slot.removeprefix("before_").removeprefix("after_")
    side = -1 if slot.startswith("before_") else 1 if slot.startswith("after_") else 0
    return 3 * plan.slots.index(base) + side, order, name


def given(condition: str, phase: str, side: str) -> tuple[str, ...]:
    """The conditions of a phase's action, apart from the steps in which it runs."""
    return tuple(text for text in (condition, f"{LEARNING}{side} == 1" * (phase in LEARNS)) if text)


def flag(event: str) -> str:
    """The variable that says whether a neuron has had the event in this step."""
    return "spiked" if event == "spike" else f"genn_event_{event}"
