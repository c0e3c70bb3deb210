"""Response of the built-in detectors to single particles, side by side."""

import numpy as np

from jetresim.campaign.detector import PARAMETRIZED, DetectorOptions
from jetresim.detectors.columns import Columns, from_columns, to_columns
from jetresim.detectors.parametrized import ParametrizedDetector
from jetresim.showers.protocol import ParticleBatch

NUMBER, PT, ETA, SEED = 50_000, 20.0, 0.3, 1
KINDS = {"charged pion": (211, 0.140), "electron": (11, 0.0005), "muon": (13, 0.106)} | {
    "photon": (22, 0.0),
    "long-lived kaon": (130, 0.498),
    "lambda": (3122, 1.116),
}
"""Name to PDG id and mass [GeV]."""


def shot(pdgid: int, mass: float) -> ParticleBatch:
    """Events of one particle from the origin."""
    pz = PT * np.sinh(ETA)
    row = {"px": PT, "py": 0.0, "pz": pz, "energy": np.sqrt(PT**2 + pz**2 + mass**2)}
    columns: Columns = {"pdgid": np.full(NUMBER, pdgid, np.int32)}
    columns |= {name: np.full(NUMBER, row.get(name, 0.0)) for name in (*row, "x", "y", "z", "t")}
    events = np.arange(NUMBER)
    return ParticleBatch(
        events, events, np.ones(NUMBER, bool), from_columns(columns, np.ones(NUMBER, np.int64))
    )


def response(name: str, pdgid: int, mass: float) -> tuple[float, float, float]:
    """Share of events with a track; mean and width of pT over that of the particle, where there is any."""
    detector = ParametrizedDetector(SEED, "nominal", DetectorOptions(name=name))
    columns, counts = to_columns(detector.candidates(shot(pdgid, mass)))
    event = np.repeat(np.arange(NUMBER), counts)
    total = np.bincount(event, np.hypot(columns["px"], columns["py"]), NUMBER)[counts > 0] / PT
    tracked = np.bincount(event, columns["charge"] != 0, NUMBER) > 0
    return float(tracked.mean()), float(total.mean()), float(total.std())


def main() -> None:
    """Print the table of docs/detector.md."""
    print("| particle |" + "".join(f" {name}: track | mean | width |" for name in PARAMETRIZED))
    print("|---|" + "---|---|---|" * len(PARAMETRIZED))
    for title, (pdgid, mass) in KINDS.items():
        cells = [f"{number:.3f}" for name in PARAMETRIZED for number in response(name, pdgid, mass)]
        print(f"| {title} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
