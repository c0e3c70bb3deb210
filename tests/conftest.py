from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples on every machine, and no deadline: a loaded machine must not fail a test.
settings.register_profile("reproducible", derandomize=True, deadline=None)
settings.load_profile("reproducible")

LONG = (
    "workflow/test_identity.py",
    "slurm/test_slurm.py",
    "madgraph/test_madgraph_real.py",
    "workflow/test_shards.py",
    "workflow/test_resume.py",
    "workflow/test_rerun.py",
    "workflow/test_crossings_and_candidates.py",
    "workflow/test_faults.py",
    "workflow/test_module.py",
    "test_seed_contract.py",
    "loaders/test_live.py",
    "herwig/test_herwig7_campaign.py",
    "test_soak.py",
    "test_physics_fsr.py",
    "test_storage.py",
)
"""Files that take longest: begun first, so that no worker has one of them left when the others have finished,
and marked `long`."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        name = item.path.relative_to(Path(__file__).parent).as_posix()
        return LONG.index(name) if name in LONG else len(LONG)

    for item in items:
        if place(item) < len(LONG):
            item.add_marker("long")
    items.sort(key=place)


@pytest.fixture
def settings_of_torch() -> Iterator[None]:
    """What an example sets in PyTorch for its process is not left to the tests of others."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # several only wait for each other here
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)
