"""The commands that a user types, and small campaigns to type them for."""

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
SNAKEFILE = ROOT / "Snakefile"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
SPLITS = ("train", "val", "test")

SMALL: dict[str, Any] = {
    "name": "small",
    "seed": 20240307,
    "settings": {"PartonLevel:MPI": False},
    "processes": {
        "qcd": {"events": 20, "cuts": {"pt_min": 500}},
        "higgs": {
            "events": 15,
            "generator": "lhe",
            "files": [str(ROOT / "tests" / "data" / "lhe" / "hz_systrwgt.lhe.gz")],
        },
    },
    "chunk": 10,
    "augmentations": ["nominal", "seed", "rehadronize"],
    "groups": {"pt_min": 400},
    "dataset": {"formats": ["rs3l", "rs3l_pairs"], "events_per_shard": 10},
}
"""Generated events, and brought ones with named weights; quick, for multiparton interactions are off."""


def with_qcd_events(events: int, chunk: int) -> dict[str, Any]:
    """The small campaign with another size and other chunks."""
    processes = {**SMALL["processes"], "qcd": {**SMALL["processes"]["qcd"], "events": events}}
    dataset = {**SMALL["dataset"], "events_per_shard": 200}
    return {**SMALL, "processes": processes, "chunk": chunk, "dataset": dataset}


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
        """Rule to number of jobs, as Snakemake announces them; without rule `all`."""
        table = re.search(
            r"^job +count\n[- ]+\n(.*?)^total +\d+$", self.output + self.errors, re.DOTALL | re.MULTILINE
        )
        rows = table.group(1).splitlines() if table else []
        return {name: int(count) for name, count in map(str.split, rows) if name != "all"}


class Commands:
    """Runs commands in a folder; see `tests.workflow.server`."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self._server = server

    def jetresim(self, folder: Path, *arguments: object, file_size: int | None = None) -> Outcome:
        """Run ``jetresim`` with these arguments; `file_size` limits what it can write [bytes]."""
        return self._run("jetresim", folder, arguments, file_size)

    def snakemake(self, folder: Path, *arguments: object) -> Outcome:
        """Run ``snakemake`` of this workflow with these arguments."""
        return self._run("snakemake", folder, ("-s", SNAKEFILE, *arguments))

    def plan(self, folder: Path, config: Path) -> Outcome:
        """Ask Snakemake what it would do."""
        return self.snakemake(folder, "-n", "--configfile", config)

    def _run(
        self, module: str, folder: Path, arguments: tuple[object, ...], file_size: int | None = None
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
        timeout=900,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def make_campaign(run: Commands, folder: Path, config: dict[str, Any]) -> Path:
    """Run the stages one after the other without Snakemake.

    Returns
    -------
    Path
        The folder of the campaign.
    """
    path = write_config(folder, config)
    for stage, *options in stages(config):
        run.jetresim(folder, stage, path, *options).succeeded()
    return folder / "results" / config["name"]


def stages(config: dict[str, Any]) -> Iterator[tuple[object, ...]]:
    """Subcommand and options of every job of a campaign, in an order that works."""
    processes = config["processes"]
    chunks = [
        ("--process", name, "--chunk", chunk)
        for name, process in processes.items()
        for chunk in range(-(-process["events"] // config["chunk"]))
    ]
    yield from (("survey", "--process", name) for name in processes)
    for chunk in chunks:
        yield "hard", *chunk
        # the nominal realization is the first, and its job makes others ahead
        for name, *ahead in [("nominal", "--ahead"), *((name,) for name in config["augmentations"][1:])]:
            yield "jets", "--realization", name, *ahead, *chunk
        yield "groups", *chunk
    yield from (("dataset", "--split", split) for split in SPLITS)
    for layout in config["dataset"]["formats"]:
        yield from (("export", "--format", layout, "--split", split) for split in SPLITS)
    yield ("standardization",)
    yield ("card",)


def files_in(folder: Path) -> dict[str, bytes]:
    """Relative path to content of every file; without the marks that Snakemake leaves in folders."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".snakemake_timestamp"
    }
