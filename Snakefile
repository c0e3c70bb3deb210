"""Re-simulated jets in groups, from the hard process to the dataset: `snakemake --cores N`."""


include: "workflow/Snakefile"


# Snakemake forgets the default target of a file that is included.
workflow.default_target = "all"
