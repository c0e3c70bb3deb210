"""Which part of the CPU goes into hard events that end without a group, and why they do.

``python -m benchmarks.lost_cpu`` prints the numbers of docs/intervention.md about it.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pyarrow as pa

from benchmarks.intervention_cost import CONFIG, JOB, hard_events
from benchmarks.wall_time import _timed
from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Campaign, load
from jetresim.campaign.status import Status
from jetresim.jets.matching import Truth, delta_r, within_reach
from jetresim.jets.schema import member_status, surviving_events
from jetresim.jets.simulation import hard_truth, simulate_realization, worth_showering
from jetresim.showers.pythia8 import Pythia8Shower

CONFIGS = ("rs3l/pythia.yaml", "jetclass.yaml")
EVENTS = 600
LOW_PT = 50.0
"""pT [GeV] from which jets are looked for here, to tell too soft ones from those that are not there."""
GROUP = "in a group"
APART = "no jet, daughters apart"


def lost_cpu(campaign: Campaign, process: str, events: int = EVENTS) -> dict[str, float]:
    """Fraction of the CPU of bare Pythia by what became of the hard event, with chained survivors.

    Parameters
    ----------
    campaign : Campaign
        All realizations are Pythia's.
    process : str
    events : int
        Hard events.
    """
    hard = hard_events(campaign, process, events)
    truths = [hard_truth(event, campaign, process) for event in hard]
    seconds: dict[int, float] = dict.fromkeys(range(events), 0.0)
    reason: dict[int, str] = {}
    tables: dict[str, pa.Table] = {}
    for name in campaign.realizations:
        survivors: Collection[int] = range(events)
        if followed := [tables[each] for each in campaign.followed(name)]:
            survivors = surviving_events(followed, campaign)
        for index, spent in _timed(
            Pythia8Shower(campaign, process, name), [hard[each] for each in survivors]
        ):
            seconds[index] += spent
        parts = simulate_realization(campaign, process, name, hard, JOB, survivors)
        tables[name] = pa.concat_tables(part.table for part in parts)
        dead = set(survivors) - surviving_events([*followed, tables[name]], campaign)
        where = "anchor" if name == NOMINAL else "others"
        reason |= {index: f"{where}: {why}" for index, why in _reasons(tables[name], campaign, truths, dead)}
    spent = Counter[str]()
    for index, each in seconds.items():
        spent[reason.get(index, GROUP)] += each
    return {name: each / spent.total() for name, each in spent.most_common()}


def _reasons(
    table: pa.Table, campaign: Campaign, truths: Sequence[Truth], dead: Collection[int]
) -> list[tuple[int, str]]:
    """Why events have no jet to group with, by the first of their targets."""
    rows = zip(table["event"].to_pylist(), member_status(table, campaign.groups).to_pylist(), strict=True)
    first: Mapping[int, str] = dict(reversed(list(rows)))
    apart = campaign.jets.matching.daughters_dr
    return [
        (index, APART if first[index] == Status.NO_JET and _widest(truths[index]) > apart else first[index])
        for index in dead
    ]


def _widest(truth: Truth) -> float:
    """Largest distance of a daughter to the first target."""
    axis, daughters = truth.targets[0].parton, truth.targets[0].daughters
    eta, phi = (np.array([getattr(each, name) for each in daughters]) for name in ("eta", "phi"))
    return float(np.max(delta_r(eta, phi, axis.eta, axis.phi), initial=0.0))


def out_of_reach(campaign: Campaign, process: str, events: int = 400) -> float:
    """Fraction of the hard events to be showered of which no jet can stand for a target."""
    truths = [hard_truth(event, campaign, process) for event in hard_events(campaign, process, events)]
    asked = [truth for truth in truths if worth_showering(truth)]
    return 1 - sum(any(within_reach(each, campaign.jets) for each in truth.targets) for truth in asked) / len(
        asked
    )


def with_soft_jets(config: str) -> Campaign:
    """A shipped configuration that finds soft jets as well, with Vincia in place of other shower programs."""
    campaign = load(CONFIG / config)
    fields = campaign.model_dump(mode="json")
    fields["jets"]["pt_min"] = LOW_PT
    fields["augmentations"] = [
        each if each["shower"] == "pythia8" else "vincia" for each in fields["augmentations"]
    ]
    return Campaign.model_validate(fields)


if __name__ == "__main__":
    for file in CONFIGS:
        shipped = load(CONFIG / file)
        for process_name, process in shipped.processes.items():
            if process.generator == "pythia8":
                print(f"{file}, {process_name}: {out_of_reach(shipped, process_name):.1%} out of reach")
    asked = with_soft_jets("rs3l/pythia.yaml")
    for process_name in asked.processes:
        print(process_name)
        for why, fraction in lost_cpu(asked, process_name).items():
            print(f"  {fraction:6.1%}  {why}")
