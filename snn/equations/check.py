"""Checks of a user's equations and code, by Brian2's own parsers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from typing import Any

from brian2 import DimensionMismatchError, Equations, get_dimensions, second
from brian2.codegen.translation import analyse_identifiers
from brian2.core.functions import DEFAULT_CONSTANTS, DEFAULT_FUNCTIONS
from brian2.core.namespace import DEFAULT_UNITS
from brian2.core.variables import Constant, Variable
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER, SUBEXPRESSION
from brian2.equations.unitcheck import check_dimensions, check_units_statements
from brian2.parsing.expressions import is_boolean_expression
from brian2.stateupdaters.base import StateUpdateMethod
from brian2.units.fundamentalunits import DIMENSIONLESS

from snn.equations.operands import operand_problem
from snn.equations.parse import FUNCTIONS, RANDOM, Units, free, identifiers, parsed, reserved, sentence, unusable
from snn.errors import nearest

METHODS = tuple(name for name in StateUpdateMethod.stateupdaters if not name.startswith("gsl"))
FLAGS = ("unless refractory", "constant", "constant over dt")


@lru_cache(maxsize=512)
def neuron_problems(
    name: str,
    model: str,
    threshold: str | None,
    reset: str,
    condition: str | None,
    method: str,
    refractory: bool,
    learning: str,
    parameters: Units,
    signals: tuple[str, ...],
) -> tuple[str, ...]:
    """Return all problems of the texts of a neuron whose model can be parsed, one sentence each.

    `condition` is a refractory condition; `refractory` says that there is one or a refractory time.
    """
    text = _Text(name, model, parameters, signals)
    found = [*text.names(), *text.flags(refractory), *text.units()]
    if threshold is not None:
        found += text.condition(threshold, "threshold", {*RANDOM, "t"})
    if condition is not None:
        found += text.condition(condition, "refractory", set())
    found += text.statements(reset, "reset") + text.statements(learning, "learning", {"spiked"})
    return tuple(found or text.integration(method))


@lru_cache(maxsize=512)
def environment_problems(model: str, method: str, parameters: Units, signals: tuple[str, ...]) -> tuple[str, ...]:
    """Return all problems of the texts of an environment whose model can be parsed, one sentence each."""
    text = _Text("the environment", model, parameters, (*signals, "action"))
    found = [*text.names(), *text.flags(False), *text.units()]
    for variable, expression in text.expressions():
        for word in sorted(identifiers(expression) & {*RANDOM, "t"} | _noise(expression)):
            found.append(f"The equation of {variable!r} in the environment must not use `{word}`; give it as a signal.")
    return tuple(found or text.integration(method))


class _Text:
    """Equations together with everything that they may name."""

    def __init__(self, name: str, model: str, parameters: Units, signals: Iterable[str]):
        self.name, self.equations = name, parsed(model)
        self.parameters, self.signals = parameters, tuple(signals)
        self.known: dict[str, Any] = {"not_refractory": Variable("not_refractory", dtype=bool)}
        self.known |= {word: Variable(word, dimensions=second.dim) for word in ("t", "dt")}
        self.known |= {word: Variable(word, dtype=int) for word in ("i", "N")}
        self.known |= {signal: Variable(signal) for signal in self.signals}
        self.known |= {parameter: Variable(parameter, dimensions=dim) for parameter, dim in parameters}
        for variable, equation in self.equations.items():
            kind = {"float": float, "integer": int, "boolean": bool}[equation.var_type]
            self.known[variable] = Variable(variable, dimensions=equation.dim, dtype=kind)

    def expressions(self) -> Iterator[tuple[str, str]]:
        """Every variable that has an expression, and the expression."""
        for variable, equation in self.equations.items():
            if equation.type != PARAMETER:
                yield variable, str(equation.expr)

    def names(self) -> Iterator[str]:
        """Variables and parameters whose names are taken."""
        for variable in sorted(self.equations.names):
            if reserved(variable) or variable in self.signals:
                yield (
                    f"`{variable}` is a reserved name; rename it in the equations of {self.name}, "
                    f"for instance to `{free(variable)}`."
                )
        for parameter, _ in self.parameters:
            if parameter in self.equations.names:
                yield f"`{parameter}` of {self.name} must be a variable or in `parameters`, but it is both."
            elif reserved(parameter) or parameter in self.signals:
                yield (
                    f"`{parameter}` is a reserved name; rename the parameter of {self.name}, for "
                    f"instance to `{free(parameter)}`."
                )
            else:
                try:
                    Equations.check_identifier(parameter)
                except (SyntaxError, ValueError) as error:
                    yield f"A parameter of {self.name} has a wrong name: {sentence(error)}; rename it."

    def flags(self, refractory: bool) -> Iterator[str]:
        """Flags that the backends do not know."""
        for variable, equation in self.equations.items():
            for flag in equation.flags:
                if flag not in FLAGS:
                    yield f"The flag ({flag}) of {variable!r} in {self.name} is not known; {nearest(flag, FLAGS)}."
                elif flag == "unless refractory" and not refractory:
                    yield f"`{variable}` of {self.name} is (unless refractory), but there is no refractory=; give one."

    def units(self) -> Iterator[str]:
        """Unknown names and units that do not agree, in the equations."""
        for variable, expression in self.expressions():
            equation = self.equations[variable]
            differential = equation.type == DIFFERENTIAL_EQUATION
            dimensions = equation.dim / second.dim if differential else equation.dim
            where = f"d{variable}/dt" if differential else variable
            allowed = {*RANDOM, "t", *(_noise(expression) if differential else ())}
            found = list(self._unknown(expression, f"The equation of {where} in {self.name}", allowed))
            yield from found
            if not found:
                yield from self._try(
                    f"the equation of {where}", check_dimensions, expression, dimensions, self._used(expression)
                )

    def condition(self, text: str, field: str, allowed: set[str]) -> list[str]:
        """What is wrong with a condition."""
        if problem := operand_problem(text, f"`{field}` of {self.name}"):
            return [problem]
        found = list(self._unknown(text, f"`{field}` of {self.name}", allowed))
        if found:
            return found
        used = self._used(text)
        try:
            boolean = is_boolean_expression(text, used)
        except (AttributeError, SyntaxError, ValueError, TypeError, KeyError) as error:
            return [f"`{field}` of {self.name} cannot be used: {sentence(error)}."]
        if not boolean:
            return [f"`{field}` of {self.name} must be a condition such as 'v > 1', but is {text!r}."]
        return list(self._try(f"`{field}`", check_dimensions, text, DIMENSIONLESS, used))

    def statements(self, code: str, field: str, given: Collection[str] = ()) -> list[str]:
        """What is wrong with a reset, or with other statements about the neurons' variables, which may read `given`."""
        if problem := operand_problem(code, f"`{field}` of {self.name}"):
            return [problem]
        used = self._used(code) | {word: Variable(word, dtype=int) for word in given}
        try:
            new, _, _ = analyse_identifiers(code, used)
        except Exception as error:  # of the parser's many kinds
            return [f"`{field}` of {self.name} cannot be used: {sentence(error)}."]
        found = list(self._unknown(code, f"`{field}` of {self.name}", {*RANDOM, "t", *new, *given}))
        assigned = re.findall(r"^\s*([A-Za-z_]\w*)\s*(?:[-+*/%]|//|\*\*)?=(?!=)", code.replace(";", "\n"), re.MULTILINE)
        for operator in dict.fromkeys(re.findall(r"(?:\*\*|//|%)=(?!=)", code)):  # which C++ lacks for real numbers
            found.append(f"`{field}` of {self.name} must not use `{operator}`; write 'v = v {operator[:-1]} 2' or so.")
        for variable in dict.fromkeys(assigned):
            equation = self.equations.get(variable)
            if equation is not None and equation.type != SUBEXPRESSION and "constant" not in equation.flags:
                continue
            if unusable(variable) or variable in self.known:
                found.append(f"`{field}` of {self.name} must not set `{variable}`; {nearest(variable, self._state())}.")
            elif len(re.findall(rf"\b{variable}\b", code)) == assigned.count(variable):
                found.append(
                    f"`{field}` of {self.name} sets {variable!r}, which is no variable; "
                    f"{nearest(variable, self._state())}."
                )
        return found or list(self._try(f"`{field}`", check_units_statements, code, used))

    def integration(self, method: str) -> list[str]:
        """What is wrong with the way in which the differential equations are to be integrated."""
        if method not in METHODS:
            return [f"`method` of {self.name} is {method!r}; {nearest(method, METHODS)}."]
        if not self.equations.diff_eq_names:
            return []
        found = []
        for variable, expression in self.equations.get_substituted_expressions():
            if variable in self.equations.diff_eq_names and method != "euler":
                words = identifiers(str(expression)) & {*RANDOM, "t"} | _noise(str(expression))
                found += [
                    f"The equation of d{variable}/dt in {self.name} uses `{word}`, which needs method='euler', but the "
                    f"method is {method!r}."
                    for word in sorted(words)
                ]
        if found:
            return found
        try:
            used = self._used(str(self.equations))
            functions = {word: value for word, value in used.items() if word not in self.known}
            StateUpdateMethod.apply_stateupdater(self.equations, functions, method)
        except Exception as error:  # each updater has its own
            return [
                f"`method` {method!r} of {self.name} cannot integrate the equations: {sentence(error)}; "
                "use 'euler', 'rk4' or 'exponential_euler'."
            ]
        return []

    def _state(self) -> list[str]:
        return [name for name, equation in self.equations.items() if equation.type != SUBEXPRESSION]

    def _unknown(self, text: str, where: str, allowed: set[str]) -> Iterator[str]:
        banned = {"t", *RANDOM, *_noise(text)} - allowed
        known = {*self.known, *DEFAULT_UNITS, *DEFAULT_CONSTANTS, *FUNCTIONS, "True", "False", *allowed}
        words = identifiers(text) - {"and", "or", "not"}
        for word in sorted(words & banned):
            yield f"{where} must not use `{word}`; it is for equations, thresholds and resets alone."
        for word in sorted(words - known - banned):
            choices = {*self.equations.names, *dict(self.parameters), *self.signals}
            yield f"{where} uses {word!r}, which is neither a variable nor in `parameters`; {nearest(word, choices)}."

    def _used(self, text: str) -> dict[str, Any]:
        """What the names in a text stand for, as Brian2's checks take it."""
        used: dict[str, Any] = {}
        for word in identifiers(text):
            if word in self.known:
                used[word] = self.known[word]
            elif word in DEFAULT_FUNCTIONS:
                used[word] = DEFAULT_FUNCTIONS[word]
            elif word in DEFAULT_CONSTANTS:
                used[word] = DEFAULT_CONSTANTS[word]
            elif word in DEFAULT_UNITS:
                unit = DEFAULT_UNITS[word]
                used[word] = Constant(word, value=float(unit), dimensions=get_dimensions(unit))
            elif word in _noise(word):
                used[word] = Variable(word, dimensions=(second**-0.5).dim)
        return used

    def _try(self, where: str, check: Any, *arguments: Any) -> Iterator[str]:
        try:
            check(*arguments)
        except DimensionMismatchError as error:
            yield f"Units do not agree in {where} of {self.name}: {sentence(error)}."
        except Exception as error:  # of the parser's many kinds
            yield f"There is a mistake in {where} of {self.name}: {sentence(error)}."


def _noise(text: str) -> set[str]:
    return {word for word in identifiers(text) if word == "xi" or word.startswith("xi_")}
