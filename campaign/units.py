"""Durations and sizes as people read them."""

__all__ = ["duration", "rounded", "size"]

_TIMES = {"h": 3600.0, "min": 60.0, "s": 0.1, "ms": 0.0}  # from how many seconds on a unit is used
_SECONDS = {"h": 3600.0, "min": 60.0, "s": 1.0, "ms": 1e-3}
_PREFIXES = ("", "k", "M", "G", "T", "P")


def duration(seconds: float) -> str:
    """Milliseconds to hours, such as ``8.52 ms``, ``0.709 s`` and ``12300 h``; core-hours alike."""
    unit = next(unit for unit, least in _TIMES.items() if seconds >= least) if seconds > 0 else "s"
    return f"{rounded(seconds / _SECONDS[unit])} {unit}"


def size(number: float) -> str:
    """Bytes with a decimal prefix, such as ``512 B`` and ``1.97 GB``."""
    power = 0
    while number >= 1000 and power < len(_PREFIXES) - 1:
        number, power = number / 1000, power + 1
    return f"{rounded(number)} {_PREFIXES[power]}B"


def rounded(value: float) -> str:
    """Three digits, or all before the decimal point, without an exponent for large numbers."""
    return f"{value:.3g}" if value < 999.5 else f"{value:.0f}"
