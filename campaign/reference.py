"""Write config/schema.json and config/README.md: ``python -m jetresim.campaign.reference``."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from jetresim.campaign.augmentations import AUGMENTATIONS
from jetresim.campaign.config import Campaign
from jetresim.campaign.files import atomic_path
from jetresim.campaign.processes import LABELS, PROCESSES, TARGETS
from jetresim.campaign.reserved import RESERVED, RESERVED_GROUPS
from jetresim.campaign.tunes import TUNES

__all__ = ["markdown", "schema", "write"]

CONFIG = Path(__file__).parents[1] / "config"

_REFERENCE = "#/$defs/"

_HEAD = """\
# Configuration

One YAML file describes one campaign: the hard processes, the ways to re-simulate them, the jets, and the
files that are handed out. [config.yaml](config.yaml) is a demo of a few minutes,
[rs3l.yaml](rs3l.yaml) the full public dataset. Everything is checked before an event is simulated, by
`jetresim validate CONFIG`, by every other command and by Snakemake: an unknown key, a Pythia setting that
does not exist or a value out of range is refused in one line that says what would be right.

This page and [schema.json](schema.json) are made from the code by `python -m jetresim.campaign.reference`.
Editors that know JSON Schema complete and check keys when the file starts with
`# yaml-language-server: $schema=schema.json`.

## Example

"""

EXAMPLE = """\
name: example                 # everything lands in results/example
seed: 1                       # every random number follows from it
tune: CP5                     # of the nominal realization
events: 10000                 # hard events of each process below that does not say otherwise

processes:
  higgs:                      # complete in the catalogue
  qcd:
    events: 20000
    cuts: {pt_min: 500}

augmentations:
  - nominal                   # the anchor of every group, always needed
  - {name: seed, replicas: 2} # realizations seed and seed_2
  - fsrRenHi
  - name: softer              # one of your own
    description: less colour reconnection
    settings: {ColourReconnection:range: 2.0}

groups: {require: all, pt_min: 550}
dataset: {formats: [rs3l]}
"""

_SECTIONS = """\
## Precedence

Keys that are left out have the defaults above. A process of the catalogue, and an augmentation of a shipped
name, start from their entry: keys in the file replace those of the entry, and `settings` are added to the
entry's, yours winning.
`events` of a process wins over `events` of the campaign.

Pythia settings are lines, and Pythia reads them one after the other, as `settings` gives them: a mapping
of names to values, `{25:onMode: off, 25:onIfMatch: 5 -5}`, or a list of lines, which can hold a name more
than once: `["25:onMode = off", "25:onIfMatch = 5 -5", "25:onIfMatch = 4 -4"]`. Their order is kept
everywhere: in the files' metadata, in `config.yaml` and in the report, with the names as Pythia spells them,
whatever case you write them in. The layers follow each other in this order, and a name that a later layer
sets again stands with the later one:

| stage | order |
|---|---|
| hard process | tune → `settings` → `processes.NAME.settings` |
| decays of brought events | tune → `settings` → `processes.NAME.decay_settings` |
| shower | tune (the augmentation's, or else the campaign's) → `settings` → `processes.NAME.shower_settings` \
→ `augmentations.NAME.settings` |

Two things follow from reading in order. `25:onMode: off` closes what a line before it has opened. And
`Tune:pp` and `Tune:ee` set many others at the moment they are read: they win over what stands before them,
the campaign's tune included, and lose against what stands behind them. `jetresim validate` names every
setting that is hidden in this way.

`snakemake --config chunk=1000` replaces a top-level key of the file for one run.

Adding events, processes, or augmentations at the end of their list, runs only what is new. Changing a
setting reruns exactly what depends on it. Changing `chunk` changes how the work is cut, not one byte of
the groups.

## Your own process

A name that is not in the catalogue needs `settings` (Pythia generates it), `generator: madgraph` with
MadGraph's own lines (docs/madgraph.md), or `files` (Les Houches events, as
`.lhe`, `.lhe.gz` or LHEH5, e.g. from MadGraph5_aMC@NLO, POWHEG or Sherpa), and its `targets`. Paths are taken
from the folder where the command runs; `files: run_*/events.lhe.gz` stands for all that match. All events are
used where neither the process nor the campaign says how many.

```yaml
name: own_process
seed: 1
events: 5000
processes:
  wh:
    description: pp → H W, H → b b̄, W → ℓ ν
    settings:
      HiggsSM:ffbar2HW: on
      25:onMode: off
      25:onIfMatch: 5 -5
      24:onMode: off
      24:onIfAny: 11 13
    targets: [higgs]
  zjets:
    generator: lhe
    files: [zjets_1.lhe.gz, zjets_2.lhe.gz]
    cuts: {pt_min: 0}
    targets: [parton]
augmentations: [nominal, seed]
```

A target that has no name is written in full, here the Higgs boson of a second doublet:
`{kind: resonance, pdgid: 35, daughters: [5], label: 4}`.

## Your own augmentation

A name, and what differs from nominal: Pythia `settings`, a `tune`, or both.

```yaml
name: own_augmentation
seed: 1
events: 5000
processes: {higgs: }
augmentations:
  - nominal
  - name: harderMPI
    settings: {MultipartonInteractions:pT0Ref: 1.3}
  - name: monashSofter
    tune: Monash
    settings: {TimeShower:renormMultFac: 2.0}
```

The name is part of the seed of its realizations: renaming an augmentation gives other events.
"""


def schema() -> dict[str, Any]:
    """JSON schema of a configuration file, short forms included."""
    made = Campaign.model_json_schema()
    definitions = made["$defs"]
    definitions["Process"].pop("required")  # the catalogue and the campaign's `events` complete it
    definitions["MadGraphProcess"].pop("required")
    targets = definitions["Process"]["properties"]["targets"]
    targets["items"] = {"anyOf": [{"enum": list(TARGETS)}, targets["items"]]}
    augmentations = made["properties"]["augmentations"]
    augmentations["items"] = {"anyOf": [{"enum": list(AUGMENTATIONS)}, augmentations["items"]]}
    processes = made["properties"]["processes"]
    (own,) = processes.pop("patternProperties").items()
    processes["properties"] = {name: {"anyOf": [{"type": "null"}, own[1]]} for name in PROCESSES}
    # A name that is not in the catalogue must say what it stands for.
    says_what_it_is = {"anyOf": [{"required": [key]} for key in ("settings", "files", "generator")]}
    processes["patternProperties"] = {
        f"^(?!(?:{'|'.join(PROCESSES)})$){own[0].removeprefix('^')}": {"allOf": [own[1], says_what_it_is]}
    }
    processes["additionalProperties"] = False
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **made,
        "title": "Campaign of jetresim",
    }


def markdown() -> str:
    """Text of config/README.md: every key and every name that a configuration can use."""
    parts = [
        _HEAD + f"```yaml\n{EXAMPLE}```\n",
        "## Keys\n",
        *_model_sections(schema()),
        _SECTIONS,
        _catalogue(),
        _tunes(),
        _augmentations(),
        _reserved(),
    ]
    return "\n".join(parts)


def write(folder: Path) -> None:
    """Write schema.json and README.md into a folder."""
    texts = {
        "schema.json": json.dumps(schema(), indent=2, ensure_ascii=False) + "\n",
        "README.md": markdown(),
    }
    for name, text in texts.items():
        with atomic_path(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return (
        "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
        + "\n"
    )


def _code(value: object) -> str:
    """A value as it is written in YAML, in code style."""
    return f"`{json.dumps(value, ensure_ascii=False).replace(chr(34), '')}`"


def _model_sections(made: dict[str, Any]) -> Iterator[str]:
    """One table for each model, outermost first, under the path at which it is written."""
    waiting = [("", made)]
    while waiting:
        path, model = waiting.pop(0)
        if path:
            yield f"### `{path}`\n\n{model['description']}\n"
        yield _table(
            ("key", "type", "default", "meaning"),
            (
                (f"`{key}`", _type(value), _default(key, value, model), value.get("description", ""))
                for key, value in model["properties"].items()
            ),
        )
        for key, value in model["properties"].items():
            place, name = _nested(key, value)
            if name:
                waiting.append((f"{path}.{place}".strip("."), made["$defs"][name]))


def _nested(key: str, value: dict[str, Any]) -> tuple[str, str | None]:
    """Where a property's own keys are written, and the definition that has them."""
    for place, inner in (
        (key, value),
        (f"{key}[]", value.get("items", {})),
        (f"{key}.NAME", next(iter(value.get("patternProperties", {}).values()), {})),
    ):
        for choice in (inner, *inner.get("anyOf", ()), *inner.get("allOf", ())):
            if "$ref" in choice:
                return place, choice["$ref"].removeprefix(_REFERENCE)
    return key, None


def _default(key: str, value: dict[str, Any], model: dict[str, Any]) -> str:
    if key in model.get("required", ()):
        return "required"
    if "default" not in value:
        return "the campaign's" if key == "events" else "the catalogue's"
    if _nested(key, value)[0] == key and _nested(key, value)[1]:
        return "see below"
    return "–" if value["default"] in (None, "", [], {}) else _code(value["default"])


def _type(value: dict[str, Any], plural: str = "") -> str:
    """A JSON schema in words, with `plural` added to nouns."""
    if kinds := value.get("anyOf") or value.get("oneOf"):
        choices = [choice for choice in kinds if choice.get("type") != "null"]
        if len(choices) > 1 and any("$ref" in choice for choice in choices):
            return f"name{plural} or mapping{plural}"
        return " or ".join(_type(choice, plural) for choice in choices)
    if "$ref" in value:
        return f"mapping{plural}"
    if "enum" in value or "const" in value:
        return ", ".join(map(_code, value.get("enum") or [value["const"]]))
    if value.get("items", {}).get("pattern") == "=":
        return "list of lines"
    if value["type"] == "array":
        items = value.get("items") or value["prefixItems"][0]
        return (f"{value['minItems']} " if "prefixItems" in value else "list of ") + _type(items, "s")
    if value["type"] == "object" and value.get("additionalProperties") is True:
        return f"mapping{plural}"
    if value["type"] == "object":
        return "mapping of names" if "patternProperties" in value else "mapping of Pythia settings"
    return f"{'path' if value.get('format') == 'path' else value['type']}{plural}{_range(value)}"


def _range(value: dict[str, Any]) -> str:
    signs = {"exclusiveMinimum": ">", "minimum": "≥", "exclusiveMaximum": "<", "maximum": "≤"}
    limits = [f"{sign} {value[key]:g}" for key, sign in signs.items() if value.get(key, 2**63) < 2**63]
    return f", {' and '.join(limits)}" if limits else ""


def _settings(settings: dict[str, Any]) -> str:
    return "<br>".join(f"`{name}: {_yaml(value)}`" for name, value in settings.items()) or "–"


def _yaml(value: object) -> str:
    return ("off", "on")[value] if isinstance(value, bool) else str(value)


def _definition(entry: dict[str, Any]) -> str:
    """What defines a process of the catalogue: Pythia's settings, MadGraph's lines or what the gun shoots."""
    if "madgraph" in entry:
        madgraph = entry["madgraph"]
        return f"{'<br>'.join(map(_code, madgraph['process']))}<br>`run_card: {_flow(madgraph['run_card'])}`"
    if "gun" in entry:
        return f"`gun: {_flow(entry['gun'])}`<br>{_settings(entry['decay_settings'])}"
    return _settings(entry["settings"])


def _flow(mapping: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in mapping.items()) + "}"


def _catalogue() -> str:
    processes = _table(
        ("process", "hard event", "targets", "settings"),
        (
            (
                f"`{name}`",
                entry["description"],
                _code(entry["targets"])
                + (f", exactly {entry['require_targets']}" if "require_targets" in entry else ""),
                _definition(entry),
            )
            for name, entry in PROCESSES.items()
        ),
    )
    targets = _table(
        ("target", "kind", "pdgid", "daughters", "number", "label"),
        (
            (
                f"`{name}`",
                *(
                    _code(target[key]) if key in target else "–"
                    for key in ("kind", "pdgid", "daughters", "number", "label")
                ),
            )
            for name, target in TARGETS.items()
        ),
    )
    labels = _table(("label", "jet"), ((str(label), jet) for label, jet in LABELS.items()))
    return (
        f"## Catalogue of processes\n\n{processes}\n### Targets by name\n\n{targets}\n### Labels\n\n"
        f"RS3L's `jettype`; 0 and those from 12 on are this project's.\n\n{labels}"
    )


def _tunes() -> str:
    names = list(dict.fromkeys(name for settings in TUNES.values() for name in settings))
    rows = (
        (f"`{name}`", *(_yaml(settings[name]) if name in settings else "–" for settings in TUNES.values()))
        for name in names
    )
    return f"## Tunes\n\nEach is this set of Pythia settings.\n\n{_table(('setting', *TUNES), rows)}"


def _augmentations() -> str:
    rows = (
        (
            f"`{name}`",
            entry["description"],
            f"tune `{entry['tune']}`" if "tune" in entry else _settings(entry.get("settings", {})),
        )
        for name, entry in AUGMENTATIONS.items()
    )
    return f"## Augmentations by name\n\n{_table(('augmentation', 'meaning', 'changes'), rows)}"


def _reserved() -> str:
    rows = [(f"`{name}`", reason) for name, reason in RESERVED.items()]
    rows += [(f"`{group}:` and all below it", reason) for group, reason in RESERVED_GROUPS.items()]
    return (
        "## Pythia settings that are not yours to set\n\n"
        "The pipeline sets these; a configuration with one of them is refused.\n\n"
        + _table(("setting", "why"), rows)
    )


if __name__ == "__main__":
    write(CONFIG)
