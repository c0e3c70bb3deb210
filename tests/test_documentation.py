"""The documentation says what is there: links, commands, names, columns, messages and examples."""

import ast
import contextlib
import importlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import synthetic
import typer
import yaml

from jetresim import campaign
from jetresim.campaign.augmentations import AUGMENTATIONS
from jetresim.campaign.config import Campaign, parse
from jetresim.campaign.paths import SPLITS
from jetresim.campaign.processes import LABELS, PROCESSES, TARGETS
from jetresim.campaign.status import Status
from jetresim.campaign.tunes import TUNES
from jetresim.dataset.assemble import write_split
from jetresim.dataset.card import CITATIONS
from jetresim.dataset.features import PAIR_FEATURES, PFLOW_FEATURES
from jetresim.dataset.rs3l import SINGLETON_FEATURES, write_rs3l
from jetresim.dataset.schema import GROUPS_SCHEMA, MEMBER
from jetresim.dataset.standardization import write_standardization
from jetresim.generators.pythia_settings import check_campaign_settings
from jetresim.jets.schema import CONSTITUENT_TYPE, JET_TYPE, JETS_SCHEMA
from jetresim.workflow.cli import app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [
    *sorted(DOCS.glob("*.md")),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "config/README.md")),
]
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in PAGES}
SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
MAIN = typer.main.get_command(app)
COMMANDS = MAIN.commands
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS_OF_MAKE = set(re.findall(r"^([a-z]+):.*## ", MAKEFILE, flags=re.MULTILINE))
TOOLS = {"make", "python", "jetresim", "snakemake"}
OTHERS = {".", "pip", "tail", "#!/bin/sh", "export", "xrdcp", "weaver", "for", "done"}
ENTRY_POINTS = {"jetresim.showers", "jetresim.detectors", "jetresim.exports"}
MINIMAL = {"name": "x", "seed": 1, "events": 10, "processes": {"higgs": None}, "augmentations": ["nominal"]}


def blocks(language):
    """Code blocks of a language: (page, number, text), also indented ones."""
    pattern = re.compile(rf"^( *)```{language}\n(.*?)^\1```$", flags=re.MULTILINE | re.DOTALL)
    return [
        pytest.param(page, match.group(2), id=f"{page}-{number}")
        for page, text in TEXTS.items()
        for number, match in enumerate(pattern.finditer(text))
    ]


def prose(text):
    """A page without its code blocks."""
    return re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)


def slugs(text):
    """Anchors of the headings of a page, as Markdown renderers make them."""
    headings = re.findall(r"^#+ (.*)$", prose(text), flags=re.MULTILINE)
    return {re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip()) for heading in headings}


def pages_of(entry):
    """Paths in a part of the navigation."""
    if isinstance(entry, str):
        return [entry]
    return [
        path for each in (entry.values() if isinstance(entry, dict) else entry) for path in pages_of(each)
    ]


def outside_pages():
    """What docs/hooks.py adds to the site, from the text since MkDocs need not be installed."""
    tree = ast.parse((DOCS / "hooks.py").read_text(encoding="utf-8"))
    (value,) = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and node.targets[0].id == "OUTSIDE"
    ]
    return set(ast.literal_eval(value))


def located(page, target):
    """The file that a link in a page leads to; the site has some of the repository's files under docs/."""
    path = (ROOT / page).parent / target
    inside = Path(os.path.relpath(path, DOCS)).as_posix()
    return ROOT / inside if page.startswith("docs/") and inside in outside_pages() else path


LINKS = [
    pytest.param(page, target, id=f"{page}-{target}")
    for page, text in TEXTS.items()
    for target in sorted(set(re.findall(r"\]\(([^)\s]+)\)", prose(text))))
    if "://" not in target
]


@pytest.mark.parametrize(("page", "target"), LINKS)
def test_links_lead_somewhere(page, target):
    path, _, anchor = target.partition("#")
    file = located(page, path) if path else ROOT / page
    assert file.exists()
    if anchor:
        assert anchor in slugs(file.read_text(encoding="utf-8"))


def test_links_within_the_site_do_not_leave_it():
    for page, text in TEXTS.items():
        if page.startswith("docs/"):
            targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
            assert [target for target in targets if target.startswith("..")] == [], page


def test_navigation_is_complete_and_leads_to_pages_that_exist():
    listed = pages_of(SITE["nav"])
    inside = {path.name for path in DOCS.glob("*.md")}
    outside = {path.replace(".ipynb", ".md") for path in outside_pages() if path.endswith((".md", ".ipynb"))}
    assert sorted(listed) == sorted(inside | outside)
    assert all((ROOT / path).is_file() for path in outside_pages())


def test_pages_name_no_folder_of_a_machine():
    for page, text in TEXTS.items():
        assert not re.search(r"(?<![\w.>}])/(home|tmp|root|work|usr)\b", text), page


def test_names_of_the_package_in_pages_exist():
    """Modules and what is in them, and files of the repository; capital letters stand for anything."""
    for page, text in TEXTS.items():
        for name in set(re.findall(r"`(jetresim\.[a-z][\w.]*\w)`", prose(text))) - ENTRY_POINTS:
            with contextlib.suppress(ModuleNotFoundError):
                importlib.import_module(name)
                continue
            module, _, attribute = name.rpartition(".")
            assert hasattr(importlib.import_module(module), attribute), f"{page}: {name}"
        for path in re.findall(r"`((?:docs|envs|examples|profiles|workflow)/[\w./-]+|\w+/[\w/]+\.py)`", text):
            assert "NAME" in path or (ROOT / path).exists(), f"{page}: {path}"


@pytest.mark.parametrize(("page", "block"), blocks("python"))
def test_python_examples_compile(page, block):
    compile(block, page, "exec")


@pytest.mark.parametrize(("page", "block"), blocks("yaml"))
def test_configuration_examples_are_accepted(page, block):
    raw = yaml.safe_load(block)
    assert raw.keys() <= Campaign.model_fields.keys()
    check_campaign_settings(parse({**MINIMAL, **raw}, page))


def command_lines():
    """Commands of the shell examples: (page, words)."""
    found = []
    for block in blocks("sh"):
        page, text = block.values
        for line in text.replace("\\\n", " ").splitlines():
            words = shlex.split(line.partition(" #")[0].partition("|")[0])
            words = [word.removeprefix(".venv/bin/") for word in words]
            if words and not words[0].startswith("#"):
                found.append(pytest.param(page, words, id=f"{page}-{' '.join(words)}"))
    return found


@cache
def snakemake_help():
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--help"], capture_output=True, text=True, check=True
    )
    return set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", done.stdout))


@pytest.mark.parametrize(("page", "words"), command_lines())
def test_commands_exist(page, words):
    tool, *arguments = words
    options = {word.partition("=")[0] for word in arguments if word.startswith("-")}
    assert tool in TOOLS | OTHERS
    if tool == "make":
        assert {word for word in arguments if "=" not in word} <= TARGETS_OF_MAKE
    elif tool == "jetresim" and arguments[0].startswith("-"):
        assert options <= {option for each in MAIN.params for option in each.opts}
    elif tool == "jetresim":
        known = {option for each in COMMANDS[arguments[0]].params for option in each.opts}
        assert options <= known | {"--help"}
    elif tool == "snakemake":
        assert options <= snakemake_help()


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_documented_with_its_options(name):
    text = TEXTS["docs/commands.md"]
    assert f"`jetresim {name}`" in text
    options = [option for each in COMMANDS[name].params for option in each.opts if option.startswith("--")]
    assert [option for option in options if f"`{option}`" not in text] == []


def test_every_target_of_make_is_documented_and_none_other():
    documented = set(re.findall(r"^\| `make (\w+)`", TEXTS["docs/commands.md"], flags=re.MULTILINE))
    assert documented == TARGETS_OF_MAKE


def test_every_rule_that_can_be_named_is_documented():
    rules = {
        name
        for file in (ROOT / "workflow" / "rules").glob("*.smk")
        for name in re.findall(r"^rule (\w+):", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    }
    assert [name for name in rules if f"`{name}`" not in TEXTS["docs/commands.md"]] == []


@pytest.mark.parametrize(
    "names",
    [
        {
            *JETS_SCHEMA.names,
            *(field.name for field in JET_TYPE),
            *(field.name for field in CONSTITUENT_TYPE),
        },
        {*GROUPS_SCHEMA.names, *(field.name for field in MEMBER)},
        set(Status),
        {*PFLOW_FEATURES, *PAIR_FEATURES},
        {name for name in SINGLETON_FEATURES if not name.startswith("parton")},
        {
            "singletons",
            "jet_pflow_cands",
            "present",
            "features",
            "parton_features",
            "jet_features",
            "vartype",
        },
    ],
    ids=["jets", "groups", "status", "features", "singletons", "HDF5"],
)
def test_every_column_is_documented(names):
    text = TEXTS["docs/formats.md"]
    assert sorted(name for name in names if f"`{name}`" not in text) == []


@pytest.mark.parametrize(
    "names", [PROCESSES, AUGMENTATIONS, TUNES], ids=["processes", "augmentations", "tunes"]
)
def test_every_name_of_a_catalogue_is_explained(names):
    rows = "\n".join(re.findall(r"^\|.*$", TEXTS["docs/physics.md"], flags=re.MULTILINE))
    assert [name for name in names if f"`{name}`" not in rows] == []


def test_every_label_and_kind_of_target_is_explained():
    text = TEXTS["docs/physics.md"]
    assert {target["kind"] for target in TARGETS.values()} <= set(
        re.findall(r"^\| `(\w+)`", text, re.MULTILINE)
    )
    rows = [f"| {label} | {jet} |" for label, jet in LABELS.items()]
    assert [row for row in rows if row not in TEXTS["config/README.md"]] == []


def literals(path):
    """Texts in a Python file, those that are put together from pieces in one."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            yield "…".join(part.value for part in node.values if isinstance(part, ast.Constant))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@cache
def all_texts():
    rooms = [
        path.parent for path in ROOT.glob("*/__init__.py") if path.parent.name not in ("tests", "benchmarks")
    ]
    python = [text for room in rooms for path in room.rglob("*.py") for text in literals(path)]
    return "\n".join([*python, MAKEFILE])


def messages():
    """Messages in the tables of the errors page that are the project's own."""
    ours = re.split(r"^## (?:System|Snakemake)$", TEXTS["docs/errors.md"], flags=re.MULTILINE)[0]
    cells = re.findall(r"^\| (`.*?`) \|", ours, flags=re.MULTILINE)
    return [message for cell in cells for message in re.findall(r"`([^`]+)`", cell)]


@pytest.mark.parametrize("message", messages())
def test_messages_are_those_that_the_code_gives(message):
    pieces = [piece.strip(" ();,:?'") for piece in message.split("…")]
    assert [piece for piece in pieces if piece not in all_texts()] == []


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A folder in which the demo campaign has been run, with events made from random numbers."""
    folder = tmp_path_factory.mktemp("demo")
    asked = synthetic.make_campaign(
        name="demo",
        augmentations=["nominal", "seed", "fsrRenHi", "fsrRenLo"],
        dataset={"formats": ["rs3l"], "rs3l_constituents": 20},
    )
    groups = synthetic.all_groups(folder / "work", asked)
    results = folder / "results" / "demo" / "dataset"
    for split in SPLITS:
        write_split(results / split, groups, asked, split)
        write_rs3l(results / "rs3l" / split, sorted((results / split).glob("*.parquet")), asked)
    write_standardization(results, asked)
    return folder


@pytest.mark.parametrize("page", sorted({block.values[0] for block in blocks("python")}))
def test_python_examples_run(page, demo, monkeypatch, capsys):
    monkeypatch.chdir(demo)
    namespace = {}
    for block in blocks("python"):
        if block.values[0] == page:
            exec(compile(block.values[1], page, "exec"), namespace)
    assert capsys.readouterr().out


def test_notebook_runs_on_the_demo_and_is_stored_without_outputs(demo, monkeypatch, capsys):
    monkeypatch.chdir(demo)
    monkeypatch.setenv("MPLBACKEND", "agg")
    notebook = json.loads((ROOT / "examples" / "demo.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell for cell in cells if cell["outputs"] or cell["execution_count"]] == []
    namespace = {}
    for cell in cells:
        exec(compile("".join(cell["source"]), f"demo.ipynb, {cell['id']}", "exec"), namespace)
    plt = namespace["plt"]
    labels = [line.get_label() for line in plt.gcf().axes[0].lines]
    plt.close("all")
    assert labels == namespace["groups"].realizations
    assert f"{len(namespace['first'])} pairs" in capsys.readouterr().out


def test_citations_agree():
    numbers = {number for _, number in CITATIONS}
    references = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["references"]
    assert {each["value"] for reference in references for each in reference["identifiers"]} == numbers
    for page in ("README.md", "docs/physics.md"):
        assert [number for number in numbers if number not in TEXTS[page]] == []


def test_changelog_begins_with_what_is_new_or_with_this_version():
    headings = re.findall(r"^## (.*)$", TEXTS["CHANGELOG.md"], flags=re.MULTILINE)
    released = [heading for heading in headings if heading != "Unreleased"]
    assert released[0].split()[0] == campaign.__version__
    assert headings.count("Unreleased") == (headings[0] == "Unreleased")


def test_site_builds_without_warnings(tmp_path):
    pytest.importorskip("mkdocs")
    for name in ("docs", "config", "examples"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("mkdocs.yml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"],
        cwd=tmp_path,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outside = re.compile(r'<(?:script|link|img|iframe)[^>]*(?:src|href)="https?://')
    assert [path.name for path in tmp_path.glob("site/**/*.html") if outside.search(path.read_text())] == []
