"""Pruners stop poor trials early."""
