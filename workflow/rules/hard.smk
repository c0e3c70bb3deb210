rule survey:
    """Cross-section and checks of a process, from Pythia or from the event files that were brought."""
    input:
        lambda wildcards: CAMPAIGN.processes[wildcards.process].files,
    output:
        PATHS.survey,
    log:
        PATHS.log("survey/{process}"),
    benchmark:
        PATHS.benchmark("survey/{process}")
    retries: 1
    conda:
        "../../envs/resim.yaml"
    resources:
        mem_mb=megabytes,
        runtime=lambda wildcards, attempt: minutes(attempt, CAMPAIGN.processes[wildcards.process].events, 0.1),
    params:
        resim=RESIM,
        config=PATHS.config,
        depends_on=lambda wildcards: provenance.digest(provenance.survey_inputs(CAMPAIGN, wildcards.process)),
    message:
        "cross-section of {wildcards.process}"
    shell:
        "{params.resim} survey {params.config} --process {wildcards.process} > {log} 2>&1"


rule hard:
    """Hard events of a chunk as LHE."""
    input:
        survey=PATHS.survey,
        files=lambda wildcards: CAMPAIGN.processes[wildcards.process].files,
    output:
        PATHS.hard,
    log:
        PATHS.log("hard/{process}/{chunk}"),
    benchmark:
        PATHS.benchmark("hard/{process}/{chunk}")
    retries: 1
    conda:
        "../../envs/resim.yaml"
    resources:
        mem_mb=megabytes,
        runtime=lambda wildcards, attempt: minutes(attempt, chunk_size(wildcards), 1),
    params:
        resim=RESIM,
        config=PATHS.config,
        depends_on=lambda wildcards: provenance.digest(provenance.survey_inputs(CAMPAIGN, wildcards.process)),
        events=chunk_range,
    message:
        "hard events {params.events} of {wildcards.process}"
    shell:
        "{params.resim} hard {params.config} --process {wildcards.process} --chunk {wildcards.chunk} > {log} 2>&1"
