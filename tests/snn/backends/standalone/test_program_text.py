"""The C++ of compiled programs: no doubles in float32 loops, and no vector loop over what depends on one another."""

from __future__ import annotations

import re
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from snn.backends.standalone.build import loops, write_source
from snn.backends.standalone.generator import TIMES
from snn.lowering.arrangement.merging import merge
from snn.lowering.plan.blocks import Code, Event, Group, OnEvent, Variable
from snn.lowering.plan.plan import Plan
from tests.support.networks import spec_of


@pytest.fixture(scope="module")
def apart():
    """A process of its own, since Brian2's device is the process's."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield lambda function, *arguments: pool.submit(function, *arguments).result()


def loop_lines(text: str) -> list[str]:
    """The statements of all loops over neurons and synapses, but for those that contain the time."""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        inside = (
            inside or re.search(r"const \w+ _vectorisation_idx = _idx;", line) is not None
        ) and line.strip() != "}"
        if inside and not TIMES & set(re.findall(r"\w+", line)):
            lines.append(line.strip())
    return lines


@pytest.mark.slow
@pytest.mark.parametrize("name", ["eprop_alif", "pair_stdp"])
def test_nothing_in_a_float32_loop_is_a_double(apart, tmp_path, name):
    lines = loop_lines(apart(write_source, spec_of(name).skeleton().to_json(), "float32", tmp_path).read_text())
    assert len(lines) > 50 and any(re.search(r"\d\.\d+f", line) for line in lines)
    for line in lines:
        assert not re.search(r"\bdouble\b|(?<![\w.])\d+\.\d*(e-?\d+)?(?![\w.])", line.replace("float(dt)", "")), line


def test_float64_has_no_floats(apart, tmp_path):
    text = apart(write_source, spec_of("eprop_alif").skeleton().to_json(), "float64", tmp_path).read_text()
    assert not re.search(r"\bfloat\b|\d\.\d*f\b", text)


def test_what_adds_up_at_a_presynaptic_neuron_is_no_vector_loop(apart):
    notes = apart(loops, spec_of("eprop_lif").skeleton().to_json(), "float32")
    summed = [note for note in notes if "hidden_to_readout_learning_signal" in note.writes]
    assert summed and all("one by one" in note.loop for note in summed)
    assert all("one by one" not in note.loop for note in notes if "e_filtered" in note.writes)


def group(*codes: Code) -> Plan:
    made = Group("g", codes=list(codes), variables={name: Variable() for name in "abc"})
    return Plan(0.001, groups={"g": made})


def texts(plan: Plan) -> list[str]:
    merge(plan)
    return [code.text for code in plan.groups["g"].codes]


def test_neighbours_are_joined_in_their_order():
    plan = group(Code("start", "b = a", order=2), Code("start", "a = 1", order=1))
    assert texts(plan) == ["a = 1\nb = a"]


@pytest.mark.parametrize("other", [{"slot": "end"}, {"phase": "learn"}, {"text": "local = 1\nb = local"}])
def test_what_runs_at_other_times_or_has_variables_of_its_own_is_not_joined(other):
    plan = group(Code("start", "a = 1", order=1), Code(**{"slot": "start", "text": "b = 1", "order": 2} | other))
    assert len(texts(plan)) == 2


def test_what_an_event_lies_between_is_not_joined():
    codes = Code("start", "a = 1", order=1), Code("start", "b = a", order=3)
    assert len(texts(group(*codes))) == 1
    tested, reset = group(*codes), group(*codes)
    tested.groups["g"].events.append(Event("e", "a > 0", "start", order=2))
    reset.groups["g"].on_events.append(OnEvent("spike", "a = 0", "start", order=2))
    assert len(texts(tested)) == len(texts(reset)) == 2


def test_another_event_at_a_time_of_its_own_lies_between():
    made = group()
    texts = (("spike", "a += 1", 1), ("spike", "c = a", 3), ("other", "a = 0", 3))
    made.groups["g"].on_events += [OnEvent(event, text, "start", order=order) for event, text, order in texts]
    merge(made)
    assert len(made.groups["g"].on_events) == 3
