"""The PDF sets of the tune CH3, from the grids that come with Pythia."""

from importlib.metadata import PackageNotFoundError, files
from itertools import groupby
from pathlib import Path

from jetresim.campaign.errors import ShowerError
from jetresim.campaign.files import atomic_path

__all__ = ["CH3_SETS", "copy_pdf_sets"]

CH3_SETS = {
    "NNPDF31_nnlo_as_0118": ("NNPDF31_nnlo_as_0118_luxqed", 2, 0.118),
    "NNPDF31_lo_as_0130": ("NNPDF31_lo_as_0130", 0, 0.130),
}
"""LHAPDF's name of each set to the grid in Pythia, the order of alphaS and alphaS(mZ).

Pythia has the NNLO set in its version with a photon (arXiv:1712.07053), which is what CP5 is, too."""

_MASSES = {"MZ": 91.1876, "MUp": 0, "MDown": 0, "MStrange": 0, "MCharm": 1.51, "MBottom": 4.92, "MTop": 172.5}
"""Of NNPDF3.1 (arXiv:1706.00428) [GeV]."""


def copy_pdf_sets(folder: Path) -> list[str]:
    """Write the sets of CH3 where they are not there yet.

    Parameters
    ----------
    folder : Path
        One that LHAPDF looks for sets in.

    Returns
    -------
    list of str
        Names of those that were written.

    Raises
    ------
    ShowerError
        There is no Pythia with its grids.
    """
    grids = _grids_of_pythia()
    written = []
    for name, (source, order, alpha_s) in CH3_SETS.items():
        grid = grids.get(f"{source}_0000.dat")
        if grid is None:
            raise ShowerError(f"the grid {source} of Pythia is not there; pip install 'jetresim[generate]'")
        info = folder / name / f"{name}.info"
        if not info.exists():
            info.parent.mkdir(parents=True, exist_ok=True)
            text = grid.read_text(encoding="utf-8")
            with atomic_path(info.with_name(f"{name}_0000.dat")) as path:
                path.write_text(text, encoding="utf-8")
            with atomic_path(info) as path:
                path.write_text(_info(text, source, order, alpha_s), encoding="utf-8")
            written.append(name)
    return written


def _grids_of_pythia() -> dict[str, Path]:
    try:
        shipped = files("pythia8mc") or []
    except PackageNotFoundError:
        return {}
    return {file.name: Path(file.locate()) for file in shipped if file.parent.name == "pdfdata"}


def _info(grid: str, source: str, order: int, alpha_s: float) -> str:
    """LHAPDF's description of a grid with one member (arXiv:1412.7420)."""
    knots, scales, flavours = _ranges(grid)
    entries = {
        "SetDesc": f'"{source} from the grid of Pythia 8, central member"',
        "Format": "lhagrid1",
        "DataVersion": 1,
        "NumMembers": 1,
        "Particle": 2212,
        "Flavors": flavours,
        "OrderQCD": order,
        "FlavorScheme": "variable",
        "NumFlavors": 5,
        "ErrorType": "none",
        "XMin": min(knots),
        "XMax": max(knots),
        "QMin": min(scales),
        "QMax": max(scales),
        **_MASSES,
        "AlphaS_Type": "ode",
        "AlphaS_OrderQCD": order,
        "AlphaS_MZ": alpha_s,
        "AlphaS_MassReference": _MASSES["MZ"],
        "AlphaS_Reference": alpha_s,
    }
    return "".join(f"{key}: {value}\n" for key, value in entries.items())


def _ranges(grid: str) -> tuple[list[float], list[float], list[int]]:
    """Knots in x and in Q [GeV] of all parts of a grid, and its flavours."""
    lines = grid.splitlines()
    parts = [list(part) for ruler, part in groupby(lines, lambda line: line.startswith("---")) if not ruler]
    knots, scales, flavours = [], [], []
    for in_x, in_q, partons, *_ in parts[1:]:
        knots += map(float, in_x.split())
        scales += map(float, in_q.split())
        flavours = [int(parton) for parton in partons.split()]
    return knots, scales, flavours
