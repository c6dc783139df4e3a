"""Whole-number arithmetic in a user's texts, made real unless it provably stays small.

Backends differ in how they compute with whole numbers: C++ has 32 or 64 bits, NumPy 32, and Brian2 turns ``10**-3``
into 0. So a whole number becomes a real number where it meets a real one or where a result may exceed `LIMIT`.
What stays whole gives the same number everywhere: ``i % 2``, ``2*i + 1``, ``int(v > 1)``.

A whole variable that becomes real is written ``as_real(i)``. A factor of 1.0 would not do: Brian2 reorders products, so
that ``1.0*v*i*i`` becomes ``i**2*v``, whose square is computed in whole numbers.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

LIMIT = 2**31 - 1
"""Whole arithmetic whose results are never larger is done in whole numbers, of 32 bits."""
ASSUMED = 2**30
"""The largest size of a whole variable, and of a population."""
SMALL = 2**15
TINY = 8
"""The sizes up to which whole literals, and other whole numbers, stay whole beside a real number: Brian2 may multiply
them with one another."""


@dataclass(frozen=True)
class Kind:
    """The range of a value: the largest magnitude of a whole number, infinite for a real one."""

    bound: float = math.inf
    negative: bool = True
    truth: bool = False

    @property
    def whole(self) -> bool:
        """Whether it is a whole number or a truth value."""
        return self.bound < math.inf


REAL = Kind()
TRUTH = Kind(1, negative=False, truth=True)
BIT = Kind(1, negative=False)
INDEX = Kind(ASSUMED, negative=False)
INTEGER = Kind(ASSUMED)
Kinds = Mapping[str, Kind]
"""Kinds by name; a name that is missing is real. With ``int`` among them it is trusted to give 32 bits."""

RING = ast.Add | ast.Sub | ast.Mult
"""Operators whose last 32 bits do not depend on how many bits an operand has."""


def as_real_expression(text: str, kinds: Kinds, integer: bool = False) -> str:
    """Return an expression with its whole numbers made real where that is needed, else the text itself.

    `integer` says that the value is stored in a variable of 32 bits.
    """
    tree = parsed_text(text, "eval")
    if not isinstance(tree, ast.Expression):
        return text
    before = ast.unparse(tree)
    tree.body, kind = _Reals(kinds).value(tree.body, integer)
    if integer and not kind.whole:
        tree.body = _call("int", tree.body)
    after = ast.unparse(tree)
    return text if after == before else after


def as_real_statements(code: str, kinds: Kinds) -> str:
    """Return statements with the whole numbers of their expressions made real where that is needed."""
    lines = code.replace(";", "\n").split("\n")
    trees = [parsed_text(line.split("#")[0], "exec") for line in lines]
    found = [tree.body[0] for tree in trees if isinstance(tree, ast.Module) and tree.body]
    targets = [target.id for node in found for target in _targets(node)]
    known = dict(kinds)
    changed = []
    for line, tree in zip(lines, trees, strict=True):
        if isinstance(tree, ast.Module) and tree.body:
            before = ast.unparse(tree)
            tree.body[0] = _statement(tree.body[0], known, {word for word in targets if targets.count(word) > 1})
            after = ast.unparse(tree)
            line = line if after == before else after
        changed.append(line)
    return code if changed == lines else "\n".join(line.strip() for line in changed)


def _targets(node: ast.stmt) -> list[ast.Name]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target for target in targets if isinstance(target, ast.Name)]


def _statement(node: ast.stmt, kinds: dict[str, Kind], changing: set[str]) -> ast.stmt:
    """One statement; a variable that it introduces is added to `kinds`."""
    match node:
        case ast.Assign(targets=[ast.Name(id=word)], value=value):
            integer = _integer(kinds.get(word, REAL))
            new = word not in kinds
            value, kind = _Reals(kinds).value(value, integer)
            if integer and not kind.whole:
                value = _call("int", value)
            if new and kind.whole and not kind.truth and (word in changing or kind.bound > LIMIT):
                value, kind = _real(value), REAL  # Brian2 gives a variable the type of its first value
            if new:
                kinds[word] = kind
            return ast.fix_missing_locations(ast.Assign([ast.Name(word)], value))
        case ast.AugAssign(target=ast.Name(id=word) as target, op=op, value=value):
            integer = _integer(kinds.get(word, REAL))
            sum_, kind = _Reals(kinds).value(ast.BinOp(ast.Name(word), op, value), integer)
            if integer and not kind.whole:
                return ast.fix_missing_locations(ast.Assign([ast.Name(word)], _call("int", sum_)))
            value, _ = _Reals(kinds).value(value, integer)
            return ast.fix_missing_locations(ast.AugAssign(target, op, value))
    return node


def _integer(kind: Kind) -> bool:
    return kind.whole and not kind.truth


class _Reals:
    """Makes the whole numbers of one expression real where that is needed."""

    def __init__(self, kinds: Kinds):
        self.kinds = kinds

    def value(self, node: ast.expr, ring: bool = False) -> tuple[ast.expr, Kind]:
        """Return the new node and its kind; `ring` says that its last 32 bits are all that counts."""
        match node:
            case ast.Constant(value=bool()):
                return node, TRUTH
            case ast.Constant(value=int(number)):
                return (node, Kind(number, negative=False)) if number <= LIMIT else (_real(node), REAL)
            case ast.Name(id=word):
                return node, self.kinds.get(word, REAL)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
                operand, kind = _number(*self.value(node.operand, ring))
                return ast.UnaryOp(node.op, operand), replace(kind, negative=True)
            case ast.BinOp():
                return self._operation(node, ring)
            case ast.Call(func=ast.Name(id=word)):
                return self._function(node, word, ring)
            case ast.Compare():
                left, right = self.value(node.left)[0], [self.value(other)[0] for other in node.comparators]
                return ast.Compare(left, node.ops, right), TRUTH
            case ast.BoolOp():
                return ast.BoolOp(node.op, [self.value(other)[0] for other in node.values]), TRUTH
            case ast.UnaryOp(op=ast.Not()):
                return ast.UnaryOp(node.op, self.value(node.operand)[0]), TRUTH
        return node, REAL

    def _operation(self, node: ast.BinOp, ring: bool) -> tuple[ast.expr, Kind]:
        ring = ring and isinstance(node.op, RING)
        left, a = self.value(node.left, ring)
        right, b = self.value(node.right, ring)
        if a.whole and b.whole:
            (left, a), (right, b) = _number(left, a), _number(right, b)
            bound = _bound(node.op, a, b, right)
            if ring or bound <= LIMIT:
                subtracts = isinstance(node.op, ast.Sub)
                return ast.BinOp(left, node.op, right), Kind(min(bound, LIMIT), _sign(node.op, a, b) or subtracts)
            if isinstance(node.op, ast.Div) and is_literal(left) and is_literal(right):
                return ast.BinOp(left, node.op, right), REAL  # which Brian2 divides as real numbers
        left, right = (_number(n, k)[0] if not isinstance(n, ast.Name) else n for n, k in ((left, a), (right, b)))
        power = isinstance(node.op, ast.Pow)
        both = a.whole and b.whole
        left = _real(left) if a.whole and (both or _large(left, a)) else left
        right = _real(right) if b.whole and not power and (both or _large(right, b)) else right
        return ast.BinOp(left, node.op, right), REAL

    def _function(self, node: ast.Call, word: str, ring: bool) -> tuple[ast.expr, Kind]:
        pairs = [self.value(argument) for argument in node.args]
        made = ast.Call(node.func, [argument for argument, _ in pairs], node.keywords)
        kinds = [kind for _, kind in pairs]
        whole = bool(kinds) and all(kind.whole and not kind.truth for kind in kinds)
        bound = max((kind.bound for kind in kinds), default=math.inf)
        match word:
            case "int" if len(kinds) == 1:
                if kinds[0].whole:
                    return made, replace(kinds[0], truth=False)
                fits = ring or word in self.kinds
                return (made, INTEGER) if fits else (_call("whole_towards_zero", *made.args), REAL)
            case "floor" | "ceil" if len(kinds) == 1:
                return _rounded(word, made.args[0], kinds[0])
            case "abs" if whole:
                return made, Kind(bound, negative=False)
            case "sign" if whole:
                return made, Kind(1)
            case "clip" if whole:
                return made, Kind(bound, any(kind.negative for kind in kinds))
        return made, self.kinds.get(word, REAL)


def _rounded(word: str, value: ast.expr, kind: Kind) -> tuple[ast.expr, Kind]:
    """Brian2's ``floor`` and ``ceil`` have 32 bits in NumPy."""
    if kind.whole:
        return _real(value), REAL
    if word == "floor":
        return _call("whole_below", value), REAL
    return ast.UnaryOp(ast.USub(), _call("whole_below", ast.UnaryOp(ast.USub(), value))), REAL


def _bound(op: ast.operator, a: Kind, b: Kind, right: ast.expr) -> float:
    """The largest magnitude that an operation on whole numbers can have; infinite if it is to be done on real ones."""
    divides = isinstance(right, ast.Constant) and isinstance(right.value, int) and right.value > 0
    match op:
        case ast.Add() | ast.Sub():
            return a.bound + b.bound
        case ast.Mult():
            return a.bound * b.bound
        case ast.Mod() if (divides and b.bound <= ASSUMED) or _is_size(right):
            return b.bound - divides
        # Cython rounds quotients below 0 up.
        case ast.FloorDiv() if not a.negative and (divides or _is_size(right)):
            return a.bound
    return math.inf


def _sign(op: ast.operator, a: Kind, b: Kind) -> bool:
    """Whether a result may be negative, subtraction aside."""
    return b.negative if isinstance(op, ast.Mod) else a.negative or b.negative


def _is_size(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("N", "N_pre", "N_post")


def _large(node: ast.expr, kind: Kind) -> bool:
    """Whether a whole number beside a real one may overflow once Brian2 has reordered a product."""
    return kind.bound > (SMALL if is_literal(node) else TINY)


def is_literal(node: ast.AST) -> bool:
    """Whether an expression has no names in it."""
    return not any(isinstance(part, ast.Name) for part in ast.walk(node))


def _number(node: ast.expr, kind: Kind) -> tuple[ast.expr, Kind]:
    """A truth value as 0 or 1: NumPy's sum of two is their `or`."""
    return (_call("int", node), BIT) if kind.truth else (node, kind)


def _real(node: ast.expr) -> ast.expr:
    match node:
        case ast.Constant(value=int(number)):
            return ast.Constant(float(number))
        case ast.UnaryOp(operand=ast.Constant(value=int(number))):
            return ast.UnaryOp(node.op, ast.Constant(float(number)))
        case ast.Call(func=ast.Name(id="int")):
            return _call("whole_towards_zero", *node.args)
    return _call("as_real", node)


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name), list(arguments), [])


def parsed_text(text: str, mode: str) -> ast.AST | None:
    """Python's tree of a text; None if there is a mistake in it, which is said elsewhere."""
    try:
        return ast.parse(text.strip(), mode=mode)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
