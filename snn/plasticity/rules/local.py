"""A rule of your own as data."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from snn import fields
from snn.equations.parse import FUNCTIONS, identifiers, unusable
from snn.errors import NetworkError, nearest
from snn.fields import flag, mapping_problems, sort_mappings
from snn.plasticity.equations import RuleEquations
from snn.plasticity.expressions import CONSTANTS, OF_READOUTS, is_expression, names_of
from snn.plasticity.factor import NAME, Factor, as_factor, factor_problems, outside_of
from snn.plasticity.rule import Place, Rule, needs_spikes
from snn.plasticity.rules.spiketrace import SpikeTrace
from snn.plasticity.terms import CHANGE, WEIGHT_IN_RULES, Step, SynapseVariable, Update
from snn.serial import serialisable

OCCASIONS = ("pre", "post", "step", "sample")
GIVEN = (WEIGHT_IN_RULES, "sample_step", "sample_steps", "sample_spikes_post", *CONSTANTS)
RANDOM = {"rand", "randn"}
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
CHANGING = ast.Add | ast.Sub | ast.Mult | ast.Div  # C++ has no others for real numbers
SYNAPTIC = {"i", "j", "delay", "lastupdate", "N_incoming", "N_outgoing"}
"""What Brian2's synapses have of their own."""
ENDING = re.compile(r"(\w+)_(pre|post)")


@serialisable
@dataclass(frozen=True)
class LocalRule(Rule):
    """A rule given by your own expressions.

    Parameters
    ----------
    pre, post, step, sample : str
        Proposed changes of the weight when a presynaptic spike arrives, at a postsynaptic spike, in every step, and at
        a sample's end; an empty text for none. They may read traces, `variables`, `parameters`, the weight ``w``, the
        factor ``m``, ``dt``, ``sample_step``, ``sample_steps``, ``sample_spikes_post``, and variables of the neurons
        at either end with suffix ``_pre`` or ``_post``. Plain numbers in SI units.
    traces : mapping of str to SpikeTrace
        Traces by the names that the expressions read.
    parameters : mapping of str to number or Quantity
        Constants: arguments of the compiled program.
    variables : tuple of str
        State of a synapse, zero at the start and wherever a task resets the network.
    changes : mapping of str to str
        Statements such as ``"c += x"`` that change it, by the occasion ``"pre"``, ``"post"``, ``"step"`` or
        ``"sample"``. They run ahead of proposals, those of every step ahead of those on spikes.
    factor : Factor, str or None
        The third factor that expressions read as ``m``.
    collect : bool
        Whether proposals of `pre`, `post` and `step` add up, and are proposed at the sample's end.

    Place in the time step: part 5.

    Raises
    ------
    NetworkError
        If an expression reads what there is not, or waits for spikes of what does not spike.

    Examples
    --------
    The symmetric rule of GeNN's mushroom-body tutorial:

    >>> from brian2 import ms
    >>> rule = LocalRule(
    ...     pre="eta*(y - 0.01)",
    ...     post="eta*clip(x - 0.01, -0.001, inf)",
    ...     traces={"x": SpikeTrace("pre", 15 * ms, nearest=True), "y": SpikeTrace("post", 15 * ms, nearest=True)},
    ...     parameters={"eta": 2e-5},
    ... )
    >>> from snn import LIF
    >>> len(str(rule.equations(LIF())).splitlines())
    12
    """

    pre: str = ""
    post: str = ""
    step: str = ""
    sample: str = ""
    traces: Mapping[str, SpikeTrace] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    variables: tuple[str, ...] = ()
    changes: Mapping[str, str] = field(default_factory=dict)
    factor: Factor | str | None = None
    collect: bool = flag(False)

    def __post_init__(self) -> None:
        sort_mappings(self, "traces", "parameters")
        if isinstance(self.changes, Mapping):
            order = {on: k for k, on in enumerate(OCCASIONS)}
            ordered = sorted(self.changes, key=lambda on: (order.get(on, len(order)), str(on)))
            object.__setattr__(self, "changes", {on: self.changes[on] for on in ordered})

    def problems(self, name: str) -> list[str]:
        found = super().problems(name) + mapping_problems("parameters", self.parameters, name)
        found += [*self._trace_problems(name), *self._kinds(name)]
        if self.factor is not None:
            found += factor_problems(self.factor, "factor", name)
        return found or [*self._names(name), *self._texts(name)]

    def _trace_problems(self, name: str) -> Iterator[str]:
        if not isinstance(self.traces, Mapping) or not all(isinstance(t, SpikeTrace) for t in self.traces.values()):
            yield f"`traces` of {name} must map names to SpikeTrace('pre', 20*ms), but is {self.traces!r}."
            return
        for key, trace in self.traces.items():
            yield from fields.problems(trace, f"trace {key!r} of {name}")

    def _kinds(self, name: str) -> Iterator[str]:
        for on in OCCASIONS:
            text = getattr(self, on)
            if not (isinstance(text, str) and text == "") and not is_expression(text):
                yield f"`{on}` of {name} must be an expression such as 'eta*x', but is {text!r}."
        if not isinstance(self.variables, tuple) or not all(isinstance(v, str) for v in self.variables):
            yield f"`variables` of {name} must be a tuple of names, but is {self.variables!r}."
        if not isinstance(self.changes, Mapping):
            yield f"`changes` of {name} must map occasions to statements, but is {self.changes!r}."
            return
        for on, code in self.changes.items():
            if on not in OCCASIONS:
                yield f"`changes` of {name} names {on!r}; {nearest(on, OCCASIONS)}."
            elif not isinstance(code, str):
                yield f"`changes` of {name} must be texts, but {on!r} is {code!r}."

    def _names(self, name: str) -> Iterator[str]:
        own = [*self.traces, *self.parameters, *self.variables]
        taken = {*GIVEN, NAME, CHANGE, *(n for key, t in self.traces.items() for n in t.numbers(key))}
        for word in dict.fromkeys(own):
            if not isinstance(word, str) or not WORD.fullmatch(word):
                yield f"A name of {name} must be a plain word such as 'x', but one is {word!r}."
            elif word in taken or _means_something(word) or own.count(word) > 1:
                yield f"`{word}` must mean one thing in {name}, but it has another meaning too; rename it."
        if not any(getattr(self, on) for on in OCCASIONS):
            yield f"A rule proposes changes of weights, but {name} has none; give it pre=, post=, step= or sample=."

    def _texts(self, name: str) -> Iterator[str]:
        for on in OCCASIONS:
            yield from self._unknown(getattr(self, on), f"`{on}` of {name}", set())
        for on, code in self.changes.items():
            where = f"`changes` {on!r} of {name}"
            statements = _statements(code)
            if not statements:
                yield f"{where} must be statements such as 'c += x', but is {code!r}."
                continue
            fixed, local = {*self.traces, *self.parameters, *GIVEN, NAME}, set[str]()
            for word, value, again in statements:
                yield from self._unknown(value, where, local)
                known = {*self.variables, *local}
                if word in fixed or (word not in known and (again or _means_something(word))):
                    yield f"{where} must not set `{word}`; {nearest(word, self.variables)}."
                local.add(word)

    def _unknown(self, text: str, where: str, local: set[str]) -> Iterator[str]:
        words = identifiers(text)
        known = {*GIVEN, *FUNCTIONS, *self.traces, *self.parameters, *self.variables, *local} - RANDOM
        known |= {NAME} if self.factor is not None else set()
        for word in sorted(words & RANDOM):
            yield f"{where} must not use `{word}`; draw in a Factor, or give the projection a chip's write noise."
        for word in sorted(words - known - RANDOM):
            if not ENDING.fullmatch(word):
                yield f"{where} uses {word!r}, which is not given; {nearest(word, known - FUNCTIONS - {*CONSTANTS})}."

    def at(self, place: Place) -> RuleEquations:
        self._fits(place)
        factor = () if self.factor is None else (self.factor,)
        numbers = {key: value for name, trace in self.traces.items() for key, value in trace.numbers(name).items()}
        found = RuleEquations(
            parameters={**self.parameters, **numbers},
            traces=tuple(trace.trace(name) for name, trace in self.traces.items()),
            variables=tuple(SynapseVariable(name) for name in self.variables),
            steps=tuple(Step(on, _read(code)) for on, code in self.changes.items()),
            updates=tuple(Update(on, dw=_read(text)) for on in OCCASIONS if (text := getattr(self, on))),
            neuron_variables=tuple(variable for f in factor for variable in as_factor(f).variables()),
            factors=outside_of(factor, place),
        )
        return found.collected() if self.collect else found

    def _fits(self, place: Place) -> None:
        """Raise `NetworkError` where the expressions read what is not at a place."""
        sides = {trace.side for trace in self.traces.values()}
        texts = [*(getattr(self, on) for on in OCCASIONS), *self.changes.values()]
        words = sorted({word for text in texts for word in identifiers(text)})
        if "sample_spikes_post" in words or self.post or "post" in self.changes or "post" in sides:
            needs_spikes(place, "This LocalRule")
        post = set(OF_READOUTS) if place.readout is not None else names_of(place.post)
        ends = {"pre": names_of(place.pre), "post": post}
        for word in words:
            match = ENDING.fullmatch(word)
            if match is None or word in (*GIVEN, *self.traces, *self.parameters, *self.variables):
                continue
            if match[2] == "post" and match[1] == NAME and self.factor is not None:
                raise NetworkError(f"`{word}` means the factor, not a variable of the neuron; rename that variable.")
            if match[1] not in ends[match[2]]:
                raise NetworkError(f"A LocalRule reads {word!r}; {nearest(match[1], ends[match[2]])}.")


def _means_something(word: str) -> bool:
    """Whether a name means something else in a synapse's code."""
    return unusable(word) or word in SYNAPTIC


def _statements(code: str) -> list[tuple[str, str, bool]]:
    """The variable that each statement sets, to what, and whether it is changed; nothing if they are none."""
    found = []
    try:
        for node in ast.parse(code).body:
            match node:
                case ast.Assign(targets=[ast.Name(id=word)], value=value):
                    found.append((word, ast.unparse(value), False))
                case ast.AugAssign(target=ast.Name(id=word) as target, op=op, value=value) if isinstance(op, CHANGING):
                    found.append((word, ast.unparse(ast.BinOp(target, op, value)), True))
                case _:
                    return []
    except (SyntaxError, ValueError):
        return []
    return found if all(is_expression(value, truths=True) for _, value, _ in found) else []


def _read(text: str) -> str:
    """The code with the factor as the neuron's variable that it is."""
    return re.sub(rf"(?<![\w.]){NAME}(?!\w)", f"{NAME}_post", text)
