"""What the pipeline costs: ``make bench`` prints one table."""
