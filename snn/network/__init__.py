"""A network as data: builds it, checks it, reads it."""
