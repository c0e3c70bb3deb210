"""A dataset is described as others validate it, uploaded to stand-ins of services, and fetched whole."""

import json
import re
import shutil
import subprocess
import sys
from base64 import b64decode
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from threading import Thread

import pytest
import synthetic
import yaml
from typer.testing import CliRunner

from jetresim.campaign.errors import ConfigError, DataError
from jetresim.dataset.card import write_card
from jetresim.dataset.publication.crate import crate
from jetresim.dataset.publication.croissant import croissant
from jetresim.dataset.publication.described import describe
from jetresim.dataset.publication.fetch import fetch, located
from jetresim.dataset.publication.folder import write_folder, zenodo_metadata
from jetresim.dataset.publication.upload import flat_name, upload_to_hub, upload_to_zenodo
from jetresim.dataset.standardization import write_standardization
from jetresim.workflow.cli import app
from tests.workflow.commands import ENVIRONMENT, ROOT

SNAKEFILE = ROOT / "workflow" / "as_module.smk"
CREATORS = ("Curie, Marie", "Noether, Emmy")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    campaign = synthetic.make_campaign(
        groups={"require": "any"},
        dataset={"events_per_shard": 40, "formats": [], "license": "cc-by-4.0"},
        augmentations=["nominal", "seed", "fsrRenHi", "rehadronize"],
    )
    folder = tmp_path_factory.mktemp("results") / campaign.name
    synthetic.all_splits(folder / "dataset", campaign)
    write_standardization(folder / "dataset", campaign)
    write_card(folder / "dataset", campaign)
    return folder


@pytest.fixture(scope="module")
def described(results):
    return describe(results, CREATORS, date(2026, 1, 2))


@pytest.fixture(scope="module")
def published(described, tmp_path_factory):
    folder = tmp_path_factory.mktemp("published") / "publication"
    write_folder(described, SNAKEFILE, folder)
    return folder


def names_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


class Handler(BaseHTTPRequestHandler):
    """Notes what is asked for and answers with what the server's `answer` gives: status, headers, body."""

    def _any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append((self.command, self.path, headers, body))
        status, headers, content = self.server.answer(self.command, self.path, self.headers, body)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_HEAD = _any  # noqa: N815

    def log_message(self, *_):
        pass


@contextmanager
def served(answer):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.answer, server.seen = answer, []
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def as_json(content, status=200):
    return status, {"Content-Type": "application/json"}, json.dumps(content).encode()


def folder_of(folder, broken_after=None):
    """Answers of a server of files that knows ranges, and breaks off the first time."""
    broken = set()

    def answer(method, path, headers, body):
        name = re.sub(r"^/records/\d+/files/|\?.*$|^/datasets/[^/]+/[^/]+/resolve/main/", "", path).strip("/")
        file = folder / name.replace("__", "/")
        if not file.is_file():
            return 404, {}, b"no such file"
        content = file.read_bytes()
        if found := re.fullmatch(r"bytes=(\d+)-", headers.get("Range", "")):
            return 206, {}, content[int(found[1]) :]
        if broken_after is not None and name.endswith(".parquet") and name not in broken:
            broken.add(name)
            return 200, {}, content[:broken_after]
        return 200, {}, content

    return answer


def test_a_dataset_without_its_files_is_refused(results, tmp_path):
    folder = tmp_path / "campaign"
    shutil.copytree(results, folder)
    for shard in folder.glob("dataset/*/*.parquet"):
        shard.unlink()
    with pytest.raises(DataError, match="no Parquet files"):
        describe(folder, CREATORS, date(2026, 1, 2))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_croissant_is_valid_and_its_records_are_the_groups_and_realizations(published, described):
    croissants = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed")
    data = croissants.Dataset(jsonld=str(published / "croissant.json"))
    assert not data.metadata.ctx.issues.errors
    assert not data.metadata.ctx.issues.warnings
    assert data.metadata.data_biases
    assert data.metadata.data_limitations
    members = list(data.records("realizations"))
    assert [each["realizations/name"] for each in members] == described.campaign.realizations
    assert members[3]["realizations/intervention"] == "parton_level"
    assert members[2]["realizations/settings"] == "TimeShower:renormMultFac = 0.707"
    rows = list(islice(data.records("groups"), 5))
    assert {row["groups/process"].decode() for row in rows} <= set(described.campaign.processes)


def test_croissant_tells_what_is_special_and_names_every_file_with_its_checksum(described):
    content = croissant(described)
    files = {each["@id"]: each["sha256"] for each in content["distribution"] if "sha256" in each}
    assert files == {file["path"]: file["sha256"] for file in described.manifest["files"]}
    assert "pythia8mc 8.317.2" in content["rai:dataCollection"]
    assert f"campaign seed {described.campaign.seed}" in content["rai:dataManipulationProtocol"]
    assert {"http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"} == set(
        content["conformsTo"]
    )


def test_crate_is_linked_throughout_and_says_which_run_made_every_file(described, published):
    graph = {entity["@id"]: entity for entity in crate(described)["@graph"]}
    assert len(graph) == len(crate(described)["@graph"])

    def links(value):
        if isinstance(value, dict):
            yield from [value["@id"]] if set(value) == {"@id"} else links(list(value.values()))
        elif isinstance(value, list):
            for each in value:
                yield from links(each)

    beyond = {link for link in links(list(graph.values())) if link not in graph}
    assert beyond == {"https://w3id.org/ro/crate/1.1"}
    run = graph["#run"]
    assert [each["@id"] for each in run["result"]] == [file["path"] for file in described.manifest["files"]]
    assert graph["#pythia8mc"]["softwareVersion"] == "8.317.2"
    for entity in graph.values():
        if "File" in entity["@type"]:
            assert (published / entity["@id"]).is_file()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_crate_is_read_by_its_own_library(published):
    library = pytest.importorskip("rocrate.rocrate", reason="rocrate is not installed")
    found = library.ROCrate(str(published))
    assert found.mainEntity.id == "Snakefile"
    assert [person["name"] for person in found.root_dataset["author"]] == list(CREATORS)


def test_zenodo_gets_every_file_under_a_flat_name_and_the_manifest_last(described, published, monkeypatch):
    monkeypatch.setenv("ZENODO_TOKEN", "secret")
    links = {"bucket": "", "html": "https://zenodo.example/deposit/7"}

    def answer(method, path, headers, body):
        return as_json(
            {"links": links | {"bucket": f"{server.url}/bucket"}}, 201 if method == "POST" else 200
        )

    with served(answer) as server:
        names = [name for name in names_in(published) if name != "manifest.json"]
        page = upload_to_zenodo(published, names, zenodo_metadata(described), server.url)
    assert page == links["html"]
    (made, *sent) = server.seen
    assert made[:2] == ("POST", "/api/deposit/depositions")
    assert json.loads(made[3])["metadata"]["creators"] == [{"name": name} for name in CREATORS]
    assert {headers["authorization"] for _, _, headers, _ in server.seen} == {"Bearer secret"}
    assert [path.removeprefix("/bucket/") for _, path, _, _ in sent] == [
        flat_name(name) for name in [*names, "manifest.json"]
    ]
    for name, (_, _, _, body) in zip([*names, "manifest.json"], sent, strict=True):
        assert body == (published / name).read_bytes()


def test_hub_gets_every_file_in_one_commit(published, monkeypatch):
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")

    def answer(method, path, headers, body):
        if path == "/api/repos/create":
            return as_json(
                {"url": f"{server.url}/datasets/physics/jets", "id": "physics/jets", "name": "jets"}
            )
        if "/preupload/" in path:
            asked = [each["path"] for each in json.loads(body)["files"]]
            return as_json(
                {"files": [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in asked]}
            )
        if "/commit/" in path:
            oid = "0" * 40
            return as_json(
                {"commitUrl": f"{server.url}/datasets/physics/jets/commit/{oid}", "commitOid": oid}
            )
        return as_json({"sha": "0" * 40, "id": "physics/jets", "siblings": [], "tags": [], "private": False})

    with served(answer) as server:
        assert upload_to_hub(published, "physics/jets", server.url).endswith("/datasets/physics/jets")
    (commit,) = [body for method, path, _, body in server.seen if "/commit/" in path]
    lines = [json.loads(line)["value"] for line in commit.splitlines() if json.loads(line)["key"] == "file"]
    sent = {line["path"]: b64decode(line["content"]) for line in lines}
    assert sorted(sent) == names_in(published)
    assert all(sent[name] == (published / name).read_bytes() for name in sent)
    assert {headers.get("authorization") for _, _, headers, _ in server.seen} == {"Bearer hf_secret"}


@pytest.mark.parametrize("service", ["folder", "zenodo", "hub"])
def test_a_dataset_is_fetched_whole_and_what_broke_off_goes_on(published, service, tmp_path):
    size = 1000
    with served(folder_of(published, broken_after=size)) as server:
        name = {"folder": server.url, "zenodo": "10.5281/zenodo.7", "hub": "hf:physics/jets"}[service]
        place = located(name, server.url)
        breaks = []
        while not (tmp_path / "manifest.json").exists() and len(breaks) < 20:
            try:
                last = list(fetch(place, tmp_path))
            except DataError as error:
                breaks.append(str(error))
        ranges = [headers["range"] for _, _, headers, _ in server.seen if "range" in headers]
    shards = [name for name in names_in(published) if name.endswith(".parquet")]
    assert all(f"broke off after {size} of" in message for message in breaks)
    assert len(breaks) == len(shards) == len(ranges)
    assert set(ranges) == {f"bytes={size}-"}
    assert {each.how for each in last} == {"there", "resumed", "fetched"}
    assert names_in(tmp_path) == names_in(published)
    for name in names_in(published):
        assert (tmp_path / name).read_bytes() == (published / name).read_bytes()


def test_a_file_that_is_not_what_the_manifest_says_is_not_kept(published, tmp_path):
    usual = folder_of(published)

    def answer(method, path, headers, body):
        status, more, content = usual(method, path, headers, body)
        return status, more, content[:-1] + b"x" if path.endswith("standardization.json") else content

    with served(answer) as server, pytest.raises(DataError, match=r"standardization\.json: is not the file"):
        list(fetch(located(server.url), tmp_path))
    assert not [name for name in names_in(tmp_path) if "standardization" in name or "manifest" in name]


def test_a_manifest_cannot_write_outside_of_the_folder(tmp_path):
    listed = [{"path": "../evil", "bytes": 1, "sha256": "0" * 64}]
    with (
        served(lambda *_: as_json({"files": listed})) as server,
        pytest.raises(DataError, match="outside of the folder"),
    ):
        list(fetch(located(server.url), tmp_path / "in"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["jets", "zenodo:x", "hf:jets", "ftp://there"])
def test_unknown_places_are_refused(name):
    with pytest.raises(ConfigError, match=r"unknown place; expected zenodo:NUMBER"):
        located(name)


def test_refusals_of_a_service_are_one_line_with_what_it_says(described, published, monkeypatch):
    monkeypatch.setenv("ZENODO_TOKEN", "secret")
    with (
        served(lambda *_: (403, {}, b'{"message":\n "no permission"}')) as server,
        pytest.raises(DataError, match=r"403 Forbidden: .*no permission") as caught,
    ):
        upload_to_zenodo(published, [], zenodo_metadata(described), server.url)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    monkeypatch.delenv("ZENODO_TOKEN")
    with pytest.raises(DataError, match="ZENODO_TOKEN: is not set"):
        upload_to_zenodo(published, [], zenodo_metadata(described), server.url)


def run(*arguments):
    return CliRunner().invoke(app, [str(each) for each in arguments])


def test_a_dry_run_prints_what_would_be_sent_and_writes_nothing(results, monkeypatch):
    monkeypatch.delenv("ZENODO_TOKEN", raising=False)
    before = names_in(results)
    done = run("publish", results, "--to", "zenodo", "--creator", CREATORS[0], "--dry-run")
    assert done.exit_code == 0, done.output
    for name in (
        *[f"train/{file.name}" for file in (results / "dataset" / "train").iterdir()],
        "croissant.json",
    ):
        assert name in done.output
    assert '"title": "synthetic: re-simulated jets in groups"' in done.output
    assert names_in(results) == before


def test_the_folder_is_published_and_fetched_by_the_commands(results, tmp_path):
    done = run("publish", results, "--creator", CREATORS[0], "--output", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert {"croissant.json", "ro-crate-metadata.json", ".zenodo.json", "campaign.yaml"} <= set(
        names_in(tmp_path / "out")
    )
    with served(folder_of(tmp_path / "out")) as server:
        done = run("fetch", server.url, "--output", tmp_path / "in")
    assert "complete" in done.output
    assert names_in(tmp_path / "in") == names_in(tmp_path / "out")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "folder"], "nobody is named; expected --creator"),
        (["--to", "huggingface", "--creator", "A"], "needs --repository OWNER/NAME"),
    ],
)
def test_what_a_publication_needs_is_asked_for(results, arguments, message):
    done = run("publish", results, *arguments)
    assert done.exit_code == 1
    assert message in str(done.exception) + done.output


def test_published_workflow_plans_the_campaign_anew(published, tmp_path):
    for name in ("Snakefile", "campaign.yaml"):
        shutil.copy(published / name, tmp_path)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "-n"]
    planned = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True)
    assert planned.returncode == 0, planned.stderr
    assert "jets_of_anchor" in planned.stdout + planned.stderr


def test_card_has_the_licence_that_is_asked_for(results, tmp_path):
    described = describe(results, CREATORS, date(2026, 1, 2), "mit")
    assert "README.md" in write_folder(described, SNAKEFILE, tmp_path / "published")
    text = (tmp_path / "published" / "README.md").read_text(encoding="utf-8")
    assert yaml.safe_load(text.split("---\n")[1])["license"] == "mit"
    assert text.split("---\n", 2)[2] == (results / "dataset" / "README.md").read_text().split("---\n", 2)[2]
