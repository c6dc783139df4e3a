"""Whatever a user calls a variable, a population or a signal: it is refused by name before any code, or it works."""

from __future__ import annotations

import builtins
import keyword
import subprocess
from pathlib import Path

import numpy as np
import pytest
from brian2 import Clock, NeuronGroup, Synapses, ms
from brian2 import Network as BrianNetwork
from brian2.core.namespace import DEFAULT_UNITS

from snn import (
    LIF,
    Constant,
    Dense,
    Environment,
    EProp,
    Factor,
    LocalRule,
    Network,
    Neuron,
    Signal,
    SpikeReadout,
    SpikeTrace,
    SpikeTrains,
)
from snn.backends.standalone import device
from snn.equations.parse import free, unusable
from snn.errors import NetworkError
from tests.support.choices import BACKENDS
from tests.support.runs import run, stream

_ODD = """
source variables owner self len name clock order when events thresholder resetter stop start active codeobj_class delay
pre post target synapses namespace variable_indices scalar_code vector_code codeobj_name get_array_name pointers_lines
t dt i j N xi ms second exp int rand and lambda None True class double template std size_t int32_t std_ real one phases
entries sizes signals connectivity main argc run memcpy floor_ y1 j0 gamma time index conditions loop caller range
unix linux assert isnan signbit EDOM ERANGE POLLIN EINTR SNN_REAL snn_uniform NULL INFINITY NAN M_PI M_PIf BUFSIZ EOF
stdin errno EXIT_SUCCESS RAND_MAX INT64_MAX UINT32_C sum max id input size_out connectivity_out row_values width_label
size_environment spiked weight w m action reward label as_real whole_below numpy logical_not cdef I y error value seed
"""
ODD = _ODD.split()

_FEW = """
self source variables owner len name t ms and class True SNN_REAL EDOM ERANGE POLLIN EINTR size_out sum unix assert w N
"""
FEW = _FEW.split()
USUAL = {"variables", "parameters", "synaptic variables", "environment"}


def unique(names) -> list[str]:
    return [name for name in dict.fromkeys(names) if name.isidentifier() and not name.startswith("_")]


def attributes() -> list[str]:
    """All public attributes of the Brian2 objects that a network becomes, and what Python has for itself."""
    group = NeuronGroup(1, "v : 1", threshold="v > 1", reset="v = 0", refractory=1 * ms)
    synapses = Synapses(group, group, "w : 1", on_pre="v += w")
    synapses.connect()
    parts = [group, synapses, synapses.pre, group.state_updater, group.thresholder["spike"], BrianNetwork()]
    parts += [group.resetter["spike"], Clock(dt=1 * ms), group.variables, group.v, synapses.i]
    names = sorted({name for part in parts for name in dir(part)} | {*group.variables} | {*synapses.variables})
    return unique([*names, *keyword.kwlist, *keyword.softkwlist, *dir(builtins), *sorted(DEFAULT_UNITS)[:20]])


def macros() -> list[str]:
    """All macros of the headers that a compiled program includes."""
    header = Path(device.__file__).parent / "engine" / "engine.h"
    command = ["g++", "-std=c++17", "-dM", "-E", "-x", "c++", str(header)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return unique(line.split()[1].split("(")[0] for line in text.splitlines())


def neurons(names: list[str], role: str) -> Network:
    """A network with these names in one role; a neuron or a synapse that has them counts or adds them up."""
    net = Network(inputs=SpikeTrains(1), dt=1 * ms)
    own = names if role == "variables" else []
    model = "\n".join(["du/dt = -u/(10*ms) : 1", "total : 1", *(f"{name} : 1" for name in own)])
    read = names if role in ("parameters", "signals") else []
    lines = [f"{name} = {name} + 1" for name in own] + [f"total = total + {name}*2" for name in read]
    parts = {"learning": "\n".join(lines), "parameters": {name: 0.5 for name in names if role == "parameters"}}
    signals = {name: Signal("current", per="sample") for name in names} if role == "signals" else None
    fire = {"threshold": "u > 0.5", "reset": "u = 0"}
    net.population("out", Neuron(model, **fire, **parts, method="euler", input="u"), n=2, signals=signals)
    net.readout(SpikeReadout("out", variable="u"))
    if role in ("environment", "environment signals"):
        texts = [f"{name} = 2 : 1" for name in names] if role == "environment" else []
        given = {name: Signal("current") for name in names} if role == "environment signals" else {}
        answer = " + ".join(["0*action", *(f"{name}*0.25" for name in names)])
        net.environment(Environment("\n".join([*texts, f"answer = {answer} : 1"]), signals=given))
    rules = {
        "synaptic variables": lambda: LocalRule(
            pre=" + ".join(names), variables=tuple(names), changes={"pre": "\n".join(f"{n} += 1" for n in names)}
        ),
        "synaptic parameters": lambda: LocalRule(pre=" + ".join(names), parameters=dict.fromkeys(names, 0.5)),
        "synaptic traces": lambda: LocalRule(
            pre=" + ".join(names), traces={name: SpikeTrace("pre", 20 * ms) for name in names}
        ),
        "factors": lambda: LocalRule(
            pre="m", factor=Factor(" + ".join(names), dict.fromkeys(names, 0.5)),
        ),
        "environment": lambda: LocalRule(sample="m", factor="answer"),
        "environment signals": lambda: LocalRule(sample="m", factor="answer"),
        "learning signals": lambda: EProp(signal=" + ".join(names), signal_parameters=dict.fromkeys(names, 0.5)),
    }  # fmt: skip
    net.connect("inputs", "out", Dense(Constant(1.0)), rules[role]() if role in rules else None)
    return net


ROLES = [
    "variables", "parameters", "signals", "environment", "environment signals", "synaptic variables",
    "synaptic parameters", "synaptic traces", "factors", "learning signals",
]  # fmt: skip


def accepted(names: list[str], role: str) -> list[str]:
    """Those of the names that are not refused; a refusal names the name."""
    left = []
    for name in names:
        try:
            neurons([name], role).freeze()
            left.append(name)
        except NetworkError as error:
            said = [name in problem for problem in error.problems]
            assert all(said) or keyword.iskeyword(name), (name, error)  # which is a mistake of syntax in a text
    return left


def state(names: list[str], role: str, backend: str) -> dict[str, np.ndarray]:
    samples = stream(2, 6, 1, spikes=True, reset=np.zeros(2, bool))
    samples.signals["current"] = np.full(2, 0.5)
    return run(neurons(names, role).freeze(), samples, backend).state.arrays


def check(names: list[str], role: str, backend: str) -> None:
    """The names that are accepted give what names that nobody has give."""
    plain = [f"plain_{k}" for k in range(len(names))]
    found, expected = state(names, role, backend), state(plain, role, "runtime")
    assert len(found) == len(expected)
    for name in ("out.u", "out.total", "inputs_to_out.weight"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-12, err_msg=role)
    if role == "variables":
        assert all((found[f"out.{name}"] == 12).all() for name in names)


def roles(usual: set[str]) -> list:
    return [pytest.param(role, marks=[pytest.mark.slow] * (role not in usual)) for role in ROLES]


@pytest.mark.parametrize("role", roles(USUAL))
def test_a_few_odd_names_are_refused_by_name_or_work(role):
    left = accepted(FEW, role)
    assert {"EDOM", "name", "sum", "unix"} <= {*left} and {"t", "ms", "and", "class", "True", "N"}.isdisjoint(left)
    if role not in ("factors", "learning signals"):  # whose names get a prefix
        assert {"self", "source", "variables", "owner", "len", "SNN_REAL", "size_out"}.isdisjoint(left)
    check(left, role, "runtime")


@pytest.mark.slow
@pytest.mark.parametrize("role", ["variables", "synaptic variables"])
def test_compiled_programs_have_the_rest(role):
    check(accepted(ODD, role), role, "standalone")


@pytest.mark.nightly
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", [attributes, macros])
@pytest.mark.parametrize("role", ROLES)
def test_every_attribute_and_macro(role, kind, backend):
    left = accepted(kind(), role)
    for first in range(0, len(left), 150):
        check(left[first : first + 150], role, backend)


def fit_for_populations(names: list[str]) -> list[str]:
    left = []
    for name in names:
        net = Network(inputs=SpikeTrains(1), dt=1 * ms)
        net.population(name, LIF(), n=1)
        try:
            net.freeze()
            left.append(name)
        except NetworkError as error:
            assert all(name in problem for problem in error.problems)
    return left


def check_populations(names: list[str], backend: str) -> None:
    net = Network(inputs=SpikeTrains(1), dt=1 * ms)
    for name in names:
        net.population(name, LIF(tau_m=10 * ms, v_th=0.5), n=1)
        net.connect("inputs", name, Dense(Constant(1.0)), name=name)
    outcome = run(net.freeze(), stream(2, 6, 1, spikes=True), backend)
    counts = [outcome.totals[f"{name}.spike_count"][0] for name in names]
    assert counts[0] > 0 and len(set(counts)) == 1


def test_populations_and_projections_of_odd_names():
    left = fit_for_populations(FEW)
    assert {"t", "and", "class", "True"}.isdisjoint(left) and {"self", "EDOM", "ms", "size_out"} <= {*left}
    check_populations([name for name in left if name in ("self", "source", "EDOM", "ms", "size_out", "N")], "runtime")


@pytest.mark.slow
def test_compiled_populations_of_odd_names():
    check_populations(fit_for_populations(ODD)[::8], "standalone")


@pytest.mark.nightly
@pytest.mark.parametrize("kind", [attributes, macros])
def test_populations_of_every_attribute_and_macro(kind):
    left = fit_for_populations(kind())
    for first in range(0, len(left), 40):
        check_populations(left[first : first + 40], "standalone")


def test_an_error_names_the_variable_the_population_and_a_name_that_is_free():
    with pytest.raises(NetworkError) as caught:
        neurons(["self"], "variables").freeze()
    assert "`self` is a reserved name; rename it in the equations of out" in str(caught.value)
    assert "`self_`" in str(caught.value) and not unusable("self_")
    assert not [name for name in ODD if unusable(free(name))]
