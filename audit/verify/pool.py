"""The minimum-bias events that pile-up is drawn from."""

from collections.abc import Iterator
from pathlib import Path

from jetresim.audit.verify.result import Checked, checked, differences
from jetresim.campaign.config import Campaign
from jetresim.campaign.paths import Paths
from jetresim.jets.parquet import check_checksum, row_count
from jetresim.jets.pool import check_pool

__all__ = ["check_pool_file"]


def check_pool_file(campaign: Campaign, paths: Paths) -> list[Checked]:
    """Whether the pool is whole and that of the campaign; nothing without pile-up."""
    if campaign.pileup is None:
        return []
    path, events = Path(paths.pool), campaign.pileup.pool

    def problems() -> Iterator[str]:
        check_checksum(path)
        check_pool(path, campaign)
        yield from differences(path, {"events": row_count(path)}, {"events": events})

    return [checked("pileup", path, problems)]
