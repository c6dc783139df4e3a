"""Brian2GeNN's device with code that a GPU runs fast (`snn.backends.genn.engine.branches`)."""

from __future__ import annotations

import re
from typing import Any

from brian2.devices.device import all_devices
from brian2genn.device import GeNNDevice, stringify

from snn.backends.genn.engine.branches import NOW, branched, read_only

NAME = "snnsearch_genn"
MODEL = "magicnetwork_model.cpp"
END = "\\n\\\n"
"""What Brian2GeNN ends a line with in a string of C++."""
NEURONS = re.compile(r"^class \w+NEURON .*?^};", re.MULTILINE | re.DOTALL)
NAMED = "model.setName("
BLOCKS = """
GENN_PREFERENCES.deviceSelectMethod = DeviceSelect::MOST_MEMORY;
GENN_PREFERENCES.blockSizeSelectMethod = BlockSizeSelect::MANUAL;
GENN_PREFERENCES.manualBlockSizes.fill(64);
GENN_PREFERENCES.manualBlockSizes[CodeGenerator::KernelSynapseDynamicsUpdate] = 256;
"""
"""Large blocks for synapses, so that those of one neuron find in a cache what they read of it: 1.13 times as fast as
GeNN's own choice, the smallest with the highest occupancy, for 1,024 networks of digits on an H200; 512 were slower."""


class Device(GeNNDevice):
    """The device with the name `NAME`."""

    def process_synapses(self, synapse_groups: Any, objects: Any) -> None:
        """Collect the models of synapses, as Brian2GeNN does, and give them branches."""
        super().process_synapses(synapse_groups, objects)
        for model in self.synapse_models:
            lines = [line.strip() for line in model.main_code_lines["dynamics"].removesuffix("\\n").split(END)]
            model.main_code_lines["dynamics"] = END.join(branched([line for line in lines if line])) + "\\n"
            model.support_code_lines["dynamics"] += stringify(NOW)

    def generate_model_source(self, writer: Any, main_lines: Any, use_GPU: Any) -> None:
        """Write the model, as Brian2GeNN does, with variables that are read only and blocks of threads of our sizes."""
        super().generate_model_source(_Writer(writer, BLOCKS if use_GPU else ""), main_lines, use_GPU)


class _Writer:
    def __init__(self, writer: Any, choices: str):
        self._writer, self._choices = writer, choices

    def write(self, name: str, text: Any) -> None:
        if name == MODEL:
            text = NEURONS.sub(lambda match: read_only(match.group()), text)
            if NAMED not in text or not NEURONS.search(text):
                raise RuntimeError(f"{MODEL} is not as Brian2GeNN 1.7 writes it.")
            text = text.replace(NAMED, self._choices + NAMED)
        self._writer.write(name, text)


all_devices[NAME] = Device()
