"""What a dataset looks like and whether to trust it: one self-contained HTML page."""
