"""Pythia settings that a configuration may not hold."""

import re

__all__ = ["HARD_PROCESS", "RESERVED", "RESERVED_GROUPS"]

RESERVED = {
    "Beams:idA": "it is set by `beams.particles`",
    "Beams:idB": "it is set by `beams.particles`",
    "Beams:eCM": "it is set by `beams.energy`",
    "Beams:eA": "it is set by `beams.energy`",
    "Beams:eB": "it is set by `beams.energy`",
    "Beams:frameType": "hard events are fed from memory",
    "Beams:LHEF": "files are named by `processes.*.files`",
    "LesHouches:setLifetime": "hard events keep the lifetimes of their file",
    "PhaseSpace:pTHatMin": "it is set by `processes.*.cuts.pt_min`",
    "PhaseSpace:pTHatMax": "it is set by `processes.*.cuts.pt_max`",
    "PhaseSpace:bias2Selection": "hard events are unweighted; make one process for each pT range instead",
    "PhaseSpace:increaseMaximum": "each hard event must be independent of the ones before it",
    "ProcessLevel:all": "the hard process is what all realizations share",
    "PartonLevel:all": "it is off for hard events and on for showers",
    "MultipartonInteractions:reuseInit": "what Pythia initializes must not come from a file",
    "MultipartonInteractions:initFile": "what Pythia initializes must not come from a file",
    "HadronLevel:all": "jets are made of hadrons",
    "HadronLevel:Hadronize": "jets are made of hadrons",
}
"""Settings that the pipeline itself sets, and why a configuration may not."""


RESERVED_GROUPS = {
    "Random": "all random numbers follow from the campaign's `seed`",
    "Main": "the number of events is `processes.*.events`",
    "Init": "Pythia's printing is the job's business",
    "Next": "Pythia's printing is the job's business",
    "Print": "Pythia's printing is the job's business",
    "Stat": "Pythia's printing is the job's business",
    "POWHEG": "its veto hooks are not installed",
    "JetMatching": "its matching hooks are not installed",
    "Merging": "its merging hooks are not installed",
    "Parallelism": "jobs are run in parallel by the workflow",
}
"""Groups of settings that are refused as a whole, and why."""

HARD_PROCESS = re.compile(
    r"(HardQCD|SoftQCD|LowEnergyQCD):.+"
    r"|(Bottomonium|Charmonium|ContactInteractions|DM|ExcitedFermion|ExtraDimensions.+|Fourth.+|HiddenValley"
    r"|Higgs.+|LeftRightSymm*etry|LeptoQuark|NewGaugeBoson|Onia|PhotonCollision|PhotonParton|PromptPhoton"
    r"|SUSY|Top|WeakBosonAndParton|WeakBosonExchange|WeakDoubleBoson|WeakSingleBoson)"
    r":(all.*|.*2.*|dijets|monojet)",
    re.IGNORECASE,
)
"""Names of the switches of Pythia's own hard processes (Pythia manual, Process Selection)."""
