"""Re-simulated jets in groups: from the hard process to the dataset."""

import sys
from shlex import quote
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.utils import min_version

from campaign import provenance
from campaign.augmentations import NOMINAL
from campaign.config import parse as parse_campaign
from campaign.config import save as save_campaign
from campaign.errors import ResimError
from workflow.acceptance import report_acceptance
from workflow.checks import check_campaign, check_programs, without_missing_programs
from workflow.paths import SPLITS, Paths, chunk_names
from workflow.resources import megabytes, minutes

min_version("9.10")


# Snakemake would merge --configfile into this one; a campaign is one file alone.
if "processes" not in config:

    configfile: "config/config.yaml"


try:
    ASKED = parse_campaign(config, " + ".join(map(str, workflow.configfiles)))
    CAMPAIGN, NOTES = without_missing_programs(ASKED)
    check_campaign(CAMPAIGN)
except ResimError as error:
    raise WorkflowError(str(error))

for note in NOTES:
    logger.warning(note)

PATHS = Paths.of(CAMPAIGN)
# Inside a conda environment or a container, `python` is theirs; otherwise it is the one that runs Snakemake.
PYTHON = "python" if workflow.deployment_settings.deployment_method else sys.executable
RESIM = f"PYTHONPATH={quote(str(workflow.basedir))} {quote(PYTHON)} -m workflow"


wildcard_constraints:
    process="|".join(CAMPAIGN.processes),
    realization="|".join(CAMPAIGN.realizations),
    chunk=r"\d+",
    split="|".join(SPLITS),


onstart:
    try:
        check_programs(CAMPAIGN)
    except ResimError as error:
        raise WorkflowError(str(error))
    save_campaign(CAMPAIGN, PATHS.config)


onsuccess:
    report_acceptance(Path(PATHS.dataset))


localrules:
    all,


rule all:
    """The dataset card and the manifest, which need everything else."""
    default_target: True
    input:
        PATHS.card,
        PATHS.manifest,


include: "workflow/rules/common.smk"
include: "workflow/rules/hard.smk"
include: "workflow/rules/jets.smk"
include: "workflow/rules/groups.smk"
include: "workflow/rules/dataset.smk"
