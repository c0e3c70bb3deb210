CHUNKS = {process: CAMPAIGN.chunks(process) for process in CAMPAIGN.processes}
ALL_EVENTS = sum(process.events for process in CAMPAIGN.processes.values())


def run_jobs_by(command):
    """Put what `jetresim` means in front of every command, where Snakemake does not take it for another command."""
    shell.prefix(
        "set -euo pipefail; "
        + (f"export PYTHONPATH={quote(str(TREE))}; " if IS_SOURCE_TREE else "")
        + f"export JETRESIM_SCRATCH={quote(RUN.scratch or '')} {VERSION_VARIABLE}={quote(code_version())}; "
        + f'jetresim() {{{{ {join(command)} "$@"; }}}}; '
    )


def chunk_index(wildcards):
    """Number of a chunk."""
    return chunk_number(wildcards.chunk)


def chunk_events(wildcards):
    """Event indices of a chunk."""
    return CHUNKS[wildcards.process][chunk_index(wildcards)]


def chunk_range(wildcards):
    """Event indices of a chunk as text, so that a job is repeated when they change."""
    events = chunk_events(wildcards)
    return f"{events.start}-{events.stop}"


def chunk_size(wildcards):
    """Number of events of a chunk."""
    return len(chunk_events(wildcards))


# Asked for by every job of a campaign that may have a hundred thousand of them.
@cache
def survey_digest(process):
    return provenance.digest(provenance.survey_inputs(CAMPAIGN, process))


@cache
def jets_digest(process, realization):
    return provenance.digest(provenance.jets_inputs(CAMPAIGN, process, realization))


@cache
def full_events_digest(process, realization):
    return provenance.digest(provenance.full_events_inputs(CAMPAIGN, process, realization))


@cache
def groups_digest(process):
    return provenance.digest(provenance.groups_inputs(CAMPAIGN, process))


def one_of(names):
    """Regular expression of some names; that of none matches nothing."""
    return "|".join(names) or "(?!)"


def gridpack(wildcards):
    """What MadGraph makes the hard events of a process from."""
    if wildcards.process not in CAMPAIGN.madgraph_processes:
        return []
    return PATHS.gridpack.format(process=wildcards.process)


def hard_threads(wildcards):
    """Cores of a job that makes hard events."""
    return CAMPAIGN.madgraph.threads if wildcards.process in CAMPAIGN.madgraph_processes else 1


def hard_milliseconds(wildcards):
    """Generous time for one hard event."""
    return 100 if wildcards.process in CAMPAIGN.madgraph_processes else 1


FAMILY = CAMPAIGN.anchor_family
# Generous time for the pile-up of one event: a millisecond for each interaction.
PILEUP_MILLISECONDS = CAMPAIGN.pileup.mean if CAMPAIGN.pileup else 0
POOL = CAMPAIGN.pileup.pool if CAMPAIGN.pileup else 0
BESIDE_ANCHOR = [name for name in CAMPAIGN.realizations if name != NOMINAL]


def followed_jets(wildcards):
    """Jets of which a realization follows the survivors, and those of the anchor where it is made with them."""
    name = wildcards.realization
    names = CAMPAIGN.followed(name) or [NOMINAL] * CAMPAIGN.continues_anchor(name)
    return [
        PATHS.jets.format(process=wildcards.process, realization=each, chunk=wildcards.chunk)
        for each in names
    ]


def megabytes_with_pool(wildcards, attempt):
    """Memory of a job that holds the minimum-bias events of the campaign, if there are any."""
    return megabytes(wildcards, attempt, POOL)


def shower_milliseconds(wildcards):
    """Generous time for one event of a realization."""
    return shower_program(CAMPAIGN.augmentation(wildcards.realization)).milliseconds + PILEUP_MILLISECONDS


def groups_of(options):
    """Groups that a run with these options makes."""
    return [PATHS.groups.format(process=process, chunk=chunk) for process, chunk in options.chunks(CAMPAIGN)]


def full_events():
    """Files of whole events that are asked for."""
    return [
        PATHS.full_events(form).format(process=process, realization=realization, chunk=chunk)
        for process in CAMPAIGN.processes
        for realization in CAMPAIGN.full_realizations
        for chunk in chunk_names(CAMPAIGN, process)
        for form in CAMPAIGN.full_formats
    ]


def candidates(wildcards, realization=None):
    """Candidates that another program has made of a chunk, where the detector is an external one."""
    found = candidates_path(
        CAMPAIGN, wildcards.process, realization or wildcards.realization, wildcards.chunk
    )
    return brought([found] if found else [])


def results_folder(wildcards, output):
    """Folder that a job writes in: where a storage provider keeps the files, that of their local copies."""
    return output[0].rpartition(PATHS.root)[0] + "results"


def brought(files):
    """Files that the user brings; their paths stand in the configuration, so no storage provider keeps them."""
    return [local(str(file)) for file in files]
