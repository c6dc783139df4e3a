"""Uncaught errors: those of the package are not shown as errors of Brian2."""

from __future__ import annotations

import sys

import pytest
from brian2.utils.logger import brian_excepthook

from snn.errors import NetworkError, SNNError
from snn.system import uncaught
from snn.system.uncaught import spare_banner


@pytest.fixture
def shown(monkeypatch):
    """Errors that Brian2's hook was given."""
    errors: list[BaseException] = []
    monkeypatch.setattr(uncaught, "brian_excepthook", lambda kind, error, trace: errors.append(error))
    monkeypatch.setattr(sys, "excepthook", uncaught.brian_excepthook)
    spare_banner()
    return errors


@pytest.mark.parametrize("kind", [SNNError, NetworkError])
def test_an_error_of_the_package_is_shown_as_python_does(shown, capsys, kind):
    sys.excepthook(kind, kind("`n >= 1` must hold."), None)
    assert capsys.readouterr().err == f"snn.errors.{kind.__name__}: `n >= 1` must hold.\n"
    assert not shown


def test_any_other_error_is_left_to_brian2(shown, capsys):
    error = ValueError("mine")
    sys.excepthook(ValueError, error, None)
    assert shown == [error] and capsys.readouterr().err == ""


def test_the_hook_is_in_place_once_the_package_is_imported():
    assert sys.excepthook is not brian_excepthook


def test_a_hook_that_somebody_else_has_set_stays(monkeypatch):
    def mine(*arguments):
        raise AssertionError

    monkeypatch.setattr(sys, "excepthook", mine)
    spare_banner()
    assert sys.excepthook is mine
