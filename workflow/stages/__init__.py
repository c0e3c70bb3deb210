"""The stages of a campaign as functions of a configuration and file names.

Each reads what the stage before it wrote, and writes under a temporary name first.
"""
