"""Sides that take turns, and what is said of them."""

from __future__ import annotations

import json

import pytest

from tests.benchmarks import compare

SIDES = {"a": lambda: 1.0, "bb": lambda: 4.0}


def test_sides_take_turns_after_each_has_warmed_up():
    calls = []

    def side(name):
        def run():
            calls.append(name)
            return float(len(calls))

        return run

    measured = compare.compare({"a": side("a"), "b": side("b")}, rounds=2)
    assert calls == ["a", "b", "a", "b", "a", "b"]
    assert measured == {"a": [3.0, 5.0], "b": [4.0, 6.0]}


def test_one_line_of_json_holds_medians_and_ranges(capsys):
    compare.report("title", "seconds", {"a": [3.0, 1.0, 2.5], "b": [5.0]}, True, rates_hz={"a": 20.0})
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {
        "seconds": {"a": 2.5, "b": 5.0},
        "ranges": {"a": [1.0, 3.0], "b": [5.0, 5.0]},
        "rates_hz": {"a": 20.0},
    }


def test_a_table_holds_the_ratio_to_the_first_side(capsys):
    compare.report("title", "seconds", compare.compare(SIDES, rounds=3), False)
    assert capsys.readouterr().out.splitlines()[2].split() == ["bb", "4", "(4", "to", "4)", "4.00"]


def test_a_peer_that_is_missing_is_said_to_be_left_out(capsys):
    assert compare.installed("json", "bench")
    assert not compare.installed("a_peer_that_nobody_has", "bench")
    said = capsys.readouterr()
    assert not said.out
    assert "a_peer_that_nobody_has" in said.err and "[bench]" in said.err


def test_no_rounds_are_refused():
    with pytest.raises(SystemExit):
        compare.arguments("about", rounds=3).parse_args(["--rounds", "0"])
