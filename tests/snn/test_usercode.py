"""Calls of a user's functions: what they raise, and processes that they fork."""

from __future__ import annotations

import os

import pytest

from snn.errors import RunError
from snn.system.usercode import call_user


class Odd(BaseException):
    """Of a user's."""


def raises(error):
    raise error


def test_what_a_function_returns_is_returned():
    assert call_user(divmod, 7, 2) == (3, 1)
    assert call_user(int, "11", base=2) == 3


@pytest.mark.parametrize("error", [SystemExit(3), SystemExit(), GeneratorExit("gone"), Odd("odd")], ids=repr)
def test_what_would_end_the_process_is_an_error_that_names_class_message_and_line(error):
    with pytest.raises(RunError) as raised:
        call_user(raises, error)
    line = raises.__code__.co_firstlineno + 1
    assert f"raised {error!r} in test_usercode.py, line {line}." in str(raised.value)
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("3"), StopIteration(4)], ids=repr)
def test_ctrl_c_and_exceptions_pass(error):
    with pytest.raises(type(error)) as raised:
        call_user(raises, error)
    assert raised.value is error


@pytest.mark.filterwarnings("ignore:.*fork")  # of a process with threads
@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
@pytest.mark.parametrize("error", [None, ValueError("in the child"), SystemExit(7)], ids=repr)
def test_a_forked_process_does_not_come_back_from_a_function(error):
    def forks():
        child = os.fork()
        if child == 0 and error is not None:
            raise error
        return child

    parent = os.getpid()
    try:
        child = call_user(forks)
    finally:
        if os.getpid() != parent:  # so that a failure is not a second test run
            os._exit(9)
    assert os.waitpid(child, 0) == (child, 0)
