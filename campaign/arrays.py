"""Kinds of NumPy arrays that signatures name."""

import numpy as np
import numpy.typing as npt

__all__ = ["Booleans", "Floats", "Integers"]

Booleans = npt.NDArray[np.bool_]
"""True and False."""

Floats = npt.NDArray[np.float64]
"""Double precision."""

Integers = npt.NDArray[np.int64]
"""64 bits with a sign."""
