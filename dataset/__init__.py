"""Jets of all realizations → groups; splits, shards, file formats, readers."""
