r"""Eligibility traces of any neuron, derived from its own equations.

One step of neuron j maps its state s and what arrives at it to a new state (`snn.calculus.spike`). For a synapse from
i, :math:`\epsilon_{s,ji} = ds_j/dw_{ji}` then obeys, sparse and forward in time (Bellec et al. 2020, eq. 14),

.. math::
   \epsilon_s[t] = \sum_r \frac{\partial s'}{\partial r} \epsilon_r[t-1] + \frac{\partial s'}{\partial I} pre_i[t],
   \qquad e[t] = \psi[t] \sum_s \frac{\partial u}{\partial s} \epsilon_s[t]

with the threshold expression u and the pseudo-derivative :math:`\psi` of the spike with respect to it.

**Jumps.** The jump of the membrane, the variable that stands alone on the threshold's left side, is a constant at a
reset: :math:`d(\text{reset})/dv = 1` for soft and hard resets alike. The jumps of all other variables carry
:math:`\psi`, also of those that only move the threshold: r becomes :math:`r + z (R(s) - r)` with
:math:`dz = \psi\, du`. With ``through_reset`` the membrane's jump is differentiated too, :math:`1 - v_{th}\psi` for a
soft reset, :math:`(1-z) + (v_{reset} - v)\psi` for a hard one. In refractory steps :math:`\psi = 0`.

**What is kept where** follows from dependency alone. Entries that are 0 vanish. A component into which nothing
postsynaptic enters is the same for all synapses of a presynaptic neuron and kept once there. The rest is synaptic.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import sympy
from brian2.core.functions import DEFAULT_CONSTANTS
from brian2.core.namespace import DEFAULT_UNITS

from snn.calculus.jacobian import derivative, jacobian, simplified
from snn.calculus.spike import ARRIVAL_GATE, GATE, NeuronText, SpikingMap, spiking_map
from snn.calculus.stepmap import names, symbol, text
from snn.equations import identifiers, parsed
from snn.plasticity.rule import NeuronVariable, Trace

SPIKED = "spiked"
"""What is 1 for a neuron that has just spiked."""
ARRIVED, ELIGIBILITY, BEFORE = "arrived", "eligibility", "e_before"
SHARED = frozenset(("dt", *DEFAULT_CONSTANTS, *DEFAULT_UNITS))
"""Names that are the same for all neurons, beside parameters."""

Entries = Mapping[tuple[str, str], sympy.Expr]


@dataclass(frozen=True)
class Eligibility:
    """Where the parts of an eligibility are kept, and the code that advances them.

    Attributes
    ----------
    traces : tuple of Trace
        Components kept once a presynaptic neuron.
    coefficients : tuple of NeuronVariable
        Factors kept once a postsynaptic neuron.
    variables : tuple of str
        What is kept once a synapse: components ``eps_NAME``, and ``e_before`` where a reset needs it.
    before, after : str
        Statements that advance those, ahead of the eligibility and once it is known (as ``eligibility``).
    slope : str
        :math:`du/dw`; times the pseudo-derivative it is the eligibility e.
    distance : str
        The threshold expression u of the postsynaptic neuron.
    parameters : frozenset of str
        The neuron's parameters that traces and statements read.
    formulas : tuple of (str, sympy.Expr)
        The mathematics: what stands left, and what right, of an equals sign.
    notes : tuple of str
        What is kept where, and why.
    """

    traces: tuple[Trace, ...]
    coefficients: tuple[NeuronVariable, ...]
    variables: tuple[str, ...]
    before: str
    slope: str
    after: str
    distance: str
    parameters: frozenset[str]
    formulas: tuple[tuple[str, sympy.Expr], ...]
    notes: tuple[str, ...]


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
    return _Derivation(neuron, spiking_map(neuron, membrane), through_reset).result()


class _Derivation:
    """The steps of one derivation.

    Matrices are mappings of the entries that are not 0: `flow` of the update, `keep` of the reset with its spikes held
    constant, `jump` what the reset adds to a variable.
    """

    def __init__(self, neuron: NeuronText, step: SpikingMap, through_reset: bool):
        self.neuron, self.step, self.through_reset = neuron, step, through_reset
        self.coefficients: dict[str, NeuronVariable] = {}
        state = step.state
        self.flow: Entries = jacobian(step.update, state, state)
        self.slopes = {s: d for s in state if (d := derivative(step.distance, s, "the threshold")) != 0}
        self.keep, self.jump = self._reset()
        relevant = self._reached() & self._read()
        # What the update does not carry on is over within a step: the current that a parameter holds, say.
        self.stored = [s for s in state if s in relevant and any((s, r) in self.flow for r in state)]
        self.relevant = [s for s in state if s in relevant]
        self.reasons: dict[str, str] = {}
        self.late = self._late()
        self.hoisted = set() if self.late else self._hoisted()
        self.synaptic = [s for s in self.stored if s not in self.hoisted]

    def result(self) -> Eligibility:
        arrivals = {k: self._arrival(k) for k in self.synaptic}
        # Nothing of the next step enters the update of what is kept at synapses: it can be done right away.
        ahead = not any(arrivals.values()) and all(
            self._is_shared(self.flow[k, r]) for k in self.synaptic for r in self.stored if (k, r) in self.flow
        )
        variables = [f"eps_{s}" for s in self.synaptic]
        if self.late:
            before, after = _lines(self._late_reset(), self._update({})), f"{BEFORE} = {ELIGIBILITY}"
            variables.append(BEFORE)
        elif ahead:
            before, after = "", self._update_ahead()
        else:
            before, after = self._update(arrivals), self._reset_statements()
        slope = _sum((self._factor(f"slope_{s}", c, "membrane"), _eps(s)) for s, c in self._used_slopes().items())
        traces = self._traces(before)
        code = "\n".join((before, slope, after, *(f"{t.decay} {t.inflow} {t.jump}" for t in traces)))
        return Eligibility(
            traces=traces,
            coefficients=tuple(self.coefficients.values()),
            variables=tuple(variables),
            before=before,
            slope=slope,
            after=after,
            distance=self.step.distance_text,
            parameters=frozenset(self.neuron.parameters & identifiers(code)),
            formulas=self._formulas(),
            notes=self._notes(),
        )

    def _reset(self) -> tuple[Entries, dict[str, sympy.Expr]]:
        keep: dict[tuple[str, str], sympy.Expr] = {(s, s): sympy.Integer(1) for s in self.step.state}
        jump: dict[str, sympy.Expr] = {}
        for s, value in self.step.reset.new.items():
            if s == self.step.membrane and not self.through_reset:
                continue
            if (added := simplified(value - symbol(s))) == 0:
                continue
            jump[s] = added
            for r in self.step.state:
                change = derivative(added, r, f"the reset of {s!r}")
                entry = simplified(keep.pop((s, r), sympy.Integer(0)) + symbol(SPIKED) * change)
                if entry != 0:
                    keep[s, r] = entry
        return keep, jump

    def _reached(self) -> set[str]:
        """Variables that an arriving spike can change."""
        reached = {self.step.input}
        while True:
            spikes = bool(reached & set(self.slopes))
            more = {s for s, r in (*self.flow, *self.keep) if r in reached} | (set(self.jump) if spikes else set())
            if more <= reached:
                return reached
            reached |= more

    def _read(self) -> set[str]:
        """Variables on which a later spike can depend."""
        read = set(self.slopes)
        while True:
            more = {r for s, r in (*self.flow, *self.keep) if s in read}
            if more <= read:
                return read
            read |= more

    def _late(self) -> bool:
        """Whether a reset, which acts after the next step's arrivals, depends on them.

        If not, its effect on the components is computed with the spike itself.
        """
        name = self.step.input
        for s in self.relevant:
            entries = [self.jump.get(s, sympy.Integer(0)), *(v for (a, _), v in self.keep.items() if a == s)]
            changed = self.keep.get((s, name), sympy.Integer(0)) != (1 if s == name else 0)
            if changed or any(symbol(name) in entry.free_symbols for entry in entries):
                self.reasons = dict.fromkeys(
                    self.stored,
                    f"the reset of {s} acts on what has arrived since the spike, which e of the step before tells",
                )
                return True
        return False

    def _hoisted(self) -> set[str]:
        """The largest set of components into which nothing postsynaptic enters."""
        hoisted = set(self.stored)
        while True:
            kept = {s: why for s in hoisted if (why := self._postsynaptic(s, hoisted))}
            if not kept:
                return hoisted
            hoisted -= set(kept)
            self.reasons |= kept

    def _postsynaptic(self, s: str, hoisted: set[str]) -> str:
        """What postsynaptic enters a component; an empty text if nothing does."""
        if s in self.jump:
            return f"the jump of {s} at a reset carries the pseudo-derivative"
        for r in self.relevant:
            if (s, r) not in self.flow:
                continue
            if not self._is_shared(self.flow[s, r]):
                return f"d{s}'/d{r} = {self._shown(self.flow[s, r])} differs from neuron to neuron"
            if r == self.step.input and self.step.gated_input:
                return f"what arrives at {r} is lost in refractory steps"
            if r in self.stored and r != s and r not in hoisted:
                return f"eps_{r} enters it"
        return ""

    def _is_shared(self, value: sympy.Expr) -> bool:
        """Whether a factor is the same for all neurons."""
        own = parsed(self.neuron.model).names
        return all(n in self.neuron.parameters or (n in SHARED and n not in own) for n in names(value))

    def _factor(self, name: str, value: sympy.Expr, at: str) -> sympy.Expr:
        """A factor for synaptic code: itself if it is shared, else a variable of the postsynaptic neuron."""
        if self._is_shared(value):
            return value
        shown = self._shown(value)
        if at == "resets":  # of neurons that spiked in the step before
            shown = re.sub(rf"\b{SPIKED}\b", "spiked_before", shown)
        self.coefficients[name] = NeuronVariable(name, shown, at=at)
        return symbol(f"{name}_post")

    def _shown(self, value: sympy.Expr) -> str:
        gates = {GATE: "int(not is_refractory)", ARRIVAL_GATE: "int(not_refractory)"}
        return re.sub(r"\b[a-z_]+_\b", lambda match: gates.get(match.group(), match.group()), text(value))

    def _arrival(self, s: str) -> sympy.Expr | None:
        """What a spike that arrives in this step adds to a component."""
        entry = self.flow.get((s, self.step.input))
        if entry is None or self.step.input not in self.relevant:
            return None
        return entry * symbol(ARRIVAL_GATE) if self.step.gated_input else entry

    def _traces(self, before: str) -> tuple[Trace, ...]:
        traces = []
        for s in (s for s in self.stored if s in self.hoisted):
            inflow = _sum((self.flow[s, r], _eps(r)) for r in self.stored if r != s and (s, r) in self.flow)
            arrival = self._arrival(s)
            decay = text(self.flow.get((s, s), sympy.Integer(0)))
            jump = text(simplified(arrival)) if arrival else ""
            traces.append(Trace(f"eps_{s}", "pre", decay, jump, current=True, inflow=inflow))
        read = identifiers(before)
        traces += [
            Trace(f"eps_{s}_before", "pre", "0", "", inflow=f"eps_{s}")
            for s in self.hoisted
            if f"eps_{s}_before" in read
        ]
        if ARRIVED in read:
            traces.append(Trace(ARRIVED, "pre", "0", "1", current=True))
        return tuple(traces)

    def _update(self, arrivals: Mapping[str, sympy.Expr | None]) -> str:
        """The update of synaptic components in this step, from those of the step before."""
        rows = {}
        for k in self.synaptic:
            terms = [
                (self._factor(f"flow_{k}_{r}", self.flow[k, r], "arrivals"), _eps(r, before=r in self.hoisted))
                for r in (self.relevant if self.late else self.stored)
                if (k, r) in self.flow
            ]
            if arrival := arrivals.get(k):
                terms.append((self._factor(f"flow_{k}_in", arrival, "arrivals"), symbol(ARRIVED)))
            rows[k] = _sum(terms)
        return _assigned(rows)

    def _late_reset(self) -> str:
        """The arrivals of this step, and then what a spike of the step before does."""
        name = self.step.input
        let_in = symbol(ARRIVAL_GATE) if self.step.gated_input else sympy.Integer(1)
        carried = f"eps_{name} + " if name in self.stored else ""
        arrived = _sum([(self._factor("let_in", let_in, "resets"), symbol(ARRIVED))])
        rows = {}
        for k in self.relevant:
            terms = [
                (self._factor(f"keep_{k}_{q}", self.keep[k, q], "resets"), _eps(q))
                for q in self.relevant
                if (k, q) in self.keep
            ]
            if k in self.jump:
                terms.append((self._factor(f"jump_{k}", self.jump[k], "resets"), symbol(BEFORE)))
            rows[k] = _sum(terms)
        return _lines(f"eps_{name} = {carried}{arrived}", _assigned(rows))

    def _reset_statements(self) -> str:
        """What a spike of this step does to synaptic components."""
        rows = {}
        for k in self.synaptic:
            terms = [
                (self._factor(f"keep_{k}_{q}", self.keep[k, q], "spikes"), _eps(q))
                for q in self.stored
                if (k, q) in self.keep
            ]
            if k in self.jump:
                terms.append((self._factor(f"jump_{k}", self.jump[k], "spikes"), symbol(ELIGIBILITY)))
            rows[k] = _sum(terms)
        return _assigned(rows)

    def _update_ahead(self) -> str:
        """Both at once: what a spike of this step does, and then the next step's update."""
        rows = {}
        for k in self.synaptic:
            terms = []
            for q in self.stored:
                entry = simplified(
                    sum(
                        (
                            self.flow[k, r] * self.keep[r, q]
                            for r in self.stored
                            if (k, r) in self.flow and (r, q) in self.keep
                        ),
                        sympy.Integer(0),
                    )
                )
                if entry != 0:
                    terms.append((self._factor(f"flow_{k}_{q}", entry, "spikes"), _eps(q)))
            jump = simplified(
                sum((self.flow[k, r] * self.jump[r] for r in self.jump if (k, r) in self.flow), sympy.Integer(0))
            )
            if jump != 0:
                terms.append((self._factor(f"jump_{k}", jump, "spikes"), symbol(ELIGIBILITY)))
            rows[k] = _sum(terms)
        return _assigned(rows)

    def _used_slopes(self) -> dict[str, sympy.Expr]:
        return {s: c for s, c in self.slopes.items() if s in self.stored}

    def _formulas(self) -> tuple[tuple[str, sympy.Expr], ...]:
        """The mathematics, for one synapse: `pre` is 1 if a spike arrives, z if the neuron spiked in the step before."""
        z, e = symbol("z"), symbol("e")
        shown = {symbol(SPIKED): z, symbol(GATE): symbol("not_refractory"), symbol(ARRIVAL_GATE): symbol("let_in")}
        formulas = [(f"{s}'", self.step.update.of(s)) for s in self.relevant]
        formulas += [(f"reset({s})", value) for s, value in self.step.reset.new.items()]
        formulas.append(("u", self.step.distance))
        for s in self.stored:
            if s in self.jump or any(q != s for a, q in self.keep if a == s):
                kept = sum(
                    (value * _eps(q) for (a, q), value in self.keep.items() if a == s and q in self.stored),
                    sympy.Integer(0),
                )
                formulas.append((f"eps_{s}, at a reset", kept + self.jump.get(s, 0) * e))
        for s in self.stored:
            value = sum((self.flow[s, r] * _eps(r) for r in self.stored if (s, r) in self.flow), sympy.Integer(0))
            formulas.append((f"eps_{s}'", value + (self._arrival(s) or 0) * symbol("pre")))
        formulas.append(
            ("e", symbol("psi") * sum((c * _eps(s) for s, c in self._used_slopes().items()), sympy.Integer(0)))
        )
        return tuple((left, sympy.sympify(right).subs(shown)) for left, right in formulas)

    def _notes(self) -> tuple[str, ...]:
        once = [
            f"eps_{s} is kept once a presynaptic neuron: nothing postsynaptic enters it."
            for s in self.stored
            if s in self.hoisted
        ]
        each = [f"eps_{s} is kept once a synapse: {self.reasons[s]}." for s in self.synaptic]
        return (*once, *each)


def _eps(name: str, before: bool = False) -> sympy.Symbol:
    return symbol(f"eps_{name}_before" if before else f"eps_{name}")


def _sum(terms: Iterable[tuple[sympy.Expr, sympy.Expr]]) -> str:
    """Factors times values, as a Brian2 expression; empty if there are none."""
    parts = []
    for factor, value in terms:
        sign = "-" if factor.could_extract_minus_sign() else "+"
        parts.append(f" {sign} {text((-factor if sign == '-' else factor) * value)}")
    joined = "".join(parts).strip()
    return joined.removeprefix("+ ") if joined.startswith("+") else joined.replace("- ", "-", 1)


def _lines(*texts: str) -> str:
    return "\n".join(text for text in texts if text)


def _assigned(rows: Mapping[str, str]) -> str:
    """Simultaneous assignments, in statements that follow one another."""
    rows = {k: value for k, value in rows.items() if value != f"eps_{k}"}
    if len(rows) < 2 or not any(f"eps_{q}" in identifiers(value) for k, value in rows.items() for q in rows if q != k):
        return "\n".join(f"eps_{k} = {value or 0}" for k, value in rows.items())
    first = [f"next_{k} = {value or 0}" for k, value in rows.items()]
    return "\n".join([*first, *(f"eps_{k} = next_{k}" for k in rows)])
