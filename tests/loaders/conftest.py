import pytest
from synthetic import all_groups, make_campaign

from jetresim.campaign.paths import SPLITS
from jetresim.dataset import assemble
from jetresim.dataset.assemble import write_split
from jetresim.dataset.standardization import write_standardization


@pytest.fixture(scope="session")
def campaign():
    return make_campaign(groups={"require": "any"})


@pytest.fixture(scope="session")
def dataset(tmp_path_factory, campaign):
    """A dataset with absent members and several row groups in each of its files."""
    results = tmp_path_factory.mktemp("results")
    sources = all_groups(results, campaign)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assemble, "ROW_GROUP", 16)
        for split in SPLITS:
            write_split(results / "dataset" / split, sources, campaign, split)
    write_standardization(results / "dataset", campaign)
    return results / "dataset"
