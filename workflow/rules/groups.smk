rule groups:
    """Groups of a chunk: the jets of all realizations side by side."""
    input:
        survey=PATHS.survey,
        hard=PATHS.hard,
        jets=expand(PATHS.jets, realization=CAMPAIGN.realizations, allow_missing=True),
    output:
        PATHS.groups,
    log:
        PATHS.log("groups/{process}/{chunk}"),
    benchmark:
        PATHS.benchmark("groups/{process}/{chunk}")
    conda:
        "../../envs/jetresim.yaml"
    resources:
        mem_mb=megabytes,
        runtime=lambda wildcards, attempt: minutes(attempt, chunk_size(wildcards), 2),
    params:
        config=PATHS.config,
        results=results_folder,
        chunk=chunk_index,
        depends_on=lambda wildcards: groups_digest(wildcards.process),
    message:
        "groups of {wildcards.process}, chunk {wildcards.chunk}"
    shell:
        "jetresim groups {params.config} --results {params.results:q} --process {wildcards.process} --chunk {params.chunk} > {log} 2>&1"
