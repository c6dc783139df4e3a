"""A Brian2 device that writes one C++ file whose sizes, synapses and numbers are all arguments.

Derived from Brian2's C++ standalone device: equations become code as they do there, with loops of our own
(``templates/``). What is different is everything around: arrays are allocated for the sizes that a run is given, the
loop over steps and samples is ours (``engine/engine.h``), and there are no spike queues, clocks or monitors.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from brian2.devices.cpp_standalone.device import CPPStandaloneDevice

from snn.backends.brian.objects import Lowered
from snn.backends.standalone.generator import EngineCodeObject
from snn.backends.standalone.loops import NO_LOOP, Note, all_code, loop_of, note
from snn.backends.standalone.source import Source
from snn.equations.statements import written_names
from snn.lowering.plan.plan import Plan


class EngineDevice(CPPStandaloneDevice):
    """Collects the code objects of a network and writes them as one C++ file."""

    def code_object_class(self, codeobj_class: type | None = None, fallback_pref: str | None = None) -> type:
        return EngineCodeObject if codeobj_class is None else codeobj_class

    def code_object(
        self,
        owner: Any,
        name: str,
        abstract_code: Any,
        variables: Any,
        template_name: str,
        variable_indices: Any,
        **keywords: Any,
    ) -> Any:
        extra = dict(keywords.pop("template_kwds", None) or {})
        pathway = extra.get("pathway")
        # Owners come as weak proxies of a Synapses or a NeuronGroup.
        synapses = pathway.synapses if pathway is not None else owner
        extra |= {"synaptic_block": None, "independent": True}
        loop = None
        if "_synaptic_pre" in synapses.variables:
            into = extra.get("_index_var")
            summed = None if into is None else into.name  # a variable without elements is false
            loop = loop_of(abstract_code, variables, variable_indices, summed, self)
            # Copies that lack one neuron are for populations connected to themselves.
            within = synapses.source.name == synapses.target.name
            extra |= {"independent": loop.at_once, "narrow": loop.narrow, "hollow": loop.hollow if within else ()}
            extra["synaptic_block"] = synapses.name
            extra["pre_array"] = self.get_array_name(synapses.variables["_synaptic_pre"])
            extra["post_array"] = self.get_array_name(synapses.variables["_synaptic_post"])
            extra["source_group"] = synapses.source.name
        if pathway is not None:
            extra["side"] = pathway.prepost
            extra["event_group"] = pathway.source.name
            extra["event_space"] = self.get_array_name(pathway.source.variables[pathway.eventspace_name])
        made = super().code_object(
            owner, name, abstract_code, variables, template_name, variable_indices, template_kwds=extra, **keywords
        )
        written = sorted(name for name in written_names(all_code(abstract_code)) if not name.startswith("_"))
        if "_target_var" in extra:
            written = [extra["_target_var"].name]
        self.notes[made.name] = note(synapses.name, written, made.template_name, extra.get("side"), loop)
        return made

    @cached_property
    def notes(self) -> dict[str, Note]:
        """The note on each code object's loop, by its name."""
        return {}

    def loops(self, lowered: Lowered) -> list[Note]:
        """The loops of a network whose code objects have been made by a run, in the order of a time step."""
        return [
            replace(self.notes[codeobj.name], slot=item.when, phase=lowered.phase(item))
            for item in lowered.network.sorted_objects
            for codeobj in item._code_objects
            if codeobj.template_name not in NO_LOOP
        ]

    def write_program(self, lowered: Lowered, plan: Plan, path: Path) -> None:
        """Write the C++ file of a network whose code objects have been made by a run."""
        path.write_text(Source(self.arrays, lowered, plan).text(), encoding="utf-8")
