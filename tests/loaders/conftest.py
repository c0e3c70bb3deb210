import pytest
from synthetic import all_splits, make_campaign

from jetresim.dataset import assemble
from jetresim.dataset.standardization import write_standardization


@pytest.fixture(scope="session")
def campaign():
    return make_campaign(groups={"require": "any"})


@pytest.fixture(scope="session")
def dataset(tmp_path_factory, campaign):
    """A dataset with absent members and several row groups in each of its files."""
    results = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assemble, "ROW_GROUP", 16)
        all_splits(results / "dataset", campaign)
    write_standardization(results / "dataset", campaign)
    return results / "dataset"
