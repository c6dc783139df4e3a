"""The choice of a loop for a piece of Brian2's code: which iterations may run at once, and in which order.

Templates (``templates/``) write the loops; this says which of them is correct for the code, and why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from brian2.codegen.generators.cpp_generator import c_data_type
from brian2.core.variables import ArrayVariable

from snn.equations.parse import identifiers
from snn.equations.statements import written_names

PRE, POST = "_presynaptic_idx", "_postsynaptic_idx"
NO_LOOP = ("synapses_push_spikes", "synapses_create_array")  # templates that this engine replaces by its own code


@dataclass(frozen=True)
class Loop:
    """The order in which a code object's synapses are processed.

    Attributes
    ----------
    at_once : bool
        Whether those of one presynaptic neuron may be done at once, as a vector loop.
    narrow : bool
        Whether it may go through all synapses in one loop where rows are very short.
    hollow : tuple of (str, str)
        Pointers, and C++ types, of what is read of postsynaptic neurons, if it may be read from copies that lack one
        neuron: for populations connected to themselves but for each neuron's synapse onto itself.
    why : str
        One sentence.
    """

    at_once: bool = True
    narrow: bool = False
    hollow: tuple[tuple[str, str], ...] = ()
    why: str = ""


def all_code(abstract_code: Any) -> str:
    """Brian2's abstract code, a text or several by name, as one text."""
    return "\n".join(map(str, abstract_code.values() if isinstance(abstract_code, dict) else [abstract_code]))


def loop_of(
    abstract_code: Any, variables: Mapping[str, Any], indices: Mapping[str, str], summed: str | None, device: Any
) -> Loop:
    """The loop over the synapses of one code object.

    Parameters
    ----------
    abstract_code : str or dict of str
        Brian2's abstract code.
    variables, indices : mapping
        The code's variables, and the index that each is read with.
    summed : str or None
        For a sum over synapses, the index of what is summed into: ``"_synaptic_pre"`` or ``"_synaptic_post"``.
    device : Device
        That names the arrays.
    """
    code = all_code(abstract_code)
    written = written_names(code)
    if summed == "_synaptic_pre":
        return Loop(at_once=False, why="it adds up at the presynaptic neuron, which all synapses of a row share")
    onto_pre = sorted(name for name in written if indices[name] == PRE)
    if onto_pre:
        return Loop(at_once=False, why=f"it writes {', '.join(onto_pre)}, which all synapses of a row share")
    # What is written at one end and read at the other may be the same neuron, within one population.
    crossed = sorted({f"{name.removesuffix('_post')}_pre" for name in written} & identifiers(code))
    if crossed:
        return Loop(at_once=False, why=f"it reads {', '.join(crossed)} and writes the same of postsynaptic neurons")
    if summed or any(indices[name] == POST for name in written):
        return Loop(why="they end at different neurons")
    hollow = _hollow(code, variables, indices, device)
    return Loop(narrow=True, hollow=hollow, why="each writes its own variables")


def _hollow(
    code: str, variables: Mapping[str, Any], indices: Mapping[str, str], device: Any
) -> tuple[tuple[str, str], ...]:
    read = {
        name: variables[name]
        for name in identifiers(code)
        if isinstance(variables.get(name), ArrayVariable) and not variables[name].scalar
    }
    pointers: dict[str, set[str]] = {}
    for name, variable in read.items():
        pointers.setdefault(f"_ptr{device.get_array_name(variable)}", set()).add(indices[name])
    if any(POST in used and len(used) > 1 for used in pointers.values()) or {"i", "j"} & set(read):
        return ()  # one pointer cannot be a copy and not
    kinds = {f"_ptr{device.get_array_name(variable)}": c_data_type(variable.dtype) for variable in read.values()}
    return tuple(sorted((pointer, kinds[pointer]) for pointer, used in pointers.items() if used == {POST}))


@dataclass(frozen=True)
class Note:
    """One loop of a time step, for a reader.

    Attributes
    ----------
    owner : str
        The population or projection.
    loop : str
        What it goes through, and how.
    why : str
        Why so.
    writes : tuple of str
        The names that it assigns to; nothing for a test.
    slot, phase : str
        When it runs, see `snn.lowering.plan.plan`.
    """

    owner: str
    loop: str
    why: str
    writes: tuple[str, ...]
    slot: str = ""
    phase: str = ""


TEMPLATES = {
    "stateupdate": ("every neuron, at once", "a neuron reads and writes its own variables alone"),
    "threshold": ("every neuron's condition, at once, then those that meet it", "they are few"),
    "reset": ("the neurons that met it, one by one in Brian2's own loop", "they are few"),
}


def note(owner: str, writes: Iterable[str], template: str, side: str | None, loop: Loop | None) -> Note:
    """The note on a code object.

    Parameters
    ----------
    owner : str
        The population or projection.
    writes : iterable of str
        The names that it assigns to.
    template : str
        Name of the template that writes the loop.
    side : {"pre", "post"} or None
        Whose events it waits for, if it does.
    loop : Loop or None
        For code of synapses, what `loop_of` says.
    """
    order = "at once" if loop is None or loop.at_once else "one by one"
    if loop is None:
        how, why = TEMPLATES.get(template, ("Brian2's own loop", "there is no template of ours for it"))
    elif side == "post":
        how, why = "synapses onto neurons that spiked, one by one", "they lie apart in memory"
    elif side == "pre":
        how, why = f"rows of neurons that spiked, the synapses of a row {order}", loop.why
    else:
        how, why = f"all rows, the synapses of a row {order}", loop.why
    return Note(owner, how, why, tuple(writes))
