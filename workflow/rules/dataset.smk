rule dataset:
    """Parquet shards of a split, processes mixed and shuffled."""
    input:
        [
            PATHS.groups.format(process=process, chunk=chunk)
            for process in CAMPAIGN.processes
            for chunk in chunk_names(CAMPAIGN, process)
        ],
    output:
        directory(PATHS.split),
    log:
        PATHS.log("dataset/{split}"),
    benchmark:
        PATHS.benchmark("dataset/{split}")
    retries: 1
    conda:
        "../../envs/resim.yaml"
    resources:
        mem_mb=megabytes,
        runtime=lambda wildcards, attempt: minutes(attempt, ALL_EVENTS, 2),
    params:
        resim=RESIM,
        config=PATHS.config,
        depends_on=provenance.digest(provenance.dataset_inputs(CAMPAIGN)),
    message:
        "shards of {wildcards.split}"
    shell:
        "{params.resim} dataset {params.config} --split {wildcards.split} > {log} 2>&1"


rule rs3l:
    """A split in the layout of the public RS3L files."""
    input:
        PATHS.split,
    output:
        directory(PATHS.rs3l),
    log:
        PATHS.log("rs3l/{split}"),
    benchmark:
        PATHS.benchmark("rs3l/{split}")
    retries: 1
    conda:
        "../../envs/resim.yaml"
    resources:
        mem_mb=megabytes,
        runtime=lambda wildcards, attempt: minutes(attempt, ALL_EVENTS, 1),
    params:
        resim=RESIM,
        config=PATHS.config,
        depends_on=provenance.digest(provenance.dataset_inputs(CAMPAIGN)),
    message:
        "RS3L files of {wildcards.split}"
    shell:
        "{params.resim} export {params.config} --format rs3l --split {wildcards.split} > {log} 2>&1"


rule rs3l_pairs:
    """A split as the RS3L authors' paired training file."""
    input:
        PATHS.split,
    output:
        PATHS.rs3l_pairs,
    log:
        PATHS.log("rs3l_pairs/{split}"),
    benchmark:
        PATHS.benchmark("rs3l_pairs/{split}")
    retries: 1
    conda:
        "../../envs/resim.yaml"
    resources:
        mem_mb=megabytes,
        runtime=lambda wildcards, attempt: minutes(attempt, ALL_EVENTS, 1),
    params:
        resim=RESIM,
        config=PATHS.config,
        depends_on=provenance.digest(provenance.dataset_inputs(CAMPAIGN)),
    message:
        "paired training file of {wildcards.split}"
    shell:
        "{params.resim} export {params.config} --format rs3l_pairs --split {wildcards.split} > {log} 2>&1"


rule card:
    """Dataset card and manifest of everything in the dataset folder."""
    input:
        expand(PATHS.split, split=SPLITS),
        [expand(getattr(PATHS, name), split=SPLITS) for name in CAMPAIGN.dataset.formats],
    output:
        PATHS.card,
        PATHS.manifest,
    log:
        PATHS.log("card"),
    benchmark:
        PATHS.benchmark("card")
    retries: 1
    conda:
        "../../envs/resim.yaml"
    resources:
        mem_mb=megabytes,
        runtime=lambda wildcards, attempt: minutes(attempt, ALL_EVENTS, 0.1),
    params:
        resim=RESIM,
        config=PATHS.config,
        depends_on=provenance.digest(CAMPAIGN.model_dump(mode="json")),
    message:
        "dataset card and manifest"
    shell:
        "{params.resim} card {params.config} > {log} 2>&1"
