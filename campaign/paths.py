"""Every path of a campaign, as a pattern; rules and commands hold no string building of their own."""

from dataclasses import dataclass

from jetresim.campaign.config import FORMATS, Campaign

__all__ = ["CHUNK_PATTERN", "SPLITS", "Paths", "candidates_path", "chunk_name", "chunk_names", "chunk_number"]


SPLITS = ("train", "val", "test")
"""Parts of a dataset, by what they are for."""

CHUNK_PATTERN = r"(?:\d+/)?\d+"
"""Regular expression of the names that `chunk_name` gives."""

_CHUNKS_IN_FOLDER = 1000


@dataclass(frozen=True)
class Paths:
    """Paths below ``results/{campaign}/``; braces are Snakemake wildcards.

    Attributes
    ----------
    root : str
        ``results/{campaign}``.
    """

    root: str

    @classmethod
    def of(cls, campaign: Campaign, results: str = "results") -> "Paths":
        """The paths of a campaign."""
        return cls(f"{results}/{campaign.name}")

    @property
    def herwig(self) -> str:
        """Input cards, run files and logs of Herwig, shared by all jobs."""
        return f"{self.root}/logs/herwig7"

    @property
    def madgraph(self) -> str:
        """Logs of MadGraph."""
        return f"{self.root}/logs/madgraph/{{process}}"

    @property
    def gridpack(self) -> str:
        """A process that MadGraph has compiled and integrated."""
        return f"{self.root}/hard/{{process}}/gridpack.tar.gz"

    @property
    def config(self) -> str:
        """The validated configuration that jobs read."""
        return f"{self.root}/config.yaml"

    @property
    def brought(self) -> str:
        """What the files of hard events that were brought held when they were read last."""
        return f"{self.root}/brought.json"

    @property
    def survey(self) -> str:
        """Cross-section and checks of a process."""
        return f"{self.root}/hard/{{process}}/survey.json"

    @property
    def hard(self) -> str:
        """Hard events of a chunk."""
        return f"{self.root}/hard/{{process}}/{{chunk}}.lhe.gz"

    @property
    def pool(self) -> str:
        """Minimum-bias events that pile-up is drawn from."""
        return f"{self.root}/pileup/pool.parquet"

    @property
    def full_parquet(self) -> str:
        """Whole events of one realization of a chunk as Parquet."""
        return f"{self.root}/events/{{process}}/{{realization}}/{{chunk}}.parquet"

    @property
    def full_hepmc3(self) -> str:
        """Whole events of one realization of a chunk as HepMC3."""
        return f"{self.root}/events/{{process}}/{{realization}}/{{chunk}}.hepmc3.gz"

    def full_events(self, form: str) -> str:
        """Whole events of one realization of a chunk in a format."""
        return {"parquet": self.full_parquet, "hepmc3": self.full_hepmc3}[form]

    @property
    def jets(self) -> str:
        """Jets of one realization of a chunk."""
        return f"{self.root}/jets/{{process}}/{{realization}}/{{chunk}}.parquet"

    @property
    def groups(self) -> str:
        """Groups of a chunk."""
        return f"{self.root}/groups/{{process}}/{{chunk}}.parquet"

    @property
    def dataset(self) -> str:
        """The folder that is handed out."""
        return f"{self.root}/dataset"

    @property
    def split(self) -> str:
        """Parquet shards of a split."""
        return f"{self.dataset}/{{split}}"

    @property
    def rs3l(self) -> str:
        """RS3L HDF5 files of a split."""
        return f"{self.dataset}/rs3l/{{split}}"

    @property
    def rs3l_pairs(self) -> str:
        """The authors' paired training file of a split."""
        return f"{self.dataset}/rs3l_pairs/{{split}}.h5"

    @property
    def jetclass(self) -> str:
        """JetClass ROOT files of a split."""
        return f"{self.dataset}/jetclass/{{split}}"

    @property
    def toptagging(self) -> str:
        """Table of a split in the layout of the Top Tagging data set."""
        return f"{self.dataset}/toptagging/{{split}}.h5"

    @property
    def huggingface(self) -> str:
        """Flat Parquet files of a split."""
        return f"{self.dataset}/huggingface/{{split}}"

    @property
    def omnilearned(self) -> str:
        """OmniLearned's HDF5 files of a split."""
        return f"{self.dataset}/omnilearned/{{split}}"

    @property
    def huggingface_card(self) -> str:
        """Card of the flat Parquet files of all splits."""
        return f"{self.dataset}/huggingface/README.md"

    @property
    def added_export(self) -> str:
        """A split in a format of another package."""
        return f"{self.dataset}/{{layout}}/{{split}}"

    def export(self, layout: str) -> str:
        """A split in a format beside Parquet, by its name."""
        return getattr(self, layout) if layout in FORMATS else self.added_export.replace("{layout}", layout)

    @property
    def standardization(self) -> str:
        """Mean and standard deviation of every feature in the training split."""
        return f"{self.dataset}/standardization.json"

    @property
    def card(self) -> str:
        """The dataset card."""
        return f"{self.dataset}/README.md"

    @property
    def manifest(self) -> str:
        """Files, rows, bytes and checksums."""
        return f"{self.dataset}/manifest.json"

    @property
    def publication(self) -> str:
        """The folder that is published, with descriptions for others."""
        return f"{self.root}/publication"

    @property
    def report(self) -> str:
        """Page on what was made and whether it is in order."""
        return f"{self.root}/report/report.html"

    @property
    def cost(self) -> str:
        """What every job has used."""
        return f"{self.root}/report/cost.parquet"

    def log(self, stage: str) -> str:
        """Log of a job of a stage; `stage` holds the wildcards."""
        return f"{self.root}/logs/{stage}.log"

    def benchmark(self, stage: str) -> str:
        """Resources used by a job of a stage."""
        return f"{self.root}/benchmarks/{stage}.tsv"


def chunk_name(chunk: int) -> str:
    """Name of a chunk: its number, from the thousandth on in a subfolder for each thousand.

    No folder thus has more than a thousand files of chunks, and the name of a chunk does not depend on how
    many there are.
    """
    thousands = chunk // _CHUNKS_IN_FOLDER
    return f"{thousands:03d}/{chunk:05d}" if thousands else f"{chunk:05d}"


def chunk_number(name: str) -> int:
    """The number that a chunk's name stands for."""
    return int(name.rsplit("/", 1)[-1])


def chunk_names(campaign: Campaign, process: str) -> list[str]:
    """Names of all chunks of a process."""
    return [chunk_name(chunk) for chunk in range(len(campaign.chunks(process)))]


def candidates_path(campaign: Campaign, process: str, realization: str, chunk: str) -> str | None:
    """File of the candidates of a chunk, by its name, where a realization has an external detector."""
    pattern = campaign.detector_options(realization).candidates
    return pattern and pattern.format(process=process, realization=realization, chunk=chunk)
