"""Brian2GeNN's side: runs in the environment that has it."""
