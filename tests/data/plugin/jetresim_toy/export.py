"""The labels of a split as text."""

import numpy as np
import pyarrow.parquet as pq


def write(folder, shards, campaign):
    """One label a line."""
    with (folder / "labels.txt").open("w") as file:
        for shard in shards:
            labels = pq.read_table(shard, columns=["label"])["label"].to_numpy()
            np.savetxt(file, labels, fmt=campaign.dataset.options["toy_labels"]["format"])
