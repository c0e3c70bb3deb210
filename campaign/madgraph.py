"""What a process can ask of MadGraph5_aMC@NLO, and where the program is found."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from jetresim.campaign.model import Strict

__all__ = ["CardValue", "MadGraphOptions", "MadGraphProcess", "check_beams"]

_VERBS = ("import", "define", "generate", "add")
_ELSEWHERE = {
    "output": "the folder is the pipeline's; leave the line out",
    "launch": "the run is started for you; leave the line out",
    "set": "cuts and scales go to `run_card`, parameters of the model to `param_card`",
}
_MERGING = "is for merged events, which need a veto in the shower: make files and use generator `lhe`"
_FIXED = "is set for you"
_RESERVED = {
    "iseed": "follows from the campaign's `seed`",
    "gseed": "follows from the campaign's `seed`",
    "python_seed": "follows from the campaign's `seed`",
    "nevents": "is `events` of the process",
    **dict.fromkeys(("ebeam1", "ebeam2", "lpp1", "lpp2"), "follows from the campaign's `beams`"),
    **dict.fromkeys(("gridpack", "gridrun", "run_tag", "event_norm", "lhe_version"), _FIXED),
    **dict.fromkeys(
        ("use_syst", "systematics_program", "systematics_arguments"),
        "would add named weights: make files with MadGraph and use generator `lhe`",
    ),
    **dict.fromkeys(
        ("bias_module", "bias_parameters"),
        "would give events of different weights: make files with MadGraph and use generator `lhe`",
    ),
    "custom_fcts": "names a file that no digest covers: make files with MadGraph and use generator `lhe`",
    **dict.fromkeys(("ickkw", "xqcut", "ktdurham", "ptlund", "dparameter", "auto_ptj_mjj"), _MERGING),
}
"""Keys of MadGraph's run card that are not a process's own, and why."""

_PROTONS = (2212, -2212)
_NEXT_TO_LEADING = re.compile(r"\[[^\]]*\]?")
_PARAMETER = r"^[A-Za-z]\w*( \d+)*$"


def _one_line(line: str) -> str:
    words = line.split()
    if not words or len(line.splitlines()) != 1 or ";" in line:
        raise ValueError("each entry must be one line of MadGraph's")
    verb = words[0].lower()
    if verb not in _VERBS:
        reason = _ELSEWHERE.get(verb, "expected `import model`, `define`, `generate` or `add process`")
        raise ValueError(f"`{line}`: {reason}")
    if verb in ("import", "add") and words[1:2] != [{"import": "model", "add": "process"}[verb]]:
        raise ValueError(f"`{line}`: expected `import model` or `add process`")
    if (order := _NEXT_TO_LEADING.search(line)) and verb in ("generate", "add"):
        raise ValueError(
            f"`{order.group()}`: MadGraph is run at leading order; make files of other events with it and "
            "use generator `lhe`"
        )
    return " ".join(words)


def _whole_lines(value: Any) -> Any:
    """Lines as MadGraph reads them: YAML's `[generate p p > z g, z > vl vl~]` cuts them at their commas."""
    if isinstance(value, str):
        return [line for line in value.splitlines() if line.strip()]
    if not isinstance(value, Sequence) or not all(isinstance(line, str) for line in value):
        return value
    lines: list[str] = []
    for line in value:
        first = line.split(maxsplit=1)[:1]
        continues = bool(lines) and ">" in line and first != [] and first[0].lower() not in _VERBS
        lines[-1 if continues else len(lines) :] = [f"{lines[-1]}, {line}" if continues else line]
    return lines


ProcessLine = Annotated[str, AfterValidator(_one_line)]
CardNumber = bool | int | float
CardValue = CardNumber | str | tuple[CardNumber | str, ...] | dict[str, CardNumber | str]
"""A value of the run card; a mapping for cuts by particle, such as `pt_min_pdg: {25: 400}`."""


def _text_keys(value: Any) -> Any:
    """PDG ids are keys of mappings, which are texts when they are stored."""
    if not isinstance(value, Mapping):
        return value
    return {
        key: {str(one): number for one, number in inner.items()} if isinstance(inner, Mapping) else inner
        for key, inner in value.items()
    }


def _allowed(card: dict[str, Any]) -> dict[str, Any]:
    for name in card:
        if name != name.lower():
            raise ValueError(f"`{name}`: MadGraph's names are in lower case")
        if reason := _RESERVED.get(name):
            raise ValueError(f"`{name}` {reason}")
    if "lhaid" in card and card.get("pdlabel") != "lhapdf":
        raise ValueError("`lhaid` is read with `pdlabel: lhapdf` only")
    return card


RunCard = Annotated[
    dict[Annotated[str, Field(pattern=r"^[A-Za-z]\w*$")], CardValue],
    BeforeValidator(_text_keys),
    AfterValidator(_allowed),
]


class MadGraphProcess(Strict):
    """A process in MadGraph's own lines."""

    process: Annotated[
        tuple[ProcessLine, ...], BeforeValidator(_whole_lines, json_schema_input_type=str | tuple[str, ...])
    ] = Field(
        min_length=1,
        description="MadGraph's lines: `import model`, `define`, one `generate`, `add process`",
    )
    run_card: RunCard = Field(
        {},
        description="values of MadGraph's run card, such as `{misset: 400, drjj: 0.05, drjjmax: 0.8}`; "
        "the others are its defaults for the process",
    )
    param_card: dict[Annotated[str, Field(pattern=_PARAMETER)], float | Literal["auto"]] = Field(
        {}, description="parameters of the model, such as `{mass 25: 125.0, decay 25: auto}`"
    )

    @model_validator(mode="after")
    def _generates_once(self) -> "MadGraphProcess":
        number = sum(line.lower().startswith("generate") for line in self.process)
        if number != 1:
            raise ValueError(
                f"`process` has {number} lines with `generate`, expected one; more processes follow with "
                "`add process`"
            )
        return self


class MadGraphOptions(Strict):
    """Where MadGraph5_aMC@NLO is found and how it is run."""

    executable: str = Field("mg5_aMC", min_length=1, description="program, by name on the PATH or by path")
    container: str | None = Field(
        None, min_length=1, description="Apptainer image that holds it: a .sif file or a docker:// address"
    )
    block_events: int = Field(
        500,
        ge=1,
        description="consecutive hard events that share a run and its seed; `chunk` must be a multiple. "
        "To make an event again its whole block is made. Changing it changes the events",
    )
    accuracy: float = Field(
        0.01,
        gt=0,
        lt=1,
        description="relative precision to which every channel of a process is integrated: that of its "
        "cross-section; changing it changes the events",
    )
    threads: int = Field(
        2, ge=1, description="cores that a job may use, to compile a process or for blocks side by side"
    )
    time_limit: float = Field(
        7200.0, gt=0, description="longest time for a run of MadGraph, compilation included, in seconds"
    )


def check_beams(particles: tuple[int, int]) -> None:
    """Refuse beams that MadGraph is not set up for.

    Parameters
    ----------
    particles : tuple of int
        PDG ids of the beams.

    Raises
    ------
    ValueError
        A beam is no proton or antiproton.
    """
    if not set(particles) <= set(_PROTONS):
        raise ValueError(
            f"beams.particles: generator `madgraph` is set up for protons and antiprotons, not "
            f"{list(particles)}"
        )
