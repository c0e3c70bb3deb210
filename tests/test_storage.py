"""A campaign whose files are kept by a storage provider of Snakemake; moto stands in for S3."""

import pytest

pytest.importorskip("snakemake_storage_plugin_s3", reason="needs snakemake-storage-plugin-s3")
server = pytest.importorskip("moto.server", reason="needs moto[server]")
boto3 = pytest.importorskip("boto3", reason="needs boto3")

from tests.workflow.commands import (  # noqa: E402 (after the skips)
    SMALL,
    commands,
    files_in,
    make_campaign,
    run_snakemake,
    write_config,
)

KEYS = {"access-key": "reader", "secret-key": "secret"}
PREFIX = "campaigns/2024"
CONFIG = {
    **SMALL,
    "processes": {
        "higgs": {**SMALL["processes"]["higgs"], "events": 5}
    },  # brought: files outside of the store
    "augmentations": ["nominal", "rehadronize"],
    "dataset": {"formats": []},
}


@pytest.fixture
def endpoint():
    stand_in = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    stand_in.start()
    host, port = stand_in.get_host_and_port()
    yield f"http://{host}:{port}"
    stand_in.stop()


@pytest.fixture
def bucket(endpoint):
    keys = {"aws_access_key_id": KEYS["access-key"], "aws_secret_access_key": KEYS["secret-key"]}
    found = boto3.resource("s3", endpoint_url=endpoint, region_name="us-east-1", **keys).Bucket("jets")
    found.create()
    return found


def options(endpoint):
    """What a user gives Snakemake for a bucket."""
    settings = {"endpoint-url": endpoint, **KEYS}
    return [
        *("--default-storage-provider", "s3", "--default-storage-prefix", f"s3://jets/{PREFIX}"),
        *(word for name, value in settings.items() for word in (f"--storage-s3-{name}", value)),
    ]


def stored(bucket):
    """Path in the folder of the campaign to content, without the marks that Snakemake leaves in folders."""
    root = f"{PREFIX}/results/small/"
    return {
        each.key.removeprefix(root): each.get()["Body"].read()
        for each in bucket.objects.filter(Prefix=root)
        if not each.key.endswith(".snakemake_timestamp")
    }


def test_campaign_in_a_bucket_has_the_bytes_of_a_local_one(tmp_path, endpoint, bucket):
    with commands() as run:
        local = make_campaign(run, tmp_path / "local", CONFIG)
    remote = tmp_path / "remote"
    config = write_config(remote, CONFIG)
    run_snakemake(remote, config, *options(endpoint)).succeeded()
    found = stored(bucket)
    for stage in ("hard", "jets", "groups", "dataset"):
        expected = {f"{stage}/{name}": content for name, content in files_in(local / stage).items()}
        assert {name: content for name, content in found.items() if name.startswith(stage)} == expected
    kept = {path.name for path in (remote / "results" / "small").iterdir()}
    assert kept == {"config.yaml", "brought.json"}
    assert run_snakemake(remote, config, "-n", *options(endpoint)).succeeded().jobs == {}
