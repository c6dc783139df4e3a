"""The process and its machine: paths, locks, versions, notices."""
