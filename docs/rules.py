"""The page of the workflow's rules and the picture of their graph, from the rules themselves.

``python docs/rules.py`` writes docs/rules.md and docs/rules.svg.
"""

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

from jetresim.campaign.config import FORMATS
from jetresim.campaign.paths import Paths

ROOT = Path(__file__).parents[1]
RULES = ROOT / "workflow" / "rules"
PAGE = ROOT / "docs" / "rules.md"
PICTURE = ROOT / "docs" / "rules.svg"

CAMPAIGN = {
    "name": "everything",
    "seed": 1,
    "events": 1,
    "chunk": 500,
    "pileup": {"mean": 50},
    "full_events": {},
    "processes": {
        "higgs": None,
        "hz": {
            "generator": "madgraph",
            "madgraph": {"process": ["generate p p > h z, h > b b~, z > vl vl~"]},
            "targets": ["higgs"],
        },
    },
    "augmentations": ["nominal", "seed"],
    "dataset": {"formats": list(FORMATS)},
}
"""A campaign that needs every rule but that of other packages."""

PATHS = Paths("results/{campaign}")
INTRODUCTION = """\
# Rules

What Snakemake runs, and in which order. Each rule stands in the file of its stage in `workflow/rules/`. Its
job is one [command](commands.md#jetresim), which works without Snakemake, too. A box stands for all jobs of a
rule; arrows lead from what is made to what needs it.

![Graph of the rules](rules.svg)

A job is made again when an input is, and when that part of the configuration changes that its rule depends on
(`jetresim.campaign.provenance`). Memory, run time and retries are those of the [profiles](cluster.md).
"""

WIDTH, HEIGHT, ACROSS, DOWN = 108, 28, 124, 54
"""Size of a box, and from one to the next [pixels]."""

HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" font-family="sans-serif" font-size="12">
<marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0L8 4L0 8z" fill="#888"/></marker>"""
BOX = """\
<rect x="{x:g}" y="{y:g}" width="{width}" height="{height}" rx="5" fill="#e3ecf7" stroke="#4a6fa5"/>
<text x="{middle:g}" y="{line:g}" text-anchor="middle" fill="#1a2a40">{name}</text>"""

Edges = set[tuple[str, str]]


@dataclass(frozen=True)
class Rule:
    """A rule as its file has it.

    Attributes
    ----------
    name : str
    file : str
        Name of the file in ``workflow/rules/``.
    text : str
        Its docstring; empty for a variant of another rule.
    directives : dict of str to str
        Directive to its source.
    variant_of : str
        The rule it takes its other directives from, or empty.
    """

    name: str
    file: str
    text: str
    directives: dict[str, str]
    variant_of: str = ""

    @cached_property
    def outputs(self) -> dict[str, str]:
        """Path to what it holds."""
        source = self.directives["output"]
        fixed = "nominal" if "realization=NOMINAL" in source else "{realization}"
        return {
            getattr(PATHS, name).replace("{realization}", fixed): getattr(Paths, name).__doc__
            for name in re.findall(r"PATHS\.(\w+)", source)
        }

    @property
    def wildcards(self) -> list[str]:
        """What its jobs differ by."""
        names = re.findall(r"{(\w+)}", next(iter(self.outputs)))
        return [name for name in names if name != "campaign"]

    @property
    def command(self) -> str:
        """What a job runs, with braces for what differs."""
        words = "".join(re.findall(r'"(.*)"', self.directives["shell"])).partition(" > ")[0]
        for layout in re.findall(r'layout="([\w{}]+)"', self.directives["params"]):
            words = words.replace("{params.layout}", layout)
        return re.sub(r"{(?:params|wildcards)\.(\w+)(?::q)?}", r"{\1}", words)

    @property
    def inputs_function(self) -> str:
        """The function that gives the part of the configuration that it depends on, or nothing."""
        found = re.search(r"(\w+)_(?:digest|inputs)\(", self.directives["params"])
        return f"{found[1]}_inputs" if found else ""


def directives(body: str) -> dict[str, str]:
    """Directives of a rule to their sources."""
    parts = re.split(r"^    (\w+):", body, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def read_rules() -> dict[str, Rule]:
    """The rules of all files, by name."""
    found: dict[str, Rule] = {}
    head = re.compile(r"^(?:use rule (\w+) as (\w+) with|rule (\w+)):\n", flags=re.MULTILINE)
    for path in sorted(RULES.glob("*.smk")):
        parts = head.split(path.read_text(encoding="utf-8"))[1:]
        for base, variant, name, body in zip(*(parts[place::4] for place in range(4)), strict=True):
            own = directives(body)
            if base:
                inherited = found[base].directives
                params = own["params"] + inherited["params"]  # Snakemake replaces them one by one
                found[variant] = Rule(variant, path.name, "", inherited | own | {"params": params}, base)
            else:
                found[name] = Rule(name, path.name, re.search(r'"""(.*?)"""', body, re.DOTALL)[1], own)
    return found


def graph() -> Edges:
    """Pairs of rules, the second of which needs the first, as Snakemake has resolved them."""
    with tempfile.TemporaryDirectory() as folder:
        campaign = Path(folder) / "campaign.yaml"
        campaign.write_text(yaml.safe_dump(CAMPAIGN), encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "snakemake",
            "--snakefile",
            ROOT / "Snakefile",
            "--directory",
            folder,
        ]
        done = subprocess.run(
            [*command, "--configfile", campaign, "--rulegraph", "mermaid-js"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
    names = dict(re.findall(r"^\s*(id\d+)\[(\w+)\]", done.stdout, flags=re.MULTILINE))
    arrows = re.findall(r"^\s*(id\d+) --> (id\d+)", done.stdout, flags=re.MULTILINE)
    return {(names[first], names[second]) for first, second in arrows}


def depths(edges: Edges) -> dict[str, int]:
    """Rule to the number of rules before it on the longest way."""

    def depth(name: str) -> int:
        return max((depth(first) + 1 for first, second in edges if second == name), default=0)

    return {name: depth(name) for name in sorted({name for edge in edges for name in edge})}


def direct(edges: Edges) -> Edges:
    """The pairs that do not follow from others."""

    def leads(first: str, second: str) -> bool:
        return any(b == second or leads(b, second) for a, b in edges if a == first)

    return {
        (first, second)
        for first, second in edges
        if not any(middle != second and leads(middle, second) for start, middle in edges if start == first)
    }


def picture(edges: Edges) -> str:
    """The graph as SVG, from top to bottom."""
    rows: dict[int, list[str]] = {}
    for name, depth in depths(edges).items():
        rows.setdefault(depth, []).append(name)
    columns = max(map(len, rows.values()))
    places = {
        name: (((columns - len(names)) / 2 + column) * ACROSS + 5, depth * DOWN + 5)
        for depth, names in rows.items()
        for column, name in enumerate(names)
    }
    size = f"{(columns - 1) * ACROSS + WIDTH + 10} {(len(rows) - 1) * DOWN + HEIGHT + 10}"
    lines = [arrow(places[first], places[second]) for first, second in sorted(direct(edges))]
    boxes = [box(name, place) for name, place in places.items()]
    return "\n".join([HEAD.format(size=size), *lines, *boxes, "</svg>\n"])


def arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    """A curve from the bottom of a box to the top of another."""
    x, y, to_x, to_y = start[0] + WIDTH / 2, start[1] + HEIGHT, end[0] + WIDTH / 2, end[1]
    bend = (to_y - y) / 2
    path = f"M{x:g} {y:g}C{x:g} {y + bend:g} {to_x:g} {to_y - bend:g} {to_x:g} {to_y:g}"
    return f'<path d="{path}" fill="none" stroke="#888" stroke-width="1.3" marker-end="url(#tip)"/>'


def box(name: str, place: tuple[float, float]) -> str:
    """A rule in the picture."""
    x, y = place
    return BOX.format(x=x, y=y, width=WIDTH, height=HEIGHT, middle=x + WIDTH / 2, line=y + 18, name=name)


def section(rule: Rule, edges: Edges) -> str:
    """The part of the page on one rule."""
    needs = sorted(first for first, second in edges if second == in_graph(rule, edges))
    per = " × ".join(rule.wildcards)
    text = rule.text or " ".join(rule.outputs.values())
    lines = [
        f"## {rule.name}",
        "",
        text,
        "",
        f"- needs {', '.join(f'[{name}](#{name})' for name in needs) or 'nothing'}",
        *(f"- makes `{path}`" for path in rule.outputs),
        f"- jobs: {f'one for each {per}' if per else 'one'}",
        f"- command: `{rule.command}`",
        *([f"- depends on `{rule.inputs_function}`"] if rule.inputs_function else []),
        f"- file: `workflow/rules/{rule.file}`",
    ]
    return "\n".join(lines) + "\n"


def in_graph(rule: Rule, edges: Edges) -> str:
    """Where a rule stands: the one for formats of other packages, which no campaign here has, as its like."""
    return rule.name if any(rule.name in edge for edge in edges) else rule.variant_of


def page(rules: dict[str, Rule], edges: Edges) -> str:
    """The reference of the rules as Markdown, in the order in which they run."""
    order = depths(edges)
    places = {name: order[in_graph(rule, edges)] for name, rule in rules.items()}
    names = sorted(rules, key=lambda name: (places[name], rules[name].variant_of != "", name))
    return "\n".join([INTRODUCTION, *(section(rules[name], edges) for name in names)])


def main() -> None:
    """Write the page and the picture."""
    edges = graph()
    PAGE.write_text(page(read_rules(), edges), encoding="utf-8")
    PICTURE.write_text(picture(edges), encoding="utf-8")


if __name__ == "__main__":
    main()
