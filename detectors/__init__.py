"""Particles → candidates."""
