"""Where the CPU of a simulation job goes, function by function.

``python -m benchmarks.job_profile --process higgs --detector cms_phase2`` takes the time of whole functions,
so that those of many small steps look no slower than they are. Dashes mark what another one calls.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Annotated, Any
from unittest.mock import patch

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.shower_cost import campaign_of
from jetresim.campaign.augmentations import NOMINAL
from jetresim.detectors.none import NoDetector
from jetresim.detectors.parametrized import ParametrizedDetector
from jetresim.generators.pythia8 import Pythia8Generator
from jetresim.generators.survey import Survey
from jetresim.jets import analysis, simulation, substructure
from jetresim.jets.files import JetsFile, jets_file
from jetresim.showers import pythia8
from jetresim.showers.registry import Job

FUNCTIONS: dict[str, tuple[Any, str]] = {
    "targets of the hard event": (simulation, "hard_truth"),
    "Pythia, hooks, conversion": (pythia8.Pythia8Shower, "_shower"),
    "– hard event to Pythia": (pythia8._Feed, "setEvent"),
    "– seed of the shower": (pythia8._Hooks, "doVetoProcessLevel"),
    "– seeds of resonance decays": (pythia8._Hooks, "scaleResonance"),
    "– seed of the hadronization": (pythia8._Hooks, "doVetoPartonLevel"),
    "– seed of the decays": (pythia8._Hooks, "doVetoAfterHadronization"),
    "– final particles of the records": (pythia8, "final_particles"),
    "detector none": (NoDetector, "candidates"),
    "detector cms_phase2": (ParametrizedDetector, "candidates"),
    "jets table": (simulation, "jets_table"),
    "– clustering": (analysis, "cluster"),
    "– matching": (analysis, "match"),
    "– substructure": (analysis, "substructure"),
    "– – Cambridge/Aachen trees": (substructure, "recluster"),
    "– constituents": (analysis, "_constituents_column"),
    "Parquet": (JetsFile, "add"),
}
"""What is measured: where it is called from, and its name there."""


def profile(process: str, detector: str, events: int) -> dict[str, float]:
    """CPU of each function and of the whole job [ms an event], after a batch that warms up."""
    campaign = campaign_of(process, detector, events + pythia8.BATCH_EVENTS)
    survey = Survey(cross_section=1.0, cross_section_error=0.0)
    hard = list(Pythia8Generator(campaign, process).events(range(campaign.process(process).events), survey))
    columns = {f"– – {name}": function for name, function in substructure.SUBSTRUCTURE.items()}
    spent = dict.fromkeys([*FUNCTIONS, *columns], 0.0)
    with TemporaryDirectory() as folder, ExitStack() as stack:
        for what, (owner, name) in FUNCTIONS.items():
            stack.enter_context(patch.object(owner, name, _timed(getattr(owner, name), spent, what)))
        timed = {
            what.removeprefix("– – "): _timed(function, spent, what) for what, function in columns.items()
        }
        stack.enter_context(patch.object(substructure, "SUBSTRUCTURE", timed))
        file = stack.enter_context(jets_file(Path(folder) / "jets.parquet", campaign, process, NOMINAL, 0))
        parts = simulation.simulate_realization(campaign, process, NOMINAL, iter(hard), Job(Path(), 0))
        file.add(next(parts))
        spent.update(dict.fromkeys(spent, 0.0))
        start = process_time()
        for part in parts:
            file.add(part)
        spent["all"] = process_time() - start
    return {what: 1e3 * seconds / events for what, seconds in spent.items()}


def _timed(function: Callable[..., Any], spent: dict[str, float], what: str) -> Callable[..., Any]:
    @wraps(function)
    def run(*arguments: Any, **options: Any) -> Any:
        start = process_time()
        try:
            return function(*arguments, **options)
        finally:
            spent[what] += process_time() - start

    return run


def rows(spent: dict[str, float]) -> Iterator[tuple[str, str, str]]:
    """What took time, how much and what part of all."""
    for what, milliseconds in spent.items():
        if milliseconds:
            yield what, f"{milliseconds:.3f}", f"{100 * milliseconds / spent['all']:.1f}%"


def main(
    process: Annotated[str, typer.Option(help="of the catalogue")] = "higgs",
    detector: Annotated[str, typer.Option(help="none or cms_phase2")] = "cms_phase2",
    events: Annotated[int, typer.Option(min=1, help="hard events")] = 800,
) -> None:
    """Measure and print."""
    table = Table(title=f"{process}, detector {detector}", box=SIMPLE_HEAD)
    for heading in ("what", "ms/event", "of all"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for row in rows(profile(process, detector, events)):
        table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
