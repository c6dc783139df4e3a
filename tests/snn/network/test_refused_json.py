"""Texts that are no network, or one of another version: refused, and never executed."""

from __future__ import annotations

import base64
import json
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snn import (
    LIF,
    NetworkSpec,
    SNNError,
)
from snn.network.data import SCHEMA
from snn.serial import dumps, loads
from tests.support.networks import NETWORKS, spec_of


@pytest.mark.parametrize("schema", [SCHEMA + 1, 0, "1", 1.5])
def test_another_schema_version(schema):
    """Also where the other version has fields that this one does not know."""
    data = json.loads(spec_of("pair_stdp").to_json())
    with pytest.raises(SNNError, match=f"reads networks of schema 1 to {SCHEMA}, but the JSON has schema {schema!r}"):
        NetworkSpec.from_json(json.dumps(data | {"schema": schema, "chip": {"type": "Chip"}}))


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(sorted(NETWORKS)), st.data())
def test_damaged_json(name, data):
    """Cut, with a piece missing, or with characters changed: an SNNError, or a network that still is one."""
    text = spec_of(name).to_json()
    begin = data.draw(st.integers(0, len(text) - 1))
    length = data.draw(st.integers(1, 30))
    middle = data.draw(st.sampled_from(["", "0", '"', "null", "[", "}", "NaN", "-1e999", "é", '{"type":"LIF"}']))
    tail = "" if data.draw(st.booleans()) else text[begin + length :]
    try:
        spec = NetworkSpec.from_json(text[:begin] + middle + tail)
    except SNNError:
        return
    assert NetworkSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3",
        "null",
        "[]",
        "{}",
        '"x"',
        "{",
        "[" * 100_000,
        '{"type":"NetworkSpec"}',
        '{"type":["LIF"]}',
        '{"quantity":1}',
    ],
)
def test_what_is_no_network(text):
    with pytest.raises(SNNError):
        NetworkSpec.from_json(text)
    if text not in ("3", "null", "[]", '"x"'):
        with pytest.raises(SNNError):
            loads(text)


def test_a_description_of_something_else():
    with pytest.raises(SNNError, match="must describe a NetworkSpec, but it describes a LIF"):
        NetworkSpec.from_json(dumps(LIF()))
    with pytest.raises(SNNError, match=r"type 'Lif' is not known; choices: .*nearest: 'LIF'"):
        loads('{"type":"Lif"}')
    with pytest.raises(SNNError, match="cannot stand in a network's JSON"):
        dumps(object())


def test_nothing_in_a_text_is_executed(tmp_path, monkeypatch):
    """Names of classes, pickles in arrays and expressions in places of numbers are data."""
    spot = tmp_path / "executed"
    code = f"__import__('pathlib').Path({str(spot)!r}).touch()"
    data = json.loads(spec_of("own_neuron").to_json())
    population = data["populations"][0]["model"]
    for place, value in (
        ("threshold", code),
        ("reset", f"v = {code}"),
        ("model", f"dv/dt = {code} : 1\nI : 1"),
        ("refractory", code),
        ("kind", code),
    ):
        bad = json.loads(json.dumps(data))
        bad["populations"][0]["model"] = population | {place: value}
        with pytest.raises(SNNError):
            NetworkSpec.from_json(json.dumps(bad))
    for value in (
        {"type": "pathlib.Path", "args": [str(spot)]},
        {"type": "__import__"},
        {"array": base64.b64encode(pickle.dumps(spot)).decode(), "dtype": "|O", "shape": [1]},
        {"array": "", "dtype": "V8", "shape": [0]},
        {"array": "AAAA", "dtype": "<f8", "shape": [7]},
        {"array": "????", "dtype": "<f8", "shape": [0]},
        {"quantity": code, "dimensions": [0] * 7},
        {"quantity": 1.0, "dimensions": ["a"] * 7},
        {"quantity": 1.0, "dimensions": 3},
        {"mapping": code},
    ):
        with pytest.raises(SNNError):
            loads(json.dumps(value))
    assert not spot.exists()
