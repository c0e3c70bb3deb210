rule jets:
    """Jets of one realization of a chunk: shower, detector, clustering and matching in one job, in memory."""
    input:
        PATHS.hard,
    output:
        PATHS.jets,
    log:
        PATHS.log("jets/{process}/{realization}/{chunk}"),
    benchmark:
        PATHS.benchmark("jets/{process}/{realization}/{chunk}")
    retries: 1
    conda:
        "../../envs/resim.yaml"
    resources:
        mem_mb=megabytes,
        runtime=lambda wildcards, attempt: minutes(attempt, chunk_size(wildcards), 40),
    params:
        resim=RESIM,
        config=PATHS.config,
        depends_on=lambda wildcards: provenance.digest(
            provenance.jets_inputs(CAMPAIGN, wildcards.process, wildcards.realization)
        ),
        events=chunk_range,
    message:
        "shower {wildcards.realization} of {wildcards.process}, events {params.events}"
    shell:
        "{params.resim} jets {params.config} --process {wildcards.process} --realization {wildcards.realization}"
        " --chunk {wildcards.chunk} > {log} 2>&1"
