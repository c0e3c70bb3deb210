rule survey:
    """Cross-section and checks of a process, from Pythia or from the event files that were brought."""
    output:
        PATHS.survey,
    log:
        PATHS.log("survey/{process}"),
    benchmark:
        PATHS.benchmark("survey/{process}")
    wildcard_constraints:
        process=one_of(CAMPAIGN.processes.keys() - set(CAMPAIGN.madgraph_processes)),
    conda:
        "../../envs/jetresim.yaml"
    resources:
        mem_mb=megabytes,
        runtime=lambda wildcards, attempt: minutes(attempt, CAMPAIGN.processes[wildcards.process].events, 0.1),
    params:
        config=PATHS.config,
        results=results_folder,
        depends_on=lambda wildcards: survey_digest(wildcards.process),
    message:
        "cross-section of {wildcards.process}"
    shell:
        "jetresim survey {params.config} --results {params.results:q} --process {wildcards.process} > {log} 2>&1"


rule madgraph:
    """A process compiled and integrated by MadGraph, once for all chunks; its cross-section and checks."""
    output:
        PATHS.survey,
        PATHS.gridpack,
    log:
        PATHS.log("survey/{process}"),
    benchmark:
        PATHS.benchmark("survey/{process}")
    wildcard_constraints:
        process=one_of(CAMPAIGN.madgraph_processes),
    conda:
        "../../envs/jetresim.yaml"
    threads: CAMPAIGN.madgraph.threads
    resources:
        mem_mb=megabytes,
        runtime=lambda wildcards, attempt: attempt * MADGRAPH_MINUTES,
    params:
        config=PATHS.config,
        results=results_folder,
        depends_on=lambda wildcards: survey_digest(wildcards.process),
    message:
        "MadGraph compiles and integrates {wildcards.process}"
    shell:
        "jetresim survey {params.config} --results {params.results:q} --process {wildcards.process} > {log} 2>&1"


rule hard:
    """Hard events of a chunk as LHE."""
    input:
        survey=PATHS.survey,
        gridpack=gridpack,
    output:
        PATHS.hard,
    log:
        PATHS.log("hard/{process}/{chunk}"),
    benchmark:
        PATHS.benchmark("hard/{process}/{chunk}")
    conda:
        "../../envs/jetresim.yaml"
    threads: hard_threads
    resources:
        mem_mb=megabytes,
        runtime=lambda wildcards, attempt: minutes(
            attempt, chunk_size(wildcards), hard_milliseconds(wildcards)
        ),
    params:
        config=PATHS.config,
        results=results_folder,
        chunk=chunk_index,
        depends_on=lambda wildcards: survey_digest(wildcards.process),
        events=chunk_range,
    message:
        "hard events {params.events} of {wildcards.process}"
    shell:
        "jetresim hard {params.config} --results {params.results:q} --process {wildcards.process} --chunk {params.chunk} > {log} 2>&1"
