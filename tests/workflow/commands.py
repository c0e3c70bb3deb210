"""The commands that a user types, and the small campaigns to type them for."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
HIGGS_FILE = ROOT / "tests" / "data" / "lhe" / "hz_systrwgt.lhe.gz"
SNAKEFILE = ROOT / "Snakefile"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}

SMALL: dict[str, Any] = {
    "name": "small",
    "seed": 20240307,
    "settings": {"PartonLevel:MPI": False},
    "processes": {
        "qcd": {"events": 20, "cuts": {"pt_min": 500}},
        "higgs": {"events": 15, "generator": "lhe", "files": [str(HIGGS_FILE)]},
    },
    "chunk": 10,
    "augmentations": ["nominal", "seed"],
    "dataset": {"formats": ["rs3l", "rs3l_pairs"], "events_per_shard": 10},
}
"""Generated events and brought ones with named weights; quick, for multiparton interactions are off."""


def write_config(folder: Path, config: dict[str, Any], name: str = "config.yaml") -> Path:
    """Write a configuration file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return path


@dataclass(frozen=True)
class Outcome:
    """What a command left behind: exit code, standard output, standard error."""

    code: int
    output: str
    errors: str

    def succeeded(self) -> "Outcome":
        """The same, or a failure of the test with what the command said."""
        assert self.code == 0, self.output + self.errors
        return self

    @property
    def jobs(self) -> dict[str, int]:
        """Rule to number of jobs, as Snakemake announces them."""
        table = re.search(r"^job +count\n[- ]+\n(.*?)^total +\d+$", self.output, re.DOTALL | re.MULTILINE)
        rows = table.group(1).splitlines() if table else []
        return {name: int(count) for name, count in map(str.split, rows) if name != "all"}


class Commands:
    """Runs commands in a folder; see `tests.workflow.server`."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self._server = server

    def resim(self, folder: Path, *arguments: object, file_size: int | None = None) -> Outcome:
        """Run ``resim`` with these arguments."""
        return self._run("workflow", folder, arguments, file_size)

    def plan(self, folder: Path, config: Path, *arguments: object) -> Outcome:
        """Ask Snakemake what it would do."""
        options = ("-n", "-s", SNAKEFILE, "--configfile", config, *arguments)
        return self._run("snakemake", folder, options, None)

    def _run(
        self, module: str, folder: Path, arguments: tuple[object, ...], file_size: int | None
    ) -> Outcome:
        request = {
            "module": module,
            "arguments": list(map(str, arguments)),
            "folder": str(folder),
            "file_size": file_size,
        }
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        return Outcome(*json.loads(self._server.stdout.readline()))


@contextmanager
def commands() -> Iterator[Commands]:
    """Start the server; it ends with the context."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.workflow.server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        cwd=ROOT,
    )
    with server:
        yield Commands(server)
        server.stdin.close()
    assert server.returncode == 0


def run_snakemake(folder: Path, config: Path, *arguments: object, cores: int = 1) -> Outcome:
    """Run Snakemake as a program of its own."""
    options = ["-s", SNAKEFILE, "--configfile", config, "--cores", cores, *arguments]
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *map(str, options)],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def make_campaign(run: Commands, folder: Path, config: Path, until: str = "card") -> Path:
    """Run the stages one after the other without Snakemake, up to the one named.

    Returns
    -------
    Path
        The folder of the campaign.
    """
    asked = yaml.safe_load(config.read_text(encoding="utf-8"))
    for stage, options in _stages(asked):
        run.resim(folder, stage, config, *options).succeeded()
        if stage == until:
            break
    return folder / "results" / asked["name"]


def _stages(config: dict[str, Any]) -> Iterator[tuple[str, tuple[object, ...]]]:
    processes = config["processes"]
    chunks = [
        ("--process", name, "--chunk", chunk)
        for name, process in processes.items()
        for chunk in range(-(-process["events"] // config["chunk"]))
    ]
    splits = ("train", "val", "test")
    yield from (("survey", ("--process", name)) for name in processes)
    yield from (("hard", chunk) for chunk in chunks)
    for name in config["augmentations"]:
        yield from (("jets", ("--realization", name, *chunk)) for chunk in chunks)
    yield from (("groups", chunk) for chunk in chunks)
    yield from (("dataset", ("--split", split)) for split in splits)
    for layout in config["dataset"]["formats"]:
        yield from (("export", ("--format", layout, "--split", split)) for split in splits)
    yield "card", ()
