"""Orchestration: the stages as functions, the `jetresim` command, paths and Snakemake rules."""
