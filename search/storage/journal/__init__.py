"""Journal files: reading, checking and repairing them."""
