"""The exceptions a user can cause. Each message is one line: what, where, what would be right."""

__all__ = ["ConfigError", "DataError", "DetectorError", "HardEventError", "JetresimError", "ShowerError"]


class JetresimError(Exception):
    """Base of all errors that the command line reports as one line."""


class ConfigError(JetresimError):
    """The configuration asks for something that does not exist or cannot be."""


class HardEventError(JetresimError):
    """Hard events cannot be made, or a Les Houches event file cannot be used."""


class ShowerError(JetresimError):
    """A shower program cannot be set up or ended abnormally."""


class DetectorError(JetresimError):
    """A detector program cannot be set up or ended abnormally."""


class DataError(JetresimError):
    """A file made by an earlier stage is missing, damaged or belongs to something else."""
