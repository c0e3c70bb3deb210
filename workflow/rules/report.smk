rule cost:
    """What every job has used, as Snakemake has measured it."""
    input:
        PATHS.card,
    output:
        PATHS.cost,
    log:
        PATHS.log("cost"),
    benchmark:
        PATHS.benchmark("cost")
    conda:
        "../../envs/jetresim.yaml"
    resources:
        mem_mb=megabytes,
        runtime=lambda wildcards, attempt: minutes(attempt, ALL_EVENTS, 0.1),
    params:
        config=PATHS.config,
        results=results_folder,
    message:
        "cost of the jobs"
    shell:
        "jetresim cost {params.config} --results {params.results:q} > {log} 2>&1"


rule report:
    """Page on what was made and whether it is in order."""
    input:
        PATHS.card,
        PATHS.cost,
    output:
        report(PATHS.report, category="Dataset"),
    log:
        PATHS.log("report"),
    benchmark:
        PATHS.benchmark("report")
    conda:
        "../../envs/jetresim.yaml"
    threads: 4
    resources:
        mem_mb=megabytes,
        runtime=lambda wildcards, attempt: minutes(attempt, ALL_EVENTS, 0.5),
    params:
        folder=lambda wildcards, output: Path(output[0]).parents[1],
    message:
        "report"
    shell:
        "jetresim report {params.folder} --cores {threads} > {log} 2>&1"
