"""The demo campaign in shards that know nothing of each other, merged, against a single run.

``python -m benchmarks.shards --shards 16 --events 160 --chunk 20`` ends with exit code 1 if any file differs.
Each shard has a folder of its own, with its own surveys and its own Snakemake.
"""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from benchmarks.soak import STAGES, differences, digests, start_snakemake
from benchmarks.wall_time import demo
from jetresim.audit.merge import merge_campaign, merged_lines
from jetresim.campaign.config import Campaign, save


def run(config: Path, folder: Path, *options: str) -> Path:
    """Run Snakemake in a folder, which may be new; returns the results."""
    folder.mkdir(exist_ok=True)
    if code := start_snakemake(config, folder, *options).wait():
        raise SystemExit(f"Snakemake ended with exit code {code}:\n{(folder / 'snakemake.log').read_text()}")
    return folder / "results"


def merged(campaign: Campaign, config: Path, folder: Path, shards: int, cores: str) -> Path:
    """Make the shards one after the other, each in its own folder, and the dataset from all of them."""
    parts = []
    for shard in range(1, shards + 1):
        site = folder / f"site-{shard}"
        parts.append(run(config, site, "--cores", cores, "--config", f"shard={shard}/{shards}"))
        groups = sum(1 for _ in (parts[-1] / campaign.name / "groups").rglob("*.parquet"))
        typer.echo(f"shard {shard}/{shards}: {groups} files of groups")
    joined = merge_campaign(campaign, parts, folder / "merged" / "results")
    for line in merged_lines(joined, config):
        typer.echo(line)
    for part in parts:  # so that nothing can come from there any more
        shutil.rmtree(part)
    return run(config, folder / "merged", "--cores", cores, "--until", "card").parent


def main(
    shards: Annotated[int, typer.Option(min=1, help="number of shards")] = 16,
    events: Annotated[int, typer.Option(min=1, help="hard events of each process")] = 160,
    chunk: Annotated[int, typer.Option(min=1, help="hard events of a job")] = 20,
    cores: Annotated[int, typer.Option(min=1, help="cores that Snakemake uses")] = 2,
) -> None:
    """Make the campaign both ways and compare all files."""
    campaign = demo(events, chunk)
    with TemporaryDirectory(prefix="shards-") as name:
        folder = Path(name)
        config = folder / "config.yaml"
        save(campaign, config)
        whole = run(config, folder / "whole", "--cores", str(cores), "--until", "card").parent
        expected = digests(campaign, whole)
        found = digests(campaign, merged(campaign, config, folder, shards, str(cores)))
    for stage in STAGES:
        typer.echo(f"{stage}: {sum(path.startswith(f'{stage}/') for path in expected)} files compared")
    problems = sorted(differences(expected, found))
    typer.echo("\n".join(problems) or "all equal")
    raise typer.Exit(bool(problems))


if __name__ == "__main__":
    typer.run(main)
