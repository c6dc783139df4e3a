"""A network as data: its building, its checks and its JSON."""
