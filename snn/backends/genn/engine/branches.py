"""Rewrites kernels of Brian2GeNN to reduce memory traffic and latency on a GPU.

What synapses do in a round is statements that keep a variable as it is unless a condition holds. Written so, every
number of every synapse would be read and written in every round. Here the statements of one condition are a branch,
which all synapses of a neuron take alike, and a branch first reads all that it needs, so that the reads are under way
at the same time; what the usual branch needs is read ahead of it. Variables of neurons that no statement changes are
declared to be read only: GeNN writes all others back in every round.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import groupby

from snn.backends.genn.fitting.action import LEARNING, inbox
from snn.backends.genn.fitting.rounds import CARRIED

HERE = "here_"
"""Before the name of a number that was read, or is about to be written."""
USUAL = {"genn_step", "genn_period", LEARNING}
"""What the condition of a branch that is taken in nearly all rounds depends on."""
SEED = "_seed"
"""GeNN's own, which its functions change."""
CHOICE = re.compile(r"^(\$\(\w+\)) = snn_chosen\((.*), \1\);$")
LOCAL = re.compile(r"^\w+ \w+ = .*;$")
READ = re.compile(r"\$\((\w+)\)")
ASSIGNED = re.compile(r"\$\((\w+)\)\s*(?:[-+*/%]?=)(?!=)")
VARIABLE = re.compile(r'\{"(\w+)", "(\w+)"\}')
NOW = "".join(
    f"""
SUPPORT_CODE_FUNC void snn_now({kind} x) {{
#ifdef __CUDA_ARCH__
    asm volatile("" :: "{register}"(x));
#endif
}}"""
    for kind, register in (("float", "f"), ("double", "d"), ("int", "r"), ("long", "l"), ("long long", "l"))
)
"""``snn_now(x)``: nvcc has x read here, not in the branch that needs it, where reading would begin when others end."""


def read_only(model: str) -> str:
    """A class of neurons with the access to each variable: GeNN itself writes what synapses send, and seeds."""
    written = {*ASSIGNED.findall(model), SEED}

    def declared(match: re.Match[str]) -> str:
        name, kind = match.groups()
        if name in written or name.startswith(inbox("")):
            return match.group()
        return f'{{"{name}", "{kind}", VarAccess::READ_ONLY}}'

    return VARIABLE.sub(declared, model)


def branched(lines: Sequence[str]) -> Iterator[str]:
    """Statements with branches instead of choices.

    Conditions are of neurons' variables, and are read first. Numbers of an action's own, which come ahead of its
    choices, are computed within its branch; what is sent is such a number too, and only sent if it is not zero.
    """
    parts = list(_by_condition(lines))
    conditions = [condition for condition, _ in parts if condition]
    first = dict.fromkeys(name for text in conditions for name in READ.findall(text))
    usual = next((n for n, (condition, inside) in enumerate(parts) if _is_usual(condition, inside)), None)
    if usual is not None:
        before = {name for _, inside in parts[:usual] for line in inside for name in ASSIGNED.findall(line)}
        first |= dict.fromkeys(name for name in _read(parts[usual][1]) if name not in before)
    yield from _reading(first)
    yield from (f"snn_now({HERE}{name});" for name in first)
    for number, (condition, inside) in enumerate(parts):
        if condition:
            yield f"if ({READ.sub(_here, condition)}) {{"
            yield from _reading_first(inside, () if number != usual else first)
            yield "}"
        else:
            yield from inside


def _by_condition(lines: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Statements that follow one another, by their condition, without it; unconditional ones have none."""
    own: list[str] = []
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        if LOCAL.match(line):
            own.append(line)
            continue
        choice = CHOICE.match(line)
        condition, value = _parts(choice.group(2)) if choice else ("", "")
        line = f"{choice.group(1)} = {value};" if choice else _sending(line)
        found.append((condition, [part.replace(f"$({CARRIED})", CARRIED) for part in (*own, line)]))
        own = []
    for condition, group in groupby(found, key=lambda part: part[0]):
        yield condition, [line for _, lines in group for line in lines]


def _sending(line: str) -> str:
    if line == f"$({CARRIED}) = 0;":
        return f"scalar {CARRIED} = 0;"
    return f"if ({CARRIED} != 0) {line}" if line.startswith("$(addToInSyn") else line


def _is_usual(condition: str, inside: Sequence[str]) -> bool:
    """Whether a branch that reads is taken in nearly all rounds: it only waits for the first and the last to pass."""
    asked = {name.removesuffix("_pre") for name in READ.findall(condition)}
    if not asked or asked - USUAL or "genn_step_pre) ==" in condition:
        return False
    return bool(_read(inside)) and not any(f"$({SEED})" in line for line in inside)


def _read(lines: Sequence[str]) -> list[str]:
    """Return the names that statements read: of synapses, then of presynaptic neurons, then of postsynaptic neurons,
    which are found by a number that must be read first.
    """
    names = dict.fromkeys(name for line in lines for name in READ.findall(ASSIGNED.sub("=", line)))
    return sorted(names, key=lambda name: (name.endswith("_post"), name.endswith("_pre")))


def _reading_first(lines: Sequence[str], known: Container[str] = ()) -> Iterator[str]:
    """Statements that first read all they need and that is not known, and write at their end."""
    if any(f"$({SEED})" in line for line in lines):
        return (yield from lines)
    written = dict.fromkeys(name for line in lines for name in ASSIGNED.findall(line))
    read = _read(lines)
    yield from _reading([name for name in read if name not in known])
    for line in lines:
        yield READ.sub(lambda match: _here(match) if match.group(1) in read else match.group(), line)
    yield from (f"$({name}) = {HERE}{name};" for name in written if name in read)


def _reading(names: Iterable[str]) -> Iterator[str]:
    yield from (f"auto {HERE}{name} = $({name});" for name in names)


def _here(match: re.Match[str]) -> str:
    return HERE + match.group(1)


def _parts(text: str) -> tuple[str, str]:
    """The two arguments in a text between parentheses."""
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            return text[:place], text[place + 1 :].strip()
    raise ValueError(f"{text!r} is not two arguments")
