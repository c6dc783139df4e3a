"""Code of Brian2GeNN's with branches: it computes what it did, and reads first what it needs."""

import random
import subprocess

import pytest

from snn.backends.genn.engine.branches import NOW, branched, read_only
from snn.backends.standalone.compiler import compiler

pytestmark = pytest.mark.genn

OWN, READ = ("e", "g", "weight"), ("x_pre", "y_post", "of_lr_pre")
CONDITIONS = (
    "($(genn_step_pre) >= 2) && ($(genn_learn_pre) == 1)",
    "($(genn_step_pre) >= 1) && ($(genn_step_pre) < ($(genn_period_pre) + 1))",
    "($(genn_step_pre) == ($(genn_period_pre) + 4)) && ($(genn_learn_pre) == 1)",
    "($(genn_step_pre) >= 1) && ($(spiked_pre) == 1)",
    "($(genn_step_pre) == 0) && ($(genn_reset_pre) == 1)",
)
CLOCK = ("genn_step_pre", "genn_period_pre", "genn_learn_pre", "genn_reset_pre", "spiked_pre")


def test_a_branch_reads_then_computes_then_writes():
    choice = "snn_chosen(($(spiked_pre) == 1), $(w) + ($(lr) * $(x_post)), $(w))"
    assert list(branched([f"$(w) = {choice};"])) == [
        "auto here_spiked_pre = $(spiked_pre);",
        "snn_now(here_spiked_pre);",
        "if ((here_spiked_pre == 1)) {",
        "auto here_w = $(w);",
        "auto here_lr = $(lr);",
        "auto here_x_post = $(x_post);",
        "here_w = here_w + (here_lr * here_x_post);",
        "$(w) = here_w;",
        "}",
    ]


def test_the_usual_branch_reads_ahead_of_its_condition():
    lines = list(branched(["$(e) = snn_chosen(($(genn_step_pre) >= 2), 0.9f * $(e) + $(x_post), $(e));"]))
    assert lines.index("auto here_e = $(e);") < lines.index("if ((here_genn_step_pre >= 2)) {")
    assert not [line for line in lines[lines.index("if ((here_genn_step_pre >= 2)) {") :] if line.startswith("auto")]


def test_what_an_earlier_branch_writes_is_not_read_ahead():
    first = "$(w) = snn_chosen(($(spiked_pre) == 1), 1.0f, $(w));"
    lines = list(branched([first, "$(e) = snn_chosen(($(genn_step_pre) >= 2), $(e) + $(w), $(e));"]))
    assert lines.index("$(w) = 1.0f;") < lines.index("auto here_w = $(w);")


def test_what_is_sent_is_no_variable_and_zero_is_not_sent():
    given = ["$(genn_carried) = 0;", "$(genn_carried) = snn_chosen(($(spiked_pre) == 1), $(w), $(genn_carried));"]
    lines = list(branched([*given, "$(addToInSyn,$(genn_carried));"]))
    assert "scalar genn_carried = 0;" in lines and lines[-1] == "if (genn_carried != 0) $(addToInSyn,genn_carried);"
    assert not any("$(genn_carried)" in line for line in lines)


def test_constants_of_neurons_are_read_only():
    model = 'class aNEURON {\nSET_SIM_CODE("$(v) = $(v) * $(tau);\\n\\\nif ($(tau) == 1) x;");\n'
    model += 'SET_VARS({ {"v", "float"}, {"tau", "float"}, {"genn_inbox_s", "float"}, {"_seed", "uint64_t"} });\n};'
    assert '{"tau", "float", VarAccess::READ_ONLY}' in read_only(model)
    assert read_only(model).count("READ_ONLY") == 1


def invented(seed):
    """Statements as Brian2GeNN writes them for synapses, at random."""
    draw = random.Random(seed)
    lines = ["$(genn_carried) = 0;"]
    for number in range(draw.randint(1, 6)):
        condition = draw.choice(CONDITIONS)
        names = [f"$({name})" for name in draw.sample(OWN + READ, 3)]
        if draw.random() < 0.4:
            lines.append(f"float genn_{number}_own = {names[0]} * 0.5f + {names[1]};")
            names[2] = f"genn_{number}_own"
        for target in draw.sample((*OWN, "genn_carried"), draw.randint(1, 2)):
            value = f"{names[2]} + (0.25f * {names[1]})"
            lines.append(f"$({target}) = snn_chosen({condition}, {value}, $({target}));")
    return [*lines, "$(addToInSyn,$(genn_carried));"]


def function(name, lines):
    """A function of C++ that runs statements."""
    text = "\n".join(lines).replace("$(addToInSyn,", "send(")
    for variable in (*OWN, *READ, *CLOCK, "genn_carried"):
        text = text.replace(f"$({variable})", f"v.{variable}")
    return f"void {name}(V &v) {{\n#define send(x) v.sent += (x)\n{text}\n}}\n"


PROGRAM = """
#include <cstdio>
#include <cstring>
#include <cstdlib>
#include <initializer_list>
#define SUPPORT_CODE_FUNC static inline
#define snn_chosen(condition, a, b) ((condition) ? (a) : (b))
typedef float scalar;
struct V {{ float {floats}, sent; int {whole}; }};
{now}
{functions}
int main() {{
    void (*both[][2])(V &) = {{{pairs}}};
    int wrong = 0;
    srand(1);
    for (auto &pair : both)
        for (int run = 0; run < 200; run++) {{
            V first;
            memset(&first, 0, sizeof first);
            for (float *x : {{{addresses}}}) *x = rand() % 1000 / 8.0f;
            {clock}
            V second = first;
            pair[0](first);
            pair[1](second);
            wrong += first.sent != second.sent{differs};
        }}
    printf("%d\\n", wrong);
}}
"""


def test_branches_compute_what_the_choices_did(tmp_path):
    """A hundred invented programs, each from two hundred states, compiled in both forms."""
    programs = [invented(seed) for seed in range(100)]
    functions = [function(f"a{k}", lines) + function(f"b{k}", branched(lines)) for k, lines in enumerate(programs)]
    text = PROGRAM.format(
        floats=", ".join((*OWN, *READ, "genn_carried", "spiked_pre", "genn_learn_pre", "genn_reset_pre")),
        whole="genn_step_pre, genn_period_pre",
        now=NOW,
        functions="\n".join(functions),
        pairs=", ".join(f"{{a{k}, b{k}}}" for k in range(len(programs))),
        addresses=", ".join(f"&first.{name}" for name in OWN + READ),
        clock="first.genn_step_pre = rand() % 8; first.genn_period_pre = 3; first.spiked_pre = rand() % 2; "
        "first.genn_learn_pre = rand() % 2; first.genn_reset_pre = rand() % 2;",
        differs="".join(f" || first.{name} != second.{name}" for name in OWN),
    )
    (tmp_path / "both.cpp").write_text(text)
    command = [*compiler(), "-std=c++11", "-ffp-contract=off", str(tmp_path / "both.cpp"), "-o", str(tmp_path / "both")]
    subprocess.run(command, check=True)
    assert subprocess.run([str(tmp_path / "both")], capture_output=True, text=True, check=True).stdout == "0\n"
