rule pileup:
    """Minimum-bias events that the pile-up of all events is drawn from."""
    output:
        PATHS.pool,
    log:
        PATHS.log("pileup"),
    benchmark:
        PATHS.benchmark("pileup")
    conda:
        "../../envs/jetresim.yaml"
    resources:
        mem_mb=megabytes_with_pool,
        runtime=lambda wildcards, attempt: minutes(attempt, CAMPAIGN.pileup.pool, 20),
    params:
        config=PATHS.config,
        results=results_folder,
        depends_on=provenance.digest(provenance.pool_inputs(CAMPAIGN)) if CAMPAIGN.pileup else "",
    message:
        "minimum-bias events of the pile-up"
    shell:
        "jetresim pileup {params.config} --results {params.results:q} > {log} 2>&1"


rule jets:
    """Jets of one realization of a chunk: shower, detector, clustering and matching in one job, in memory."""
    input:
        hard=PATHS.hard,
        followed=followed_jets,
        pool=PATHS.pool if CAMPAIGN.pileup else [],
        detector=lambda wildcards: brought(CAMPAIGN.detector_files([wildcards.realization])),
        candidates=candidates,
    output:
        PATHS.jets,
    log:
        PATHS.log("jets/{process}/{realization}/{chunk}"),
    benchmark:
        PATHS.benchmark("jets/{process}/{realization}/{chunk}")
    wildcard_constraints:
        realization=one_of(BESIDE_ANCHOR),
    conda:
        "../../envs/jetresim.yaml"
    resources:
        mem_mb=megabytes_with_pool,
        runtime=lambda wildcards, attempt: minutes(
            attempt, chunk_size(wildcards), shower_milliseconds(wildcards)
        ),
    params:
        config=PATHS.config,
        results=results_folder,
        chunk=chunk_index,
        depends_on=lambda wildcards: jets_digest(wildcards.process, wildcards.realization),
        events=chunk_range,
    message:
        "shower {wildcards.realization} of {wildcards.process}, events {params.events}"
    shell:
        "jetresim jets {params.config} --results {params.results:q} --process {wildcards.process} --chunk {params.chunk}"
        " --realization {wildcards.realization} > {log} 2>&1"


rule jets_of_anchor:
    """Jets of the anchor; those that continue from its event records and are missing are made ahead with it."""
    input:
        hard=PATHS.hard,
        pool=PATHS.pool if CAMPAIGN.pileup else [],
        detector=brought(CAMPAIGN.detector_files([NOMINAL])),
        candidates=lambda wildcards: candidates(wildcards, NOMINAL),
    output:
        expand(PATHS.jets, realization=NOMINAL, allow_missing=True),
    log:
        PATHS.log("jets/{process}/nominal/{chunk}"),
    benchmark:
        PATHS.benchmark("jets/{process}/nominal/{chunk}")
    conda:
        "../../envs/jetresim.yaml"
    resources:
        mem_mb=megabytes_with_pool,
        runtime=lambda wildcards, attempt: minutes(
            attempt, chunk_size(wildcards), 40 + (10 + PILEUP_MILLISECONDS) * len(FAMILY)
        ),
    params:
        config=PATHS.config,
        results=results_folder,
        chunk=chunk_index,
        depends_on=lambda wildcards: jets_digest(wildcards.process, NOMINAL),
        events=chunk_range,
    message:
        "shower nominal of {wildcards.process}, events {params.events}"
    shell:
        "jetresim jets {params.config} --results {params.results:q} --process {wildcards.process} --chunk {params.chunk}"
        " --realization nominal --ahead > {log} 2>&1"


rule events:
    """Whole events of one realization of a chunk, before pile-up and detector."""
    input:
        hard=PATHS.hard,
    output:
        [PATHS.full_hepmc3] if "hepmc3" in CAMPAIGN.full_formats else [],
        [] if CAMPAIGN.full_formats == ["hepmc3"] else [PATHS.full_parquet],
    log:
        PATHS.log("events/{process}/{realization}/{chunk}"),
    benchmark:
        PATHS.benchmark("events/{process}/{realization}/{chunk}")
    conda:
        "../../envs/jetresim.yaml"
    resources:
        mem_mb=megabytes,
        runtime=lambda wildcards, attempt: minutes(attempt, chunk_size(wildcards), 200),
    params:
        config=PATHS.config,
        results=results_folder,
        chunk=chunk_index,
        depends_on=lambda wildcards: full_events_digest(wildcards.process, wildcards.realization),
        events=chunk_range,
    message:
        "whole events of {wildcards.realization} of {wildcards.process}, events {params.events}"
    shell:
        "jetresim events {params.config} --results {params.results:q} --process {wildcards.process} --chunk {params.chunk}"
        " --realization {wildcards.realization} > {log} 2>&1"
