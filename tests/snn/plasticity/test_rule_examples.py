"""Every plasticity rule says what it is, and all examples run."""

from __future__ import annotations

import doctest
import importlib
import inspect

import pytest

import snn
from snn import Analog, Chip, EProp, Factor, HomeostaticLIF, Rule, Static
from snn.chip import profile

RULES = [value for value in map(vars(snn).get, snn.__all__) if inspect.isclass(value) and issubclass(value, Rule)]
RULES = [rule for rule in RULES if not inspect.isabstract(rule) and rule is not Static]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rules_are_documented(rule):
    """Its equation or what stands for it, each field, the place in the step, and an example that runs."""
    text = inspect.getdoc(rule)
    assert "Parameters\n---" in text and "Place in the time step" in text and "Examples\n---" in text
    for name in inspect.signature(rule).parameters:
        assert name in text, name


SHOWN = [value for value in map(vars(snn).get, snn.__all__) if ">>> " in (inspect.getdoc(value) or "")]


@pytest.mark.parametrize("module", sorted({value.__module__ for value in (*SHOWN, profile)}))
def test_examples_run(module):
    assert doctest.testmod(importlib.import_module(module)).failed == 0


def test_there_are_rules():
    assert len(RULES) > 12 and {*RULES, Factor, Chip, Analog, HomeostaticLIF} - {EProp} <= {*SHOWN}
