"""Opens a study before its loop: storage, warm start, changed spaces, leftover files."""
