rule dataset:
    """Parquet shards of a split, processes mixed and shuffled."""
    input:
        groups_of(RunOptions()),
    output:
        directory(PATHS.split),
    log:
        PATHS.log("dataset/{split}"),
    benchmark:
        PATHS.benchmark("dataset/{split}")
    conda:
        "../../envs/jetresim.yaml"
    resources:
        mem_mb=megabytes,
        runtime=lambda wildcards, attempt: minutes(attempt, ALL_EVENTS, 2),
    params:
        config=PATHS.config,
        results=results_folder,
        depends_on=provenance.digest(provenance.dataset_inputs(CAMPAIGN)),
    message:
        "shards of {wildcards.split}"
    shell:
        "jetresim dataset {params.config} --results {params.results:q} --split {wildcards.split} > {log} 2>&1"


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
    conda:
        "../../envs/jetresim.yaml"
    resources:
        mem_mb=megabytes,
        runtime=lambda wildcards, attempt: minutes(attempt, ALL_EVENTS, 1),
    params:
        layout="rs3l",
        config=PATHS.config,
        results=results_folder,
        depends_on=provenance.digest(provenance.dataset_inputs(CAMPAIGN)),
    message:
        "RS3L files of {wildcards.split}"
    shell:
        "jetresim export {params.config} --results {params.results:q} --format {params.layout} --split {wildcards.split} > {log} 2>&1"


use rule rs3l as rs3l_pairs with:
    output:
        PATHS.rs3l_pairs,
    log:
        PATHS.log("rs3l_pairs/{split}"),
    benchmark:
        PATHS.benchmark("rs3l_pairs/{split}")
    params:
        layout="rs3l_pairs",
    message:
        "paired training file of {wildcards.split}"


use rule rs3l as jetclass with:
    output:
        directory(PATHS.jetclass),
    log:
        PATHS.log("jetclass/{split}"),
    benchmark:
        PATHS.benchmark("jetclass/{split}")
    params:
        layout="jetclass",
    message:
        "JetClass ROOT files of {wildcards.split}"


use rule rs3l as toptagging with:
    output:
        PATHS.toptagging,
    log:
        PATHS.log("toptagging/{split}"),
    benchmark:
        PATHS.benchmark("toptagging/{split}")
    params:
        layout="toptagging",
    message:
        "Top Tagging table of {wildcards.split}"


use rule rs3l as huggingface with:
    output:
        directory(PATHS.huggingface),
    log:
        PATHS.log("huggingface/{split}"),
    benchmark:
        PATHS.benchmark("huggingface/{split}")
    params:
        layout="huggingface",
    message:
        "flat Parquet files of {wildcards.split}"


use rule rs3l as omnilearned with:
    output:
        directory(PATHS.omnilearned),
    log:
        PATHS.log("omnilearned/{split}"),
    benchmark:
        PATHS.benchmark("omnilearned/{split}")
    params:
        layout="omnilearned",
    message:
        "OmniLearned files of {wildcards.split}"


use rule rs3l as export with:
    output:
        directory(PATHS.added_export),
    log:
        PATHS.log("{layout}/{split}"),
    benchmark:
        PATHS.benchmark("{layout}/{split}")
    params:
        layout="{layout}",
    message:
        "{wildcards.layout} of {wildcards.split}"


rule standardization:
    """Mean and standard deviation of every feature in the training split."""
    input:
        PATHS.split.format(split="train"),
    output:
        PATHS.standardization,
    log:
        PATHS.log("standardization"),
    benchmark:
        PATHS.benchmark("standardization")
    conda:
        "../../envs/jetresim.yaml"
    resources:
        mem_mb=megabytes,
        runtime=lambda wildcards, attempt: minutes(attempt, ALL_EVENTS, 1),
    params:
        config=PATHS.config,
        results=results_folder,
        depends_on=provenance.digest(provenance.dataset_inputs(CAMPAIGN)),
    message:
        "mean and standard deviation of the features"
    shell:
        "jetresim standardization {params.config} --results {params.results:q} > {log} 2>&1"


rule card:
    """Dataset card and manifest of everything in the dataset folder."""
    input:
        expand(PATHS.split, split=SPLITS),
        PATHS.standardization,
        [expand(PATHS.export(name), split=SPLITS) for name in CAMPAIGN.dataset.formats],
    output:
        PATHS.card,
        PATHS.manifest,
        [PATHS.huggingface_card] if "huggingface" in CAMPAIGN.dataset.formats else [],
    log:
        PATHS.log("card"),
    benchmark:
        PATHS.benchmark("card")
    conda:
        "../../envs/jetresim.yaml"
    resources:
        mem_mb=megabytes,
        runtime=lambda wildcards, attempt: minutes(attempt, ALL_EVENTS, 0.1),
    params:
        config=PATHS.config,
        results=results_folder,
        depends_on=provenance.digest(provenance.card_inputs(CAMPAIGN)),
    message:
        "dataset card and manifest"
    shell:
        "jetresim card {params.config} --results {params.results:q} > {log} 2>&1"
