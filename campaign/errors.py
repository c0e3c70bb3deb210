"""The exceptions a user can cause. Each message is one line: what, where, what would be right."""


class ResimError(Exception):
    """Base of all errors that the command line reports as one line."""


class ConfigError(ResimError):
    """The configuration asks for something that does not exist or cannot be."""


class HardEventError(ResimError):
    """A Les Houches event file cannot be used."""


class ShowerError(ResimError):
    """A shower program cannot be set up or ended abnormally."""


class DetectorError(ResimError):
    """A detector program cannot be set up or ended abnormally."""


class DataError(ResimError):
    """A file made by an earlier stage is missing, damaged or belongs to something else."""
