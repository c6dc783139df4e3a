"""Rewrites a plan for GeNN's time step, which updates all synapses and then all neurons."""
