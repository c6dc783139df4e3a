"""The commands of `snnsearch`, one a file: `add` declares its arguments, `execute` runs it."""
