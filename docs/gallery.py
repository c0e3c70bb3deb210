"""The page of the gallery, from the campaigns in config/examples/, and its pictures, from runs of these.

``python docs/gallery.py`` writes the page; ``python docs/gallery.py tt-vs-qcd`` first runs that campaign with
few events and draws its picture.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image

from jetresim.report.collect import jet_samples, scan
from jetresim.report.figures import Curves, picture, spectra_figure
from jetresim.report.observables import BY_NAME
from jetresim.report.reading import open_source

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "config" / "examples"
PAGE = ROOT / "docs" / "gallery.md"
PICTURES = ROOT / "docs" / "gallery"

SHOWN = {
    "rs3l-mini": "n2",
    "tt-vs-qcd": "tau32",
    "substructure-tunes": "n2",
    "hadronization-only": "multiplicity",
}
"""Example to the observable of its picture; the others show the soft-drop mass."""

INTRODUCTION = """\
# Gallery

Campaigns to begin with. `jetresim init --example NAME` writes one into the folder where you are. Change it,
then `jetresim run`. Each picture is that of a short run, {events} hard events of each process: spectra of the
realizations, and their ratios to `nominal`. The errors are statistical and take into account that the
realizations share their hard events. The file for `own-lhe` had dijet events of Pythia.
"""
EVENTS = 1000


def comments(text: str) -> str:
    """What the comments at the head of a campaign say of it."""
    lines = [line for line in text.partition("\nname:")[0].splitlines() if line.startswith("# ")]
    return " ".join(line[2:].strip() for line in lines if "yaml-language-server" not in line)


def section(example: Path) -> str:
    """The part of the page that shows a campaign."""
    name, text = example.stem, example.read_text(encoding="utf-8")
    code = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    observable = BY_NAME[SHOWN.get(name, "sdmass")]
    shown = PICTURES / f"{name}.png"
    image = f"![{observable.text} of the realizations](gallery/{name}.png)\n\n" if shown.exists() else ""
    command = f"```sh\njetresim init --example {name}\njetresim run {name}.yaml\n```"
    return f"## {name}\n\n{comments(text)}\n\n{image}{command}\n\n```yaml\n{code.strip()}\n```\n"


def page() -> str:
    """The gallery as Markdown."""
    sections = [section(example) for example in sorted(EXAMPLES.glob("*.yaml"))]
    return "\n".join([INTRODUCTION.format(events=EVENTS), *sections])


def draw(name: str, events: int, brought: list[Path]) -> None:
    """Run a campaign of the gallery and store its picture."""
    with tempfile.TemporaryDirectory() as folder:
        for file in brought:
            (Path(folder) / file.name).symlink_to(file.resolve())
        command = [sys.executable, "-m", "snakemake", "--cores", "1", "--quiet", "all", "--nolock"]
        campaign = ["--snakefile", ROOT / "Snakefile", "--configfile", EXAMPLES / f"{name}.yaml"]
        changes = ["--config", f"events={events}", f"chunk={events}"]
        subprocess.run(
            [*command, *campaign, *changes],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
        )
        draw_results(Path(folder) / "results" / name, name)


def draw_results(results: Path, name: str) -> None:
    """Draw the picture of a campaign that has been run."""
    PICTURES.mkdir(exist_ok=True)
    draw_spectra(results, SHOWN.get(name, "sdmass"), PICTURES / f"{name}.png")


def draw_spectra(results: Path, name: str, path: Path) -> None:
    """Draw an observable in all processes and realizations of a campaign, with ratios to nominal."""
    source = open_source(results)
    spectra = scan(source, jet_samples(source)).spectra
    observable = BY_NAME[name]
    columns = [(each, spectra[each, observable.name]) for each in source.campaign.processes]
    drawn = picture(spectra_figure(Curves.of(source), observable, columns), svg_limit=0)
    with Image.open(BytesIO(drawn.content)) as image:
        image.quantize(64).save(path, optimize=True)  # a third of the bytes


def main() -> None:
    """Draw what is named and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="campaigns to run and draw")
    parser.add_argument("--events", type=int, default=EVENTS, help="hard events of each process")
    parser.add_argument("--brought", type=Path, nargs="*", default=[], help="event files of the campaign")
    asked = parser.parse_args()
    for name in asked.names:
        draw(name, asked.events, asked.brought)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
