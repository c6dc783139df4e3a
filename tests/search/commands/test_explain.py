"""`snnsearch explain`: what it prints of a study's and a file's network, as text and as LaTeX, and its errors."""

from __future__ import annotations

import re

import pytest
from brian2 import ms, mV

from snn import (
    ALIF,
    LIF,
    AdEx,
    Dense,
    EProp,
    Izhikevich,
    LeakyReadout,
    Network,
    PiecewiseLinear,
    ResonateAndFire,
    SpikeTrains,
    SynapticLIF,
)
from snn.plasticity.eprop.optimizers import Adam
from snn.serial import dumps
from tests.support.command_line import ROOT
from tests.support.networks import NETWORKS, spec_of
from tests.support.neurons import pulsed, two_compartments


@pytest.fixture
def saved(folder):
    """The JSON of a network, in a file."""

    def saved(spec, name="network.json"):
        path = folder / name
        path.write_text(spec.to_json())
        return path

    return saved


def sections(text: str) -> list[str]:
    """The headings of a listing."""
    return [line for line in text.splitlines() if line and not line.startswith(" ")]


def test_a_study(snnsearch, folder):
    ended = snnsearch("explain", ROOT / "studies" / "digits.py")
    assert ended.status == 0 and ended.err == ""
    first, second = ended.out.split("\n\n")
    assert first.startswith("inputs->hidden: EProp(") and second.startswith("hidden->readout: EProp(")
    assert "surrogate=PiecewiseLinear(" in first and "surrogate" not in second.splitlines()[0]
    for part in (
        "    eligibility = psi_post*eps_v",
        "    e_filtered = exp(-dt/tau_out)*e_filtered + (1 - exp(-dt/tau_out))*eligibility",
        "    w, e_filtered, g: 3 numbers, 12 bytes in float32 or 24 in float64, however long a sample is",
        "    eps_v is kept once a presynaptic neuron: nothing postsynaptic enters it.",
    ):
        assert part in first.splitlines()
    assert "    g += error_post*z_filtered" in second.splitlines()
    assert "    w, g: 2 numbers, 8 bytes in float32 or 16 in float64, however long a sample is" in second.splitlines()
    assert sections(first)[1:] == [
        "mathematics, x' being what becomes of x in this step",
        "once a presynaptic neuron, every step",
        "once a postsynaptic neuron, after the state update, before the spike test",
        "once a synapse, every step",
        "once a synapse, in a sample's last step",
        "state of a synapse",
        "what is kept where, and why",
    ]


def test_the_network_of_a_study_is_the_same_each_time(snnsearch, folder):
    once, again = (snnsearch("explain", ROOT / "studies" / "digits.py").out for _ in range(2))
    assert once == again


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_in_json(snnsearch, saved, name):
    """Every projection is named once, with the equations and the bytes of its rule."""
    spec = spec_of(name)
    ended = snnsearch("explain", saved(spec))
    assert ended.status == 0 and ended.err == ""
    told = [line.split(": ")[0].split(", ") for line in ended.out.splitlines() if re.match(r"\S+->\S+", line)]
    assert sorted(name for names in told for name in names) == sorted(p.name for p in spec.projections)
    assert ended.out.count("state of a synapse") == len(told)
    for projection in spec.projections:
        assert f"{type(projection.rule).__name__}(" in ended.out


def test_projections_alike_are_told_once(snnsearch, saved):
    ended = snnsearch("explain", saved(spec_of("eprop_lif")))
    assert ended.out.startswith("inputs->hidden, hidden->hidden: EProp(lr=0.02)\n")
    assert ended.out.count("mathematics") == 2


def test_fields_that_are_not_as_by_default_are_told(snnsearch, saved):
    net = Network(inputs=SpikeTrains(3), dt=1 * ms)
    net.population("hidden", ALIF(), n=2)
    net.readout(LeakyReadout(2))
    net.connect("inputs", "hidden", Dense(), EProp(optimizer=Adam(beta_1=0.8), batch=4, rate_strength=2.0))
    net.connect("hidden", "readout", Dense())
    out = snnsearch("explain", saved(net.freeze())).out
    assert "EProp(optimizer=Adam(beta_1=0.8, beta_2=0.999, epsilon=1e-08), batch=4, rate_strength=2.0)" in out
    assert "w, eps_a, e_filtered, g, e_sum, m, s: 7 numbers, 28 bytes in float32" in out
    assert "hidden->readout: Static()" in out and "    w: 1 number, 4 bytes in float32" in out


@pytest.mark.slow
def test_the_loops_of_a_program(snnsearch, saved):
    """In the order of a time step: what is done at once, what one by one, and why."""
    ended = snnsearch("explain", saved(spec_of("eprop_lif")), "--loops")
    assert ended.status == 0 and ended.err == ""
    slots = sections(ended.out)
    assert slots[0] == "start" and slots.index("groups") < slots.index("thresholds") < slots.index("learning")
    told = re.findall(r"^  (\S+): (.*)\n      (.*), since (.*)$", ended.out, re.MULTILINE)
    how = {(owner, writes): (loop, why) for owner, writes, loop, why in told}
    summed = how["hidden_to_readout", "hidden_to_readout_learning_signal (while learning)"]
    assert summed == (
        "all rows, the synapses of a row one by one",
        "it adds up at the presynaptic neuron, which all synapses of a row share",
    )
    learned = [
        loop for (owner, writes), (loop, _) in how.items() if owner == "inputs_to_hidden" and "e_filtered" in writes
    ]
    assert learned == ["all rows, the synapses of a row at once"]
    assert any(loop == "every neuron, at once" for loop, _ in how.values())


def test_loops_and_latex_are_two_questions(snnsearch, saved):
    ended = snnsearch("explain", saved(spec_of("eprop_lif")), "--loops", "--latex")
    assert ended.status == 2 and "not allowed with" in ended.err


# LaTeX.


def assert_latex(text: str) -> None:
    """Braces and environments are balanced; names are symbols, commands, or set in roman type."""
    lines = text.splitlines()
    code = "\n".join(line for line in lines if not line.startswith("%"))
    opened = re.findall(r"\\begin\{(\S+?)\}", code)
    assert opened and opened == re.findall(r"\\end\{(\S+?)\}", code) and set(opened) == {"align*"}
    for block in re.findall(r"\\begin\{align\*\}\n(.*?)\n\\end\{align\*\}", code, re.DOTALL):
        rows = block.split(" \\\\\n")
        for row in rows:
            assert row.count("&") == 1 and "&= " in row, row
            depth = 0
            for character in re.sub(r"\\[{}]", "", row):
                depth += (character == "{") - (character == "}")
                assert depth >= 0, row
            assert depth == 0, row
            assert row.count(r"\left(") == row.count(r"\right)")
            roman = re.findall(r"\\mathrm\{([^{}]*)\}", row)
            assert all(re.fullmatch(r"[A-Za-z0-9 ]+", name) for name in roman), roman
            rest = re.sub(r"\\(mathrm|operatorname|text)\{[^{}]*\}", "", row)
            rest = re.sub(r"\\[A-Za-z]+", " ", rest)
            assert not re.search(r"[A-Za-z]{2,}", rest), (row, rest)  # a Python name
            assert not re.search(r"_[^{]|\*|#|%|\$", rest), (row, rest)


def test_latex_of_a_study(snnsearch, folder):
    ended = snnsearch("explain", ROOT / "studies" / "digits.py", "--latex")
    assert ended.status == 0 and ended.err == ""
    assert ended.out.startswith("% inputs->hidden: EProp(") and "\n% hidden->readout: EProp(" in ended.out
    assert_latex(ended.out)
    assert r"e &= \epsilon_{\mathrm{v}} \psi" in ended.out and "synapse" not in ended.out


@pytest.mark.parametrize("name", ["eprop_lif", "eprop_alif"])
def test_latex_of_a_network_in_json(snnsearch, saved, name):
    assert_latex(snnsearch("explain", saved(spec_of(name)), "--latex").out)


def test_latex_of_every_neuron():
    rule = EProp(surrogate=PiecewiseLinear(scale=1.0), through_reset=True)
    models = [LIF(reset="zero"), ResonateAndFire(), SynapticLIF(), Izhikevich(), pulsed(2 * ms), two_compartments(None)]
    for model in models:
        assert_latex(rule.equations(model).latex())
    assert_latex(EProp(surrogate=PiecewiseLinear(scale=10 * mV)).equations(AdEx()).latex())


@pytest.mark.parametrize("name", ["pair_stdp", "reward_stdp"])
def test_latex_of_rules_without_formulas(snnsearch, saved, name):
    out = snnsearch("explain", saved(spec_of(name)), "--latex").out
    assert "\n\n\\end" not in out


# Mistakes.

IMPORTS = """\
from brian2 import ms
from search import Study
from snn import Network, Poisson
from tests.support.synthetic import Bowl
def network(trial):
    {body}
study = Study(network, Bowl())
"""
FILES = {
    "no such script": ("nosuch.py", None, "there is no such file"),
    "no such JSON": ("nosuch.json", None, "'nosuch.json' cannot be read: No such file or directory"),
    "folder": (".", None, "cannot be read: Is a directory"),
    "no text": ("network.json", b"\xff\xfe\x00", "'network.json' cannot be read: it is no text"),
    "broken": ("network.json", b'{"type": "NetworkSpec"', "This text does not describe a network or task"),
    "empty": ("network.json", b"", "This text does not describe a network or task"),
    "something else": ("network.json", b'{"a": 1}', "JSON of type None is not known"),
    "a list": ("network.json", b"[1, 2]", "The JSON must describe a NetworkSpec"),
    "a part": ("network.json", dumps(LIF()).encode(), "The JSON must describe a NetworkSpec, but it describes"),
    "no study": ("mine.py", b"x = 1\n", "must define `study`, but does not: add"),
    "syntax": ("mine.py", b"study = (\n", "line 1: '(' was never closed"),
    "no network": ("mine.py", IMPORTS.format(body="return 3").encode(), "A Network or NetworkSpec is needed"),
    "wrong network": (
        "mine.py",
        IMPORTS.format(body="return Network(inputs=Poisson(0), dt=1*ms)").encode(),
        "`n >= 1` must hold, but the input has n = 0.",
    ),
    "failing network": ("mine.py", IMPORTS.format(body="return 1/0").encode(), "ZeroDivisionError"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_mistake_is_one_sentence(snnsearch, folder, name):
    path, content, part = FILES[name]
    if content is not None:
        (folder / path).write_bytes(content)
    ended = snnsearch("explain", path)
    assert ended.status == 2 and ended.out == ""
    assert part in ended.err and len(ended.err.splitlines()) == 1 and "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("arguments", "part"),
    [([], "required"), (["a.json", "--latx"], "nearest: --latex"), (["a.json", "b.json"], "b.json")],
)
def test_a_mistake_in_the_arguments_is_one_sentence(snnsearch, folder, arguments, part):
    ended = snnsearch("explain", *arguments)
    assert ended.status == 2 and ended.out == ""
    assert part in ended.err and len(ended.err.splitlines()) == 1


def test_help_has_examples(snnsearch):
    ended = snnsearch("explain", "--help")
    assert ended.status == 0
    assert "snnsearch explain my_study.py" in ended.out and "--latex" in ended.out
