"""Re-simulated jets in groups: from the hard process to the dataset."""

import sys
from functools import cache
from pathlib import Path
from shlex import quote

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.utils import min_version

from jetresim.campaign import provenance
from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import parse as parse_campaign
from jetresim.campaign.config import save as save_campaign
from jetresim.campaign.errors import JetresimError
from jetresim.campaign.yaml_files import read_yaml
from jetresim.generators.brought import read_contents, with_brought_files, write_contents
from jetresim.audit.acceptance import report_acceptance
from jetresim.workflow.checks import check_campaign, check_programs, without_missing_programs
from jetresim.campaign.paths import CHUNK_PATTERN, SPLITS, Paths, chunk_number
from jetresim.workflow.resources import megabytes, minutes
from jetresim.workflow.run_options import RunOptions, check_run_options, take_run_options

min_version("9.10")


# Snakemake would merge --configfile into this one; a campaign is one file alone.
if "processes" not in config and not workflow.configfiles:

    configfile: "config/config.yaml"


try:
    for path in workflow.configfiles:
        read_yaml(Path(path))  # Snakemake's own reader keeps the last of two equal keys
    RUN = take_run_options(config)
    ASKED = parse_campaign(config, " + ".join(map(str, workflow.configfiles)))
    CONTENTS = read_contents(Path(Paths.of(ASKED).brought))
    ASKED = with_brought_files(ASKED, CONTENTS)
    CAMPAIGN, NOTES = without_missing_programs(ASKED)
    check_campaign(CAMPAIGN)
    check_run_options(RUN, CAMPAIGN)
except JetresimError as error:
    raise WorkflowError(str(error))

for note in NOTES:
    logger.warning(note)

PATHS = Paths.of(CAMPAIGN)
# Inside a conda environment or a container, `python` is theirs; otherwise it is the one that runs Snakemake.
PYTHON = "python" if workflow.deployment_settings.deployment_method else sys.executable

# In front of every command, where Snakemake does not take another path for another command.
shell.prefix(
    "set -euo pipefail; "
    f"export PYTHONPATH={quote(str(workflow.basedir))} JETRESIM_SCRATCH={quote(RUN.scratch or '')}; "
    f'jetresim() {{{{ {quote(PYTHON)} -m jetresim "$@"; }}}}; '
)


wildcard_constraints:
    process="|".join(CAMPAIGN.processes),
    realization="|".join(CAMPAIGN.realizations),
    chunk=CHUNK_PATTERN,
    split="|".join(SPLITS),


onstart:
    try:
        check_programs(CAMPAIGN)
    except JetresimError as error:
        raise WorkflowError(str(error))
    save_campaign(CAMPAIGN, PATHS.config)
    if CONTENTS:
        write_contents(CONTENTS, Path(PATHS.brought))


onsuccess:
    if not RUN.is_partial:
        report_acceptance(Path(PATHS.dataset))


localrules:
    all,


include: "workflow/rules/common.smk"


rule all:
    """Dataset card, manifest and report, which need everything else; or the groups that are asked for."""
    default_target: True
    input:
        groups_of(RUN) if RUN.is_partial else [PATHS.card, PATHS.manifest, PATHS.report],


include: "workflow/rules/hard.smk"
include: "workflow/rules/jets.smk"
include: "workflow/rules/groups.smk"
include: "workflow/rules/dataset.smk"
include: "workflow/rules/report.smk"
