"""The first steps of a campaign: a configuration to begin with, and a run of the workflow."""

import logging
import os
import re
from collections.abc import Sequence
from pathlib import Path

from jetresim.campaign.config import unknown
from jetresim.campaign.errors import ConfigError
from jetresim.campaign.files import atomic_path

__all__ = ["SCHEMA", "examples", "run_workflow", "write_campaign"]

_HOME = Path(__file__).parents[1]  # the repository, or the installed package
_CONFIG = _HOME / "config"

SCHEMA = _CONFIG / "schema.json"
"""JSON schema of a configuration, for editors."""


def examples() -> dict[str, Path]:
    """Name of every example to its configuration."""
    return {path.stem: path for path in sorted((_CONFIG / "examples").glob("*.yaml"))}


def write_campaign(example: str | None, output: Path | None) -> Path:
    """Write a commented configuration to begin with.

    Parameters
    ----------
    example : str or None
        Name of an example; the smallest campaign if None.
    output : Path or None
        ``campaign.yaml``, or the name of the example, in the current folder if None.

    Raises
    ------
    ConfigError
        There is no such example, or the file exists.
    """
    known = examples()
    if example is not None and example not in known:
        raise ConfigError("--example: " + unknown("example", example, known))
    source = known[example] if example else _CONFIG / "campaign.yaml"
    path = output or Path(source.name)
    if path.exists():
        raise ConfigError(f"{path}: exists; name another file with --output")
    text = re.sub(r"^# yaml-language-server:.*\n", "", source.read_text(encoding="utf-8"), flags=re.MULTILINE)
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def run_workflow(config: Path, cores: str, options: Sequence[str]) -> int:
    """Run the workflow of this package with Snakemake.

    Parameters
    ----------
    config : Path
    cores : str
        A number, or ``all``.
    options : sequence of str
        Further options of Snakemake.

    Returns
    -------
    int
        Exit code of Snakemake.

    Raises
    ------
    ConfigError
        Nothing may be written here.
    """
    if not os.access(Path(), os.W_OK):
        raise ConfigError(f"{Path().absolute()}: may not be written; run in a folder that may")
    from snakemake.cli import main

    from jetresim.workflow.console import end_quietly_on_interrupt

    end_quietly_on_interrupt()
    logging.getLogger().handlers.clear()  # Snakemake writes for itself
    arguments = ["--snakefile", str(_HOME / "workflow" / "Snakefile"), "--configfile", str(config)]
    arguments += ["--workflow-profile", str(_HOME / "profiles" / "default"), "--cores", cores, *options]
    try:
        main(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    return 0
