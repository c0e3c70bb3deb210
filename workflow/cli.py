"""The `jetresim` command: one subcommand a stage, usable without Snakemake.

Every job starts it anew, so each subcommand imports for itself what the others do not need.
"""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from typer.core import TyperGroup

from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import FORMATS, Campaign, load, parse, unknown
from jetresim.campaign.errors import ConfigError, JetresimError
from jetresim.campaign.extras import MissingExtraError, extras_named
from jetresim.campaign.files import existing
from jetresim.campaign.paths import SPLITS, Paths, chunk_name, chunk_names
from jetresim.campaign.plugins import EXPORT_NAMES
from jetresim.campaign.usage import tells_usage
from jetresim.generators.brought import Contents, read_contents, with_brought_files, write_contents
from jetresim.showers.chunks import cores_of_machine, with_chunk
from jetresim.showers.programs import as_made, check_programs, without_missing_programs
from jetresim.workflow import publication, scoring
from jetresim.workflow.checks import (
    check_campaign,
    check_detectors,
    check_exports,
    check_initialization,
    check_realizations,
    check_saved,
    notes_on_settings,
)

_INTERRUPTED = 130  # what Typer gives for Ctrl-C, and a shell


class OneLineUsage(TyperGroup):
    """Says what is wrong with options and arguments in one line, and Ctrl-C too."""

    def main(self, *args: Any, standalone_mode: bool = True, **more: Any) -> Any:
        """Run a command, see `typer.core.TyperGroup.main`."""
        if not standalone_mode:
            return super().main(*args, standalone_mode=False, **more)
        try:
            code = super().main(*args, standalone_mode=False, **more)
            if code == _INTERRUPTED:
                print("interrupted", file=sys.stderr)
            sys.exit(code)
        except typer.TyperException as error:
            if message := " ".join(error.format_message().replace("Value error, ", "").split()):
                context = getattr(error, "ctx", None)
                where = f"; see `{context.command_path} --help`" if context else ""
                print(f"error: {message.removesuffix('.')}{where}", file=sys.stderr)
            sys.exit(error.exit_code)


app = typer.Typer(
    cls=OneLineUsage,
    help="Re-simulated jets in groups: hard events once, showers many times, one dataset.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

ConfigFile = Annotated[
    Path,
    typer.Argument(
        help="configuration of the campaign, or the campaign's folder: results/NAME", show_default=False
    ),
]
Folder = Annotated[
    Path,
    typer.Argument(help="the campaign's folder, results/NAME, or its configuration", show_default=False),
]
Results = Annotated[Path, typer.Option(help="folder that holds the campaign's folder")]
Process = Annotated[str, typer.Option(help="process of the campaign")]
Chunk = Annotated[int, typer.Option(min=0, help="number of the chunk, from 0")]
Split = Annotated[Literal[SPLITS], typer.Option(help="split of the dataset")]
Layout = Annotated[Literal["table", "json"], typer.Option(help="of what is printed")]

RESULTS = Path("results")
EVERYDAY, CHECKS, STAGES = "Everyday", "Checks of what was made", "Stages, which Snakemake runs"

log = logging.getLogger(__name__)


def one_line_errors(function: Callable[..., None]) -> Callable[..., None]:
    """Turn errors a user can cause into one line on standard error and exit code 1."""

    @wraps(function)
    def run(**kwargs: Any) -> None:
        logging.basicConfig(
            level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s", force=True
        )
        logging.getLogger("numexpr").setLevel(logging.WARNING)  # it tells its number of threads, unasked
        try:
            with extras_named():
                function(**_campaign_either_way(kwargs))
        except (JetresimError, MissingExtraError) as error:
            sys.exit(f"error: {error}")
        except OSError as error:
            sys.exit(f"error: {error.filename or 'file system'}: {error.strerror or error}")

    return run


def command(panel: str, **options: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a command of a function, in a group of the help."""
    return lambda function: app.command(rich_help_panel=panel, **options)(one_line_errors(function))


def stage(function: Callable[..., None]) -> Callable[..., None]:
    """Make the command of a job of the workflow."""
    return command(STAGES)(tells_usage(function))


def _campaign_either_way(arguments: dict[str, Any]) -> dict[str, Any]:
    """Take a campaign's folder where a configuration is expected, and a configuration where its folder is."""
    config, folder = arguments.get("config"), arguments.get("folder")
    folders = [name for name in ("folder", "first", "second") if arguments.get(name) is not None]
    if config is not None and folder is None and config.is_dir():
        saved = Path(Paths(str(config)).config)
        if not saved.is_file():
            raise ConfigError(
                f"{config}: has no config.yaml; expected the folder of a campaign, results/NAME"
            )
        here = {"results": config.resolve().parent} if "results" in arguments else {}
        return {**arguments, "config": saved, **here}
    if folder is not None and "config" in arguments and config is None and _is_configuration(folder):
        return arguments | {"folder": _folder_of(folder), "config": folder}
    found = {name: _folder_of(arguments[name]) for name in folders}
    for name, each in found.items():
        _tell(_other_than_made(arguments[name], Path(Paths(str(each)).config)))
    return arguments | found


def _is_configuration(path: Path) -> bool:
    return path.suffix in (".yaml", ".yml") and path.is_file()


def _folder_of(path: Path) -> Path:
    """The folder of a campaign, where its configuration is given."""
    if not _is_configuration(path):
        return path
    inside = path.parent if path.name == "config.yaml" and (path.parent / "hard").is_dir() else None
    return inside or Path(Paths.of(load(path)).root)


def _other_than_made(path: Path, saved: Path) -> Iterator[str]:
    """What a configuration says that is not in the one that its campaign was made with."""
    if not _is_configuration(path) or not saved.is_file() or saved.samefile(path):
        return
    asked, made = as_made(load(path), [saved.parent])[0].model_dump(), load(saved).model_dump()
    if different := [key for key in made if asked[key] != made[key]]:
        yield f"{path}: other {', '.join(different)} than what {saved.parent} was made with, which follows"


def _show_version(asked: bool) -> None:
    if asked:
        from jetresim.campaign.version import code_version

        typer.echo(f"jetresim {code_version()}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option("--version", help="the version and its commit", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Re-simulated jets in groups: hard events once, showers many times, one dataset."""


@command(EVERYDAY)
def init(
    example: Annotated[str | None, typer.Option(help="one of the examples, see --list")] = None,
    output: Annotated[Path | None, typer.Option(help="the file; campaign.yaml, or EXAMPLE.yaml")] = None,
    list_: Annotated[bool, typer.Option("--list", help="only name the examples")] = False,
) -> None:
    """Write a commented configuration to begin with."""
    from jetresim.workflow.start import examples, write_campaign

    if list_:
        for name, path in examples().items():
            typer.echo(f"{name:20} {path.read_text(encoding='utf-8').splitlines()[0].removeprefix('# ')}")
        return
    path = write_campaign(example, output)
    typer.echo(f"{path}: written; go on with `jetresim run {path}`")


def _cores(given: str) -> str:
    if given != "all" and not (given.isdecimal() and int(given)):
        raise typer.BadParameter(f"{given!r} is neither a number from 1 nor `all`")
    return given


@command(EVERYDAY, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(
    context: typer.Context,
    config: ConfigFile,
    cores: Annotated[str, typer.Option(help="a number, or all", callback=_cores)] = "all",
) -> None:
    """Make a campaign with Snakemake; further options are Snakemake's, such as -n or --profile."""
    from jetresim.workflow.start import run_workflow

    if not config.is_file():
        raise ConfigError(f"{config}: cannot be read; `jetresim init` writes a configuration to begin with")
    raise typer.Exit(run_workflow(config, cores, context.args))


@command(EVERYDAY)
def schema() -> None:
    """Print the JSON schema of a configuration, which editors complete and check keys by."""
    from jetresim.workflow.start import SCHEMA

    typer.echo(SCHEMA.read_text(encoding="utf-8"), nl=False)


@command(EVERYDAY)
def validate(config: ConfigFile) -> None:
    """Check a configuration, its files and programs, and initialize Pythia, before anything runs."""
    campaign = _load(config)
    check_programs(campaign)
    check_detectors(campaign)
    check_initialization(campaign)
    for note in notes_on_settings(campaign):
        typer.echo(f"note: {note}")
    chunks = sum(len(campaign.chunks(name)) for name in campaign.processes)
    typer.echo(
        f"{config}: campaign {campaign.name}, {len(campaign.processes)} processes × "
        f"{len(campaign.realizations)} realizations in {chunks} chunks: nothing wrong"
    )


@command(EVERYDAY)
def herwig(
    executable: Annotated[str, typer.Option(help="the program, by name on the PATH or by path")] = "Herwig",
    container: Annotated[
        str | None, typer.Option(help="image that holds it: a .sif file or docker://…")
    ] = None,
    pull: Annotated[bool, typer.Option("--pull", help="first fetch the image of the authors, here")] = False,
    pdf_sets: Annotated[
        Path | None, typer.Option(help="first copy the PDF sets of the tune CH3 to this folder of LHAPDF")
    ] = None,
) -> None:
    """Check whether Herwig 7 works, what is missing and what to write; exit code 1 if it does not."""
    from jetresim.workflow.herwig_output import show_herwig

    if not show_herwig(executable, container, pull, pdf_sets):
        raise typer.Exit(1)


@command(EVERYDAY)
def estimate(
    config: ConfigFile,
    events: Annotated[int, typer.Option(min=10, help="hard events to measure with, of each process")] = 60,
    walltime: Annotated[
        float | None, typer.Option(min=0, help="hours a job may take; gives the `chunk` to ask for")
    ] = None,
) -> None:
    """Events, jobs, core-hours and bytes of a campaign, from a short run on this machine."""
    from jetresim.audit.estimate import chunk_for, estimate_campaign, estimate_table

    campaign = _load(config)
    costs = estimate_campaign(campaign, events)
    Console().print(estimate_table(campaign, costs))
    if walltime is not None:
        chunk = chunk_for(campaign, costs, walltime)
        typer.echo(f"chunk: {chunk}  # jobs of at most {walltime / 2:g} h here")


@stage
def survey(config: ConfigFile, process: Process, results: Results = RESULTS) -> None:
    """Measure or read the cross-section of a process and check its event files."""
    from jetresim.workflow.stages.hard import make_survey

    campaign, contents = _open(config, results)
    make_survey(campaign, process, _path(campaign, results, "survey", process=process))
    notes = _path(campaign, results, "brought")
    if contents != read_contents(notes):
        write_contents(contents, notes)


@stage
def hard(config: ConfigFile, process: Process, chunk: Chunk, results: Results = RESULTS) -> None:
    """Write the hard events of a chunk as LHE."""
    from jetresim.workflow.stages.hard import make_hard

    campaign = _load(config, results)
    _check_chunk(campaign, process, chunk)
    survey_file = existing(_path(campaign, results, "survey", process=process), "survey")
    output = _path(campaign, results, "hard", process=process, chunk=chunk_name(chunk))
    make_hard(campaign, process, chunk, survey_file, output)


@stage
def pileup(config: ConfigFile, results: Results = RESULTS) -> None:
    """Simulate the minimum-bias events that the pile-up of a campaign is drawn from."""
    from jetresim.detectors.minimum_bias import make_pool
    from jetresim.jets.pool import write_pool

    campaign = _load(config, results)
    if campaign.pileup is None:
        raise ConfigError(f"{config}: has no `pileup`, so no minimum-bias events are needed")
    write_pool(_path(campaign, results, "pool"), make_pool(campaign), campaign)


@stage
def jets(
    config: ConfigFile,
    process: Process,
    realization: Annotated[
        list[str],
        typer.Option(help="an augmentation or a replica such as seed_2; or several of the anchor's family"),
    ],
    chunk: Chunk,
    results: Results = RESULTS,
    ahead: Annotated[
        bool,
        typer.Option(
            "--ahead",
            help="with `nominal`: also make the realizations that continue from it and are not there yet, "
            "for their own jobs to take",
        ),
    ] = False,
) -> None:
    """Shower a chunk of hard events and write the jets that stand for their targets."""
    from jetresim.showers.registry import Job
    from jetresim.workflow.stages.jets import make_jets

    campaign = _load(config, results)
    _check_chunk(campaign, process, chunk)
    check_realizations(campaign, realization)
    names = {"process": process, "chunk": chunk_name(chunk)}
    hard_file = existing(_path(campaign, results, "hard", **names), "hard")
    outputs = {name: _path(campaign, results, "jets", realization=name, **names) for name in realization}
    first = campaign.chunks(process)[chunk].start
    job = Job(work_directory=_path(campaign, results, "herwig"), first_event=first)
    # several at once are of the anchor's family, which finds its survivors itself
    followed = {
        name: existing(_path(campaign, results, "jets", realization=name, **names), "jets")
        for name in (campaign.followed(realization[0]) if len(realization) == 1 else [])
    }
    family = {
        name: _path(campaign, results, "jets", realization=name, **names)
        for name in campaign.made_ahead
        if ahead and NOMINAL in realization and name not in realization
    }
    pool = existing(_path(campaign, results, "pool"), "pileup") if campaign.pileup else None
    make_jets(campaign, process, chunk, hard_file, outputs, job, followed, family, pool)


@stage
def events(
    config: ConfigFile,
    process: Process,
    realization: Annotated[str, typer.Option(help="an augmentation or a replica such as seed_2")],
    chunk: Chunk,
    results: Results = RESULTS,
) -> None:
    """Write the whole events of a realization of a chunk, before pile-up and detector."""
    from jetresim.generators.stored import hard_events
    from jetresim.jets.full_events import write_full_events
    from jetresim.showers.registry import Job

    campaign = _load(config, results)
    _check_chunk(campaign, process, chunk)
    if realization not in campaign.full_realizations:
        raise ConfigError(f"{config}: `full_events` does not ask for those of {realization}")
    names = {"process": process, "chunk": chunk_name(chunk)}
    hard_file = existing(_path(campaign, results, "hard", **names), "hard")
    paths = Paths.of(campaign, str(results))
    patterns = {form: paths.full_events(form) for form in campaign.full_formats}
    outputs = {
        form: Path(pattern.format(realization=realization, **names)) for form, pattern in patterns.items()
    }
    numbers = campaign.chunks(process)[chunk]
    hard = hard_events(campaign, process, hard_file, numbers)
    job = Job(work_directory=_path(campaign, results, "herwig"), first_event=numbers.start)
    write_full_events(outputs, campaign, process, realization, hard, len(numbers), job)


@stage
def groups(config: ConfigFile, process: Process, chunk: Chunk, results: Results = RESULTS) -> None:
    """Write the groups of a chunk from the jets of all realizations."""
    from jetresim.workflow.stages.groups import make_groups

    campaign = _load(config, results)
    _check_chunk(campaign, process, chunk)
    names = {"process": process, "chunk": chunk_name(chunk)}
    hard_file = existing(_path(campaign, results, "hard", **names), "hard")
    members = [
        existing(_path(campaign, results, "jets", realization=name, **names), "jets")
        for name in campaign.realizations
    ]
    survey_file = existing(_path(campaign, results, "survey", process=process), "survey")
    output = _path(campaign, results, "groups", **names)
    make_groups(campaign, process, chunk, survey_file, hard_file, members, output)


@stage
def dataset(config: ConfigFile, split: Split, results: Results = RESULTS) -> None:
    """Write the Parquet shards of a split, processes mixed and shuffled."""
    from jetresim.dataset.assemble import write_split

    campaign = _load_made(config, results)
    files = [
        existing(_path(campaign, results, "groups", process=process, chunk=chunk), "groups")
        for process in campaign.processes
        for chunk in chunk_names(campaign, process)
    ]
    write_split(_path(campaign, results, "split", split=split), files, campaign, split)


@command(EVERYDAY)
@tells_usage
def export(
    config: ConfigFile,
    split: Split,
    format: Annotated[str, typer.Option(help=", ".join(FORMATS))],
    results: Results = RESULTS,
) -> None:
    """Write a split in another format."""
    from jetresim.workflow.stages.dataset import make_export

    campaign = _load_made(config, results)
    if format not in FORMATS and format not in EXPORT_NAMES.added:
        raise ConfigError("--format: " + unknown("format", format, [*FORMATS, *EXPORT_NAMES.added]))
    _check_layout(campaign, format, config)
    source = existing(_path(campaign, results, "split", split=split), "dataset")
    output = Paths.of(campaign, str(results)).export(format).format(split=split)
    make_export(campaign, format, source, Path(output))


@stage
def standardization(config: ConfigFile, results: Results = RESULTS) -> None:
    """Write mean and standard deviation of every feature in the training split."""
    from jetresim.dataset.standardization import write_standardization

    campaign = _load_made(config, results)
    existing(_path(campaign, results, "split", split="train"), "dataset")
    write_standardization(_path(campaign, results, "dataset"), campaign)


@stage
def card(config: ConfigFile, results: Results = RESULTS) -> None:
    """Write the dataset card and the manifest."""
    from jetresim.audit.output import show_warnings
    from jetresim.workflow.stages.dataset import make_card

    campaign = _load_made(config, results)
    for split in SPLITS:
        existing(_path(campaign, results, "split", split=split), "dataset")
    folder = _path(campaign, results, "dataset")
    make_card(campaign, folder)
    show_warnings(folder)


@command(CHECKS)
def acceptance(config: ConfigFile, results: Results = RESULTS) -> None:
    """Matching efficiency and acceptance of every realization of a dataset."""
    from jetresim.audit.acceptance import print_acceptance

    campaign = _load_made(config, results)
    _tell(_other_than_made(config, _path(campaign, results, "config")))
    print_acceptance(existing(_path(campaign, results, "dataset"), "dataset"))


@command(EVERYDAY)
def report(
    folder: Folder,
    output: Annotated[Path | None, typer.Option(help="the file; report/report.html in the folder")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="exit code 1 where a check fails")] = False,
    cores: Annotated[int, typer.Option(min=1, help="sections to draw side by side")] = 1,
    format: Layout = "table",
) -> None:
    """Write one HTML page on a dataset: counts, spectra, distances, checks."""
    from jetresim.audit.output import show_warnings
    from jetresim.report.page import failed, summary, write_report
    from jetresim.workflow.report_output import checks_as_json, shown_findings

    page = output or Path(Paths(str(folder)).report)
    checks = write_report(folder, page, cores)
    if format == "json":
        typer.echo(checks_as_json(folder, checks))
    else:
        typer.echo("\n".join([f"{page}: {summary(checks)}", *shown_findings(checks)]))
        show_warnings(folder / "dataset")
    if strict and failed(checks):
        raise typer.Exit(1)


@command(CHECKS)
def cost(config: ConfigFile, results: Results = RESULTS) -> None:
    """CPU, memory and bytes of the jobs of a campaign, and core-hours for a million groups."""
    from jetresim.audit.cost import make_costs

    campaign = _load_made(config, results)
    make_costs(campaign, Paths.of(campaign, str(results)))


@command(CHECKS)
def replay(
    config: ConfigFile,
    process: Annotated[str | None, typer.Option(help="process of the campaign")] = None,
    event: Annotated[int | None, typer.Option(help="index of the hard event, from 0")] = None,
    augmentation: Annotated[
        str | None,
        typer.Option(help="an augmentation, a replica such as seed_2, or a view such as seed_s0e1v0"),
    ] = None,
    target: Annotated[int | None, typer.Option(min=0, help="index of the target; all if left out")] = None,
    results: Results = RESULTS,
    format: Annotated[
        Literal["table", "json", "hepmc", "png"], typer.Option(help="hepmc: particles before the detector")
    ] = "table",
    output: Annotated[Path | None, typer.Option(help="file to write; needed for png")] = None,
    verify: Annotated[
        int | None, typer.Option(min=1, help="instead: check this many random rows of the dataset")
    ] = None,
) -> None:
    """Make one realization again and compare it with what is stored; exit code 1 where it differs."""
    from jetresim.audit.replay.comparison import compare_stored, verify_rows
    from jetresim.audit.replay.output import show_replayed, show_verified
    from jetresim.audit.replay.realization import replay_targets

    campaign = _load(config, results)
    paths = Paths.of(campaign, str(results))
    asked = (process, event, augmentation)
    if verify is not None and asked == (None, None, None):
        equal = show_verified(verify_rows(campaign, paths, verify))
    elif verify is None and None not in asked:
        if format == "png" and output is None:
            raise ConfigError("--format png: needs --output FILE")
        replayed = replay_targets(campaign, paths, process, augmentation, event, target)
        comparisons = [compare_stored(campaign, paths, each) for each in replayed]
        equal = show_replayed(campaign, paths, replayed, comparisons, format, output)
    else:
        raise ConfigError("replay: needs --process, --event and --augmentation, or --verify without them")
    if not equal:
        raise typer.Exit(1)


@command(CHECKS)
def verify(
    folder: Folder,
    config: Annotated[
        Path | None, typer.Option(help="configuration, where the folder has no config.yaml")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="what the files say about themselves, not all rows")
    ] = False,
    cores: Annotated[int, typer.Option(min=1, help="chunks to check side by side")] = 1,
    format: Layout = "table",
) -> None:
    """Check every file of a campaign; exit code 1 if something is wrong, 2 if something is only missing."""
    from jetresim.audit.verify.campaign import verify_campaign
    from jetresim.audit.verify.output import show_report

    report = verify_campaign(folder, config, quick, cores)
    show_report(report, format)
    if report.exit_code:
        raise typer.Exit(report.exit_code)


@command(CHECKS)
def merge(
    config: ConfigFile,
    parts: Annotated[
        list[Path], typer.Argument(help="results folders of other sites, or the campaign's folders in them")
    ],
    cores: Annotated[int, typer.Option(min=1, help="chunks to check side by side")] = 1,
    results: Results = RESULTS,
) -> None:
    """Bring parts of a campaign that were made apart together; exit code 2 if some are still missing."""
    from jetresim.audit.merge import merge_campaign, merged_lines

    merged = merge_campaign(load(config), parts, results, cores)
    for line in merged_lines(merged, config):
        typer.echo(line)
    if merged.missing:
        raise typer.Exit(2)


@command(EVERYDAY)
def inspect(
    path: Annotated[Path, typer.Argument(help="a file or folder", show_default=False)],
    rows: Annotated[int, typer.Option(min=0, help="first rows to show")] = 5,
    format: Layout = "table",
) -> None:
    """What a file or folder is: kind, columns with units, counts, seeds, versions, first rows."""
    from jetresim.audit.inspect.output import show_inspection
    from jetresim.audit.inspect.path import inspect as inspect_path

    found = inspect_path(path, rows)
    if format == "json":
        typer.echo(found.as_json())
    else:
        show_inspection(found)


for defined_elsewhere in (scoring.compare, scoring.tasks, publication.publish, publication.fetch):
    command(EVERYDAY)(defined_elsewhere)


def _load(config: Path, results: Path | None = None) -> Campaign:
    return _open(config, results)[0]


def _load_made(config: Path, results: Path) -> Campaign:
    """A campaign whose groups are there: what showers need is asked for no more."""
    campaign = load(config)
    campaign, notes = as_made(campaign, [Path(Paths.of(campaign, str(results)).root)])
    _tell(notes)
    try:
        check_exports(campaign)
    except ConfigError as error:
        raise ConfigError(f"{config}: {error}") from None
    return campaign


def _tell(notes: Iterable[str]) -> None:
    for note in notes:
        log.warning(note)


def _open(config: Path, results: Path | None) -> tuple[Campaign, Contents]:
    """The campaign, and what is known of the files that it brings."""
    check_saved(config)
    campaign, notes = without_missing_programs(load(config))
    _tell(notes)
    saved = _path(campaign, results or RESULTS, "config")
    contents = {} if results is None else read_contents(_path(campaign, results, "brought"))
    try:
        campaign = with_brought_files(campaign, contents)
        if config != saved:  # which was checked when the workflow saved it
            check_campaign(campaign)
    except ConfigError as error:
        raise ConfigError(f"{config}: {error}") from None
    return with_chunk(campaign, saved, cores_of_machine()), contents


def _path(campaign: Campaign, results: Path, what: str, **names: str) -> Path:
    return Path(getattr(Paths.of(campaign, str(results)), what).format(**names))


def _check_layout(campaign: Campaign, layout: str, config: Path) -> None:
    """Refuse a layout that the configuration could not ask for."""
    fields = campaign.model_dump(mode="json")
    check_exports(parse({**fields, "dataset": {**fields["dataset"], "formats": [layout]}}, str(config)))


def _check_chunk(campaign: Campaign, process: str, chunk: int) -> None:
    count = len(campaign.chunks(process))
    if chunk >= count:
        raise ConfigError(f"--chunk {chunk}: process {process} has {count} chunks, 0 to {count - 1}")
