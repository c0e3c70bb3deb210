"""Orchestration: the stages as functions, the `resim` command, paths and Snakemake rules."""
