"""Lowers signals and random numbers of a group."""

from __future__ import annotations

import re

from snn.equations.parse import substitute
from snn.lowering.plan.blocks import Code, Group
from snn.lowering.plan.plan import Plan
from snn.lowering.plan.schedule import FIRST, STEP
from snn.signals import Signal

IN_SAMPLE = "int(sample_step < sample_steps)"  # as opposed to the gap after it


def load_signal(plan: Plan, group: Group, variable: str, signal: Signal, order: int = 0) -> None:
    """Add the code that loads a signal's present value into a variable."""
    plan.read_signal(signal, group.n)
    row = "sample_row" if signal.per == "sample" else "signal_row"
    index = "0" if signal.one_hot else "i"
    text = f"signal_{signal.source}({row}, {index})"
    text = f"int({text} == i)" if signal.one_hot else text
    if signal.teacher:
        text += "*teach"
    if signal.per == "step":
        text += f"*{IN_SAMPLE}"
    group.codes.append(Code("start", f"{variable} = {text}", FIRST if signal.per == "sample" else STEP, order))


def own_random(plan: Plan, text: str) -> str:
    """The code with rand(), randn(), xi and t replaced by functions of the seed and of the stream's step."""

    def draw(kind: str) -> str:
        return f"{kind}(seed, {plan.stream()}, absolute_step, i)"

    text = re.sub(r"\brand\(\s*\)", lambda _: draw("uniform"), text)
    text = re.sub(r"\brandn\(\s*\)", lambda _: draw("normal"), text)
    # As in Brian2, one name is one noise, wherever it stands.
    noises = {name: f"({draw('normal')}*dt**-0.5)" for name in dict.fromkeys(re.findall(r"\bxi(?:_\w+)?\b", text))}
    text = substitute(text, noises)
    return re.sub(r"\bt\b", "(absolute_step*dt)", text)
