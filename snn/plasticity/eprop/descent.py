"""The weight change from the gradient of one step: sums, regularisation, optimizer and decay."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import sympy
from brian2 import Quantity

from snn.equations.stepmap import expression
from snn.plasticity.eprop.optimizers import Optimizer
from snn.plasticity.equations import RuleEquations
from snn.plasticity.terms import NeuronVariable, Step, SynapseVariable, Update


@dataclass(frozen=True)
class Rate:
    """Firing-rate regularisation: how strong, towards which rate, and the time constant of a running rate."""

    strength: float
    target: Quantity
    tau: Quantity


@dataclass(frozen=True)
class Window:
    """The learning window at a sample's end over which a gradient is averaged; ``None``: the whole sample."""

    length: Quantity | None

    @property
    def steps(self) -> str:
        """Its number of steps, as an expression."""
        return "sample_steps" if self.length is None else "clip(int(learning_window/dt + 0.5), 1, sample_steps)"


@dataclass(frozen=True)
class Descent:
    """The equations that turn the gradients of steps into weight changes.

    The per-sample form sums them in ``g`` and updates at the end of a sample, or of each `batch`-th one; the online
    form updates in every step and keeps no sum.
    """

    optimizer: Optimizer
    lr: float
    online: bool
    batch: int | None
    window: Window | None
    weight_decay: float | None
    adaptive: bool
    rate: Rate | None

    def learned(
        self, plain: RuleEquations, code: str, gradient: str, formula: str, regularised: bool = False
    ) -> RuleEquations:
        """A rule that learns, from one that has the gradient of a step.

        Parameters
        ----------
        plain : RuleEquations
            What the gradient needs.
        code : str
            Statements of every step, ahead of `gradient`, which leave ``eligibility``.
        gradient, formula : str
            Expression of the step's gradient, in code and in the mathematics.
        regularised : bool
            Whether this projection's postsynaptic side has a firing rate. One that has none, a readout, has the
            feedback weights that may be adapted.
        """
        rate = self.rate if regularised else None
        back = self.adaptive and not regularised
        build = self._online if self.online else self._per_sample
        formulas = (*plain.formulas, *self._formulas(formula, rate))
        return build(replace(self._with_parameters(plain, rate), formulas=formulas), code, gradient, rate, back)

    def _formulas(self, gradient: str, rate: Rate | None) -> Iterable[tuple[str, sympy.Expr]]:
        if rate is not None:
            gradient += " + rate_strength*(rate - rate_target*dt)*eligibility" + ("" if self.online else "/T")
        of_batch = "/batch" if self.batch is not None else ""
        per_step = "" if self.window is None else "/T_window"
        yield "gradient" if self.online else "gradient, summed over a sample", expression(gradient)
        for left, right in self.optimizer.formulas:
            value = expression(right)
            if of_batch or per_step:
                value = value.xreplace({expression("gradient"): expression(f"gradient{of_batch}{per_step}")})
            if left == "weight'" and self.weight_decay is not None:
                value -= expression("lr*weight_decay*weight")
            yield left, value

    def _with_parameters(self, plain: RuleEquations, rate: Rate | None) -> RuleEquations:
        numbers: dict[str, Any] = {**plain.parameters, "lr": self.lr, **self.optimizer.parameters}
        if self.weight_decay is not None:
            numbers["weight_decay"] = self.weight_decay
        if rate is not None:
            numbers |= {"rate_strength": rate.strength, "rate_target": rate.target}
        if self.window is not None and self.window.length is not None:
            numbers["learning_window"] = self.window.length
        if self.batch is not None:
            numbers["batch"] = self.batch
        return replace(plain, parameters=numbers)

    def _online(self, plain: RuleEquations, code: str, gradient: str, rate: Rate | None, back: bool) -> RuleEquations:
        neuron_variables = self.optimizer.neuron_variables("step", self.lr, "")
        if rate is not None:
            running = "rate + (1 - exp(-dt/rate_tau))*(spiked - rate)"
            gradient += " + rate_strength*(rate_post - rate_target*dt)*eligibility"
            neuron_variables += (NeuronVariable("rate", running, {"rate_tau": rate.tau}, ("rate",), "spikes"),)
        before = _lines(code, f"gradient = {gradient}", self.optimizer.statements(""))
        return replace(
            plain,
            variables=(*plain.variables, *self.optimizer.variables),
            neuron_variables=(*plain.neuron_variables, *neuron_variables),
            updates=self._updates("step", before, self.optimizer.change(), "", back),
        )

    def _per_sample(
        self, plain: RuleEquations, code: str, gradient: str, rate: Rate | None, back: bool
    ) -> RuleEquations:
        batched = self.batch is not None
        due = "due_post" if batched else ""
        total, step, sums = "g", [code, f"g += {gradient}"], ["g"]
        variables = [SynapseVariable("g", lasting=batched)]
        before = []
        if rate is not None:
            variables.append(SynapseVariable("e_sum"))
            step.append("e_sum += eligibility")
            excess = "(sample_spikes_post/sample_steps - rate_target*dt)"
            regular = f"rate_strength*{excess}/sample_steps*e_sum"
            if batched:
                before += [f"g += {regular}", "e_sum = 0"]
            else:
                total = f"g + {regular}"
                sums.append("e_sum")
        divisors = [*(["batch"] if batched else []), *([self.window.steps] if self.window else [])]
        whole = "/".join([f"({total})", *divisors]) if divisors and "+" in total else "/".join([total, *divisors])
        before += [f"gradient = {whole}", self.optimizer.statements(due)]
        after = _lines(*(f"{name} = {name}*(1 - {due})" if batched else f"{name} = 0" for name in sums))
        change = self.optimizer.change()
        return replace(
            plain,
            variables=(*plain.variables, *variables, *self.optimizer.variables),
            neuron_variables=(
                *plain.neuron_variables,
                *(self._batches() if batched else ()),
                *self.optimizer.neuron_variables("sample", self.lr, "due" if batched else ""),
            ),
            steps=(Step("step", _lines(*step)),),
            updates=self._updates("sample", _lines(*before), f"{due}*({change})" if batched else change, after, back),
        )

    def _batches(self) -> Iterable[NeuronVariable]:
        """Samples since the last update, this one included, and whether the next is due."""
        numbers = {"batch": self.batch}
        counted = "batched*int(batched < batch) + 1"
        yield NeuronVariable("batched", counted, numbers, ("batched",), "sample", lasting=True)
        yield NeuronVariable("due", "int(batched >= batch)", numbers, ("batched",), "sample", lasting=True)

    def _updates(self, on: str, before: str, change: str, after: str, back: bool) -> tuple[Update, ...]:
        kinds = ("w", "feedback_weight") if back else ("w",)
        due = "due_post*" if self.batch is not None else ""
        changes = [change if self.weight_decay is None else f"{change} - {due}lr*weight_decay*{kind}" for kind in kinds]
        return tuple(
            Update(
                on,
                dw=dw,
                before=before if k == 0 else "",
                after=after if k == len(kinds) - 1 else "",
                of=kind,
            )
            for k, (kind, dw) in enumerate(zip(kinds, changes, strict=True))
        )


def _lines(*texts: str) -> str:
    return "\n".join(text for text in texts if text)
