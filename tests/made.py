"""Campaigns made in full, stage by stage and without Snakemake."""

from pathlib import Path

from jetresim.campaign.config import Campaign
from jetresim.campaign.paths import SPLITS, Paths, chunk_names
from jetresim.dataset.assemble import write_split
from jetresim.showers.registry import Job
from jetresim.workflow.stages.groups import make_groups
from jetresim.workflow.stages.hard import make_hard, make_survey
from jetresim.workflow.stages.jets import make_jets


def path(paths: Paths, what: str, **names: str) -> Path:
    return Path(getattr(paths, what).format(**names))


def make_jets_of_chunk(campaign: Campaign, paths: Paths, process: str, number: int) -> None:
    names = {"process": process, "chunk": chunk_names(campaign, process)[number]}
    hard = path(paths, "hard", **names)
    make_hard(campaign, process, number, path(paths, "survey", process=process), hard)
    jets = {name: path(paths, "jets", realization=name, **names) for name in campaign.realizations}
    family = {name: jets[name] for name in campaign.anchor_family}
    job = Job(Path(paths.herwig), campaign.chunks(process)[number].start)
    make_jets(campaign, process, number, hard, family, job)
    for name in [name for name in jets if name not in family]:
        followed = {each: jets[each] for each in campaign.followed(name)}
        make_jets(campaign, process, number, hard, {name: jets[name]}, job, followed)


def make_dataset(campaign: Campaign, paths: Paths) -> None:
    groups = []
    for process in campaign.processes:
        survey = path(paths, "survey", process=process)
        for number, chunk in enumerate(chunk_names(campaign, process)):
            names = {"process": process, "chunk": chunk}
            jets = [path(paths, "jets", realization=name, **names) for name in campaign.realizations]
            groups.append(path(paths, "groups", **names))
            hard = path(paths, "hard", **names)
            make_groups(campaign, process, number, survey, hard, jets, groups[-1])
    for split in SPLITS:
        write_split(path(paths, "split", split=split), groups, campaign, split)


def make_jets_of_all(campaign: Campaign, paths: Paths) -> None:
    for process in campaign.processes:
        survey = path(paths, "survey", process=process)
        if not survey.exists():
            make_survey(campaign, process, survey)
        for number in range(len(campaign.chunks(process))):
            make_jets_of_chunk(campaign, paths, process, number)
