"""What is asked for: configuration, process catalogue, tunes, seeds, provenance."""

__version__ = "0.1.0"
