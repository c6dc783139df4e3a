"""Lowers synapses, plasticity rules and a chip's weight writes."""
