"""Herwig 7: the same hard events showered and hadronized by another program."""
