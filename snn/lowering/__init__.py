"""Lowers a network to a plan: groups, synapses and code in the order of a time step."""
