"""Rules as sums of products, as Loihi's learning engine runs them."""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from typing import Any

from brian2 import Quantity, ms, second

from snn.errors import nearest
from snn.fields import choice, is_number, number
from snn.plasticity.equations import RuleEquations
from snn.plasticity.factor import Factor, as_factor, factor_problems, outside_of
from snn.plasticity.rule import Place, Rule, needs_spikes
from snn.plasticity.terms import SynapseVariable, Trace, Update
from snn.serial import serialisable

X, Y, R = ("x0", "x1", "x2"), ("y0", "y1", "y2", "y3"), ("r0", "r1")
NAMES = (*X, *Y, *R, "w", "tag")
SIGN = "sgn"
OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}
LITERAL = "k"


@serialisable
@dataclass(frozen=True)
class SumOfProducts(Rule):
    r"""A rule written as a sum of products (Davies et al. 2018, sec. "Learning engine", on Loihi).

    .. math:: w \leftarrow w + \sum_i S_i \prod_j (V_{ij} + C_{ij}), \qquad \text{tag} \leftarrow \text{tag} + \ldots

    in every step, both from the values before. A text is parsed and never evaluated. It has numbers, ``+``, ``-``,
    ``*``, brackets, ``sgn()`` and these variables:

    - ``x0``, ``y0``: 1 if a presynaptic spike arrives, or the postsynaptic neuron spikes, in this step;
    - ``x1``, ``x2`` and ``y1``, ``y2``, ``y3``: traces of such spikes, :math:`x_1 \leftarrow e^{-dt/\tau_{x1}} x_1 +
      g_{x1} x_0`, this step's included;
    - ``r0``, ``r1``: modulatory factors;
    - ``w``, ``tag``: the weight, and a second variable of the synapse, zero at first.

    Parameters
    ----------
    dw : str
        What is added to the weight: ``"2*x1*y0 - 2*x0*y1 + 0.1*r1*tag"``.
    tag : str
        What is added to the tag; an empty text: nothing.
    tau_x1, tau_x2, tau_y1, tau_y2, tau_y3 : Quantity, > 0 ms
        Time constants of the traces.
    gain_x1, gain_x2, gain_y1, gain_y2, gain_y3 : float
        What a spike adds to them.
    r0, r1 : Factor, str or None
        What the modulatory factors are.
    on : {"step", "sample"}
        Whether each step's change is proposed at once, or their sum at the sample's end.

    Numbers in a text are arguments of the compiled program, so that texts that differ in them alone share one.

    Place in the time step: part 5. Bounds and precision of weights are the projection's and the chip's.

    Raises
    ------
    NetworkError
        If it reads spikes of what does not spike.

    Examples
    --------
    >>> from brian2 import Hz, ms
    >>> from snn import LIF, Dense, Environment, Network, Poisson, SpikeReadout, Uniform
    >>> net = Network(inputs=Poisson(64, rate=20 * Hz), dt=1 * ms)
    >>> net.population("out", LIF(), n=2)
    >>> net.readout(SpikeReadout("out"))
    >>> net.environment(Environment("reward = 2*int(action == label) - 1 : 1", on="step"))
    >>> rule = SumOfProducts("0.01*r1*tag", tag="x1*y0 - x0*y1 - 0.02*tag", r1="reward")
    >>> net.connect("inputs", "out", Dense(Uniform(0, 1)), rule, w_min=0, w_max=1)
    >>> spec = net.freeze()
    """

    dw: str
    tag: str = ""
    tau_x1: Quantity = number(20 * ms, second, above=0)
    tau_x2: Quantity = number(100 * ms, second, above=0)
    tau_y1: Quantity = number(20 * ms, second, above=0)
    tau_y2: Quantity = number(100 * ms, second, above=0)
    tau_y3: Quantity = number(500 * ms, second, above=0)
    gain_x1: float = number(1.0)
    gain_x2: float = number(1.0)
    gain_y1: float = number(1.0)
    gain_y2: float = number(1.0)
    gain_y3: float = number(1.0)
    r0: Factor | str | None = None
    r1: Factor | str | None = None
    on: str = choice("step", "step", "sample")

    def problems(self, name: str) -> list[str]:
        found = super().problems(name)
        for factor in self._given():
            found += factor_problems(getattr(self, factor), factor, name)
        texts = [_Text("dw", self.dw, name)]
        if not isinstance(self.tag, str) or self.tag:
            texts.append(_Text("tag", self.tag, name))
        found += [problem for text in texts for problem in text.problems]
        read = {word for text in texts for word in text.names}
        for factor in sorted(read & {*R} - {*self._given()}):
            found.append(f"{name} reads `{factor}`, which is not given; give it {factor}='reward' or so.")
        return found

    def _given(self) -> list[str]:
        return [factor for factor in R if getattr(self, factor) is not None]

    def at(self, place: Place) -> RuleEquations:
        dw = _Text("dw", self.dw, "the rule")
        tag = _Text("tag", self.tag or "0", "the rule", first=len(dw.literals))
        read = [name for name in NAMES if name in {*dw.names, *tag.names}]
        if any(name in Y for name in read):
            needs_spikes(place, "A SumOfProducts with y0, y1, y2 or y3")
        factors = {name: as_factor(getattr(self, name)) for name in read if name in R}
        numbers: dict[str, Any] = {f"{LITERAL}_{k}": value for k, value in enumerate((*dw.literals, *tag.literals))}
        for name in read:
            if name in (*X[1:], *Y[1:]):
                numbers |= {f"tau_{name}": getattr(self, f"tau_{name}"), f"jump_{name}": getattr(self, f"gain_{name}")}
        tagged = "tag" in read or self.tag != ""
        found = RuleEquations(
            parameters=numbers,
            traces=tuple(_trace(name) for name in read if name in (*X, *Y)),
            variables=(SynapseVariable("tag"),) if tagged else (),
            neuron_variables=tuple(variable for name, f in factors.items() for variable in f.variables(name)),
            updates=(_update(dw.code, tag.code if self.tag else ""),),
            factors=outside_of(factors.values(), place),
        )
        return found.collected() if self.on == "sample" else found


def _trace(name: str) -> Trace:
    """A trace of this step's spikes alone, or of those before too."""
    side = "pre" if name in X else "post"
    if name.endswith("0"):
        return Trace(name, side, decay="0", current=True)
    return Trace.exponential(name, side, f"tau_{name}", f"jump_{name}", current=True)


def _update(dw: str, tag: str) -> Update:
    if not tag:
        return Update("step", dw=dw)
    return Update("step", dw=dw, before=f"tag_change = {tag}", after="tag += tag_change")


class _Text:
    """A sum of products: its code, in which numbers are names, those numbers, the variables, and what is wrong."""

    def __init__(self, field: str, given: Any, name: str, first: int = 0):
        self.literals: list[float] = []
        self.names: set[str] = set()
        self.problems: list[str] = []
        self._where, self._first = f"`{field}` of {name}", first
        try:
            text = given.strip() if isinstance(given, str) else ""  # ast would read bytes too
            self.code = self._code(ast.parse(text, mode="eval").body)
        except (SyntaxError, ValueError, RecursionError):
            self._wrong(given)

    def _wrong(self, what: Any) -> str:
        self.code = "0"
        self.problems.append(
            f"{self._where} must be a sum of products such as '2*x1*y0 - 2*x0*y1 + r1*tag', but has {what!r}."
        )
        return self.code

    def _code(self, node: ast.AST) -> str:
        value = _literal(node)
        if value is not None:
            self.literals.append(value)
            return f"{LITERAL}_{self._first + len(self.literals) - 1}"
        if isinstance(node, ast.Name):
            if node.id not in NAMES:
                self.problems.append(f"{self._where} uses {node.id!r}; {nearest(node.id, (*NAMES, SIGN))}.")
            self.names.add(node.id)
            return f"{node.id}_post" if node.id in R else node.id
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            return f"({self._code(node.left)} {OPERATORS[type(node.op)]} {self._code(node.right)})"
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            return f"(-{self._code(node.operand)})" if isinstance(node.op, ast.USub) else self._code(node.operand)
        match node:
            case ast.Call(func=ast.Name(id="sgn"), args=[argument], keywords=[]):
                inner = self._code(argument)
                return f"(int({inner} > 0) - int({inner} < 0))"
        return self._wrong(ast.unparse(node))


def _literal(node: ast.AST) -> float | None:
    """A number, with its sign, that stands in a text."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _literal(node.operand)
        return None if value is None else -value
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and is_number(node.value):
        return float(node.value) if math.isfinite(node.value) else None
    return None
