"""Derives the eligibility trace of a neuron model from its equations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

import sympy

from snn.equations.jacobian import simplified
from snn.equations.parse import identifiers
from snn.equations.stepmap import symbol, text
from snn.plasticity.eprop.eligibility import Eligibility
from snn.plasticity.eprop.sensitivity import SPIKED, ZERO, Sensitivity
from snn.plasticity.eprop.spiking_map import ARRIVAL_GATE, GATE, NeuronText, spiking_map
from snn.plasticity.terms import NeuronVariable, Trace

ARRIVED, ELIGIBILITY, BEFORE = "arrived", "eligibility", "e_before"
Terms = Iterable[tuple[sympy.Expr, str]]
"""Factors and the names of what they multiply."""


@lru_cache(maxsize=256)
def derive(neuron: NeuronText, membrane: str | None = None, through_reset: bool = False) -> Eligibility:
    """The eligibility of synapses onto a neuron.

    Parameters
    ----------
    neuron : NeuronText
    membrane : str or None
        The variable whose jump at a reset is a constant; ``None``: the one that stands alone on the threshold's
        larger side.
    through_reset : bool
        Whether its jump is differentiated too.

    Raises
    ------
    NotDifferentiable
        If a term of the equations has no derivative.
    NetworkError
        If the threshold is not one comparison, or there is noise.
    """
    return _Code(Sensitivity(neuron, spiking_map(neuron, membrane), through_reset)).eligibility()


class _Code:
    """Writes the statements of an eligibility; factors that differ from neuron to neuron become coefficients."""

    def __init__(self, of: Sensitivity):
        self.of = of
        self.coefficients: dict[str, NeuronVariable] = {}

    def eligibility(self) -> Eligibility:
        of = self.of
        before, after, variables = self._statements()
        slope = _sum((self._factor(f"slope_{s}", c, "membrane"), f"eps_{s}") for s, c in of.slopes.items())
        traces = tuple(self._traces(identifiers(before)))
        read = identifiers("\n".join((before, slope, after, *(f"{t.decay} {t.inflow} {t.jump}" for t in traces))))
        return Eligibility(
            traces=traces,
            coefficients=tuple(self.coefficients.values()),
            variables=variables,
            before=before,
            slope=slope,
            after=after,
            distance=of.step.distance_text,
            parameters=of.neuron.parameters & read,
            formulas=tuple(_formulas(of)),
            notes=(
                *(f"eps_{s} is kept once a presynaptic neuron: nothing postsynaptic enters it." for s in of.hoisted),
                *(f"eps_{s} is kept once a synapse: {why}." for s, why in of.postsynaptic.items()),
            ),
        )

    def _statements(self) -> tuple[str, str, tuple[str, ...]]:
        """What advances synaptic components before and after the eligibility, and what they are."""
        of = self.of
        variables = tuple(f"eps_{s}" for s in of.synaptic)
        if of.late:
            before = "\n".join(line for line in (self._late_reset(), self._update()) if line)
            return before, f"{BEFORE} = {ELIGIBILITY}", (*variables, BEFORE)
        # Where nothing of the next step enters their update, it is done right away, together with the reset.
        ahead = all(
            of.arrival(k) == 0 and all(of.is_shared(of.flow[k, r]) for r in of.stored if (k, r) in of.flow)
            for k in of.synaptic
        )
        if ahead:
            return "", self._update_ahead(), variables
        return self._update(), self._reset(), variables

    def _factor(self, name: str, value: sympy.Expr, at: str) -> sympy.Expr:
        """A factor for synaptic code: itself if it is shared, else a variable of the postsynaptic neuron."""
        if self.of.is_shared(value):
            return value
        # At "resets", the spike is that of the step before.
        words = {GATE: "(1 - int(is_refractory))", ARRIVAL_GATE: "int(not_refractory)"}
        words |= {SPIKED: "spiked_before"} if at == "resets" else {}
        # The state update tests anew whether neurons are refractory; until then the word tells of the step before.
        words |= {"not_refractory": words[GATE]} if at == "arrivals" else {}
        shown = re.sub(r"\b[a-z_]+\b", lambda match: words.get(match.group(), match.group()), text(value))
        self.coefficients[name] = NeuronVariable(name, shown, at=at)
        return symbol(f"{name}_post")

    def _traces(self, read: set[str]) -> Iterator[Trace]:
        of = self.of
        for s in of.hoisted:
            inflow = _sum((of.flow[s, r], f"eps_{r}") for r in of.stored if r != s and (s, r) in of.flow)
            arrival = simplified(of.arrival(s))
            yield Trace(
                f"eps_{s}",
                "pre",
                decay=text(of.flow.get((s, s), ZERO)),
                jump="" if arrival == 0 else text(arrival),
                current=True,
                inflow=inflow,
            )
        for s in of.hoisted:
            if f"eps_{s}_before" in read:
                yield Trace(f"eps_{s}_before", "pre", decay="0", jump="", inflow=f"eps_{s}")
        if ARRIVED in read:
            yield Trace(ARRIVED, "pre", decay="0", current=True)

    def _update(self) -> str:
        """The update of synaptic components in this step, from those of the step before."""
        of = self.of
        rows: dict[str, str] = {}
        for k in of.synaptic:
            terms = [
                (
                    self._factor(f"flow_{k}_{r}", of.flow[k, r], "arrivals"),
                    f"eps_{r}_before" if r in of.hoisted else f"eps_{r}",
                )
                for r in (of.relevant if of.late else of.stored)
                if (k, r) in of.flow
            ]
            if not of.late and of.arrival(k) != 0:
                terms.append((self._factor(f"flow_{k}_in", of.arrival(k), "arrivals"), ARRIVED))
            rows[k] = _sum(terms)
        return _assigned(rows)

    def _reset(self) -> str:
        """Return the effect of a spike of this step on synaptic components."""
        return _assigned({k: _sum(self._reset_of(k, self.of.stored, "spikes", ELIGIBILITY)) for k in self.of.synaptic})

    def _late_reset(self) -> str:
        """The arrivals of this step, and then what a spike of the step before does."""
        of, name = self.of, self.of.step.input
        let_in = symbol(ARRIVAL_GATE) if of.step.gated_input else sympy.Integer(1)
        carried = f"eps_{name} + " if name in of.stored else ""
        arrived = _sum([(self._factor("let_in", let_in, "resets"), ARRIVED)])
        rows = {k: _sum(self._reset_of(k, of.relevant, "resets", BEFORE)) for k in of.relevant}
        return f"eps_{name} = {carried}{arrived}\n{_assigned(rows)}"

    def _reset_of(self, k: str, components: Iterable[str], at: str, e: str) -> Iterator[tuple[sympy.Expr, str]]:
        for q in components:
            if (k, q) in self.of.keep:
                yield self._factor(f"keep_{k}_{q}", self.of.keep[k, q], at), f"eps_{q}"
        if k in self.of.jump:
            yield self._factor(f"jump_{k}", self.of.jump[k], at), e

    def _update_ahead(self) -> str:
        """Return the effect of a spike of this step, followed by the next step's update."""
        return _assigned({k: _sum(self._update_ahead_of(k)) for k in self.of.synaptic})

    def _update_ahead_of(self, k: str) -> Iterator[tuple[sympy.Expr, str]]:
        flow, keep, jump = self.of.flow, self.of.keep, self.of.jump
        rows = [r for r in self.of.stored if (k, r) in flow]
        for q in self.of.stored:
            entry = simplified(sum((flow[k, r] * keep.get((r, q), ZERO) for r in rows), ZERO))
            if entry != 0:
                yield self._factor(f"flow_{k}_{q}", entry, "spikes"), f"eps_{q}"
        added = simplified(sum((flow[k, r] * jump.get(r, ZERO) for r in rows), ZERO))
        if added != 0:
            yield self._factor(f"jump_{k}", added, "spikes"), ELIGIBILITY


def _sum(terms: Terms) -> str:
    """Factors times values, as a Brian2 expression; empty if there are none."""
    parts = []
    for factor, name in terms:
        minus = factor.could_extract_minus_sign()
        parts.append(f"{'-' if minus else '+'} {text((-factor if minus else factor) * symbol(name))}")
    return re.sub(r"^\+ |^(-) ", r"\1", " ".join(parts))


def _assigned(rows: Mapping[str, str]) -> str:
    """Simultaneous assignments, as statements that follow one another."""
    rows = {k: value or "0" for k, value in rows.items() if value != f"eps_{k}"}
    if not any(f"eps_{q}" in identifiers(value) for k, value in rows.items() for q in rows if q != k):
        return "\n".join(f"eps_{k} = {value}" for k, value in rows.items())
    return "\n".join([*(f"next_{k} = {value}" for k, value in rows.items()), *(f"eps_{k} = next_{k}" for k in rows)])


def _formulas(of: Sensitivity) -> Iterator[tuple[str, sympy.Expr]]:
    """The mathematics of one synapse; `snn.plasticity.mathematics` tells what the symbols mean."""
    words = {GATE: "not_refractory", ARRIVAL_GATE: "not_refractory_before"}
    shown = {symbol(name): symbol(word) for name, word in words.items()}

    def combined(entries: Mapping[tuple[str, str], sympy.Expr], s: str) -> sympy.Expr:
        return sum((value * symbol(f"eps_{r}") for (a, r), value in entries.items() if a == s and r in of.stored), ZERO)

    for s in of.relevant:
        yield f"{s}'", of.step.update.of(s).xreplace(shown)
    for s, value in of.step.reset.new.items():
        yield f"reset({s})", value.xreplace(shown)
    yield "distance", of.step.distance
    for s in of.stored:
        if s in of.jump:
            yield f"eps_{s}, at a reset", (combined(of.keep, s) + of.jump[s] * symbol(ELIGIBILITY)).xreplace(shown)
    for s in of.stored:
        yield f"eps_{s}'", (combined(of.flow, s) + of.arrival(s) * symbol(ARRIVED)).xreplace(shown)
    yield ELIGIBILITY, symbol("psi") * sum((c * symbol(f"eps_{s}") for s, c in of.slopes.items()), ZERO)
