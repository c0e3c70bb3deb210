"""Momenta in the components that each step needs."""

import numpy as np
import numpy.typing as npt

__all__ = ["cartesian"]


def cartesian(pt: npt.NDArray, eta: npt.NDArray, phi: npt.NDArray) -> dict[str, npt.NDArray]:
    """Components px, py and pz of momenta, in the unit of pT and of its shape."""
    return {"px": pt * np.cos(phi), "py": pt * np.sin(phi), "pz": pt * np.sinh(eta)}
