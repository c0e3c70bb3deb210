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
    retries: 1
    conda:
        "../../envs/resim.yaml"
    resources:
        mem_mb=megabytes,
        runtime=lambda wildcards, attempt: minutes(attempt, chunk_size(wildcards), 2),
    params:
        resim=RESIM,
        config=PATHS.config,
        depends_on=lambda wildcards: provenance.digest(provenance.groups_inputs(CAMPAIGN, wildcards.process)),
    message:
        "groups of {wildcards.process}, chunk {wildcards.chunk}"
    shell:
        "{params.resim} groups {params.config} --process {wildcards.process} --chunk {wildcards.chunk} > {log} 2>&1"
