"""Where studies are stored: files, databases, their locks and their files."""
