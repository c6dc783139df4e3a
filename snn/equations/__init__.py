"""Equations of users: their parsing, checks and derivatives."""
