"""The input card of Herwig 7 for one set of options.

Names are those of Herwig 7.3; `Dialect.OLD` leaves out what earlier releases do not know. The
frame follows LHE.in of the Herwig distribution with the settings of RS3L's Herwig samples.
"""

from collections.abc import Iterator
from enum import Enum, auto

from jetresim.campaign.errors import ShowerError
from jetresim.campaign.herwig import HerwigOptions

__all__ = ["HARD_EVENTS", "HIGHEST_NUMBER", "MAX_LIFETIME", "NEW_COMMANDS", "Dialect", "card"]

HARD_EVENTS = "hard.lhe.gz"
"""File that Herwig reads the hard events from, in the directory it runs in."""

HIGHEST_NUMBER = 1_000_000_000
"""Herwig's `PrintEvent` compares it with the *number* of an event: higher ones would not be written."""

MAX_LIFETIME = "10*mm"
"""Particles of a longer c tau0 are stable, as with Pythia's `ParticleDecays:tau0Max = 10`."""

NEW_COMMANDS = ("EventNumbering", "SpinHadronizer")
"""What a Herwig that needs `Dialect.OLD` complains about."""


class Dialect(Enum):
    """Generation of Herwig that a card is for."""

    NEW = auto()
    """7.3: event numbers from the Les Houches file, alphaS of the two showers apart."""
    OLD = auto()
    """Before 7.3: HepMC events carry a counter, one alphaS for both showers."""


def card(options: HerwigOptions, name: str, dialect: Dialect = Dialect.NEW) -> str:
    """Write the input card.

    Parameters
    ----------
    options : HerwigOptions
    name : str
        Name of the run; ``Herwig read`` makes ``{name}.run``.
    dialect : Dialect

    Returns
    -------
    str
        It names neither seed nor number of events, nor anything of the hard events beside
        `HARD_EVENTS`: one card serves all blocks.

    Raises
    ------
    ShowerError
        The options need a newer Herwig than the dialect is for.
    """
    if dialect is Dialect.OLD and options.fsr_scale != options.isr_scale:
        raise ShowerError("this Herwig is too old for fsr_scale and isr_scale to differ: 7.3 is needed")
    parts = (
        _generator(),
        _handler(options, dialect),
        _reader(),
        _pdf(options),
        _shower(options),
        _tune(options, dialect),
        _scales(options, dialect),
        _decays(options),
        _output(),
        _further(options),
        ("cd /Herwig/Generators", f"saverun {name} EventGenerator"),
    )
    return "".join(f"{line}\n" for part in parts for line in part)


def _generator() -> Iterator[str]:
    yield "cd /Herwig/Generators"
    yield "set EventGenerator:NumberOfEvents 10000000"
    yield "set EventGenerator:DebugLevel 0"
    yield "set EventGenerator:PrintEvent 0"
    yield "set EventGenerator:MaxErrors 10000"


def _handler(options: HerwigOptions, dialect: Dialect) -> Iterator[str]:
    decays = "/Herwig/Decays/DecayHandler" if options.decays else "NULL"
    yield "cd /Herwig/EventHandlers"
    yield "library LesHouches.so"
    yield "create ThePEG::LesHouchesEventHandler LesHouchesHandler"
    yield "set LesHouchesHandler:PartonExtractor /Herwig/Partons/PPExtractor"
    yield "set LesHouchesHandler:CascadeHandler /Herwig/Shower/ShowerHandler"
    yield f"set LesHouchesHandler:DecayHandler {decays}"
    yield "set LesHouchesHandler:HadronizationHandler /Herwig/Hadronization/ClusterHadHandler"
    if dialect is Dialect.NEW:
        yield "insert LesHouchesHandler:PostHadronizationHandlers 0 /Herwig/Hadronization/SpinHadronizer"
    yield "set LesHouchesHandler:WeightOption VarNegWeight"
    yield "set LesHouchesHandler:WeightNormalization CrossSection"
    if dialect is Dialect.NEW:
        yield "set LesHouchesHandler:EventNumbering LHE"
    yield "set /Herwig/Generators/EventGenerator:EventHandler /Herwig/EventHandlers/LesHouchesHandler"


def _reader() -> Iterator[str]:
    yield "create ThePEG::Cuts /Herwig/Cuts/NoCuts"
    yield "create ThePEG::LesHouchesFileReader LesHouchesReader"
    yield f"set LesHouchesReader:FileName {HARD_EVENTS}"
    yield "set LesHouchesReader:AllowedToReOpen No"
    yield "set LesHouchesReader:InitPDFs 0"
    # Herwig's events depend on how many hard events it scans before the run: with one, which it scans and
    # then passes over, a part of a block gives the beginning of the whole one.
    yield "set LesHouchesReader:MaxScan 1"
    yield "set LesHouchesReader:Cuts /Herwig/Cuts/NoCuts"
    yield "set LesHouchesReader:MomentumTreatment RescaleEnergy"
    yield "set LesHouchesReader:WeightWarnings DontWarnAboutWeights"
    yield "insert LesHouchesHandler:LesHouchesReaders 0 LesHouchesReader"


def _pdf(options: HerwigOptions) -> Iterator[str]:
    """The set that incoming partons are extracted with; that of shower and MPI belongs to the tune."""
    name = "/Herwig/Partons/HardLOPDF"
    if options.pdf:
        name = "/Herwig/Partons/IncomingPDF"
        yield from _lhapdf(name, options.pdf)
    elif options.tune == "CH3":
        name = "/Herwig/Partons/CH3ShowerPDF"
        yield from _lhapdf(name, "NNPDF31_nnlo_as_0118")
    yield f"set LesHouchesReader:PDFA {name}"
    yield f"set LesHouchesReader:PDFB {name}"
    yield f"set /Herwig/Particles/p+:PDF {name}"
    yield f"set /Herwig/Particles/pbar-:PDF {name}"
    yield f"set /Herwig/Partons/PPExtractor:FirstPDF {name}"
    yield f"set /Herwig/Partons/PPExtractor:SecondPDF {name}"


def _lhapdf(name: str, members: str) -> Iterator[str]:
    yield f"create ThePEG::LHAPDF {name} ThePEGLHAPDF.so"
    yield f"set {name}:PDFName {members}"
    yield f"set {name}:RemnantHandler /Herwig/Partons/HadronRemnants"


def _shower(options: HerwigOptions) -> Iterator[str]:
    yield "set /Herwig/Shower/ShowerHandler:MaxPtIsMuF Yes"
    yield "set /Herwig/Shower/ShowerHandler:RestrictPhasespace Yes"
    yield "set /Herwig/Shower/PartnerFinder:PartnerMethod Random"
    yield "set /Herwig/Shower/PartnerFinder:ScaleChoice Partner"
    yield f"set /Herwig/Shower/ShowerHandler:SpinCorrelations {'Yes' if options.spin_correlations else 'No'}"
    if not options.mpi:
        yield "set /Herwig/Shower/ShowerHandler:MPIHandler NULL"


def _tune(options: HerwigOptions, dialect: Dialect) -> Iterator[str]:
    """Lines of a tune: a snippet that Herwig ships (arXiv:1904.11866), or CMS CH3 (arXiv:2011.03422).

    CH3 was fitted with Herwig 7.1: its power law of the MPI cut-off and its plain colour reconnection
    are no longer the defaults and come with it; its shower cut-off and hadronization do not.
    """
    if options.tune == "CH3":
        yield from _ch3(options, dialect)
    elif options.tune != "default":
        yield f"read snippets/{options.tune}.in"


def _ch3(options: HerwigOptions, dialect: Dialect) -> Iterator[str]:
    if options.pdf:
        yield from _lhapdf("/Herwig/Partons/CH3ShowerPDF", "NNPDF31_nnlo_as_0118")
    yield from _lhapdf("/Herwig/Partons/CH3MPIPDF", "NNPDF31_lo_as_0130")
    for beam in "AB":
        yield f"set /Herwig/Shower/ShowerHandler:PDF{beam} /Herwig/Partons/CH3ShowerPDF"
        yield f"set /Herwig/Shower/ShowerHandler:PDF{beam}Remnant /Herwig/Partons/CH3MPIPDF"
    for beam in ("First", "Second"):
        yield f"set /Herwig/Partons/MPIExtractor:{beam}PDF /Herwig/Partons/CH3MPIPDF"
    for coupling in _couplings(dialect):
        yield f"set /Herwig/Shower/{coupling}:AlphaIn 0.118"
    yield "set /Herwig/Hadronization/ColourReconnector:Algorithm Plain"
    yield "set /Herwig/Hadronization/ColourReconnector:ReconnectionProbability 0.4712"
    yield "set /Herwig/UnderlyingEvent/MPIHandler:EnergyExtrapolation Power"
    yield "set /Herwig/UnderlyingEvent/MPIHandler:ReferenceScale 7000.*GeV"
    yield "set /Herwig/UnderlyingEvent/MPIHandler:pTmin0 3.04"
    yield "set /Herwig/UnderlyingEvent/MPIHandler:InvRadius 1.284"
    yield "set /Herwig/UnderlyingEvent/MPIHandler:Power 0.1362"


def _couplings(dialect: Dialect) -> tuple[str, ...]:
    return ("AlphaQCD",) if dialect is Dialect.OLD else ("AlphaQCDFSR", "AlphaQCDISR")


def _scales(options: HerwigOptions, dialect: Dialect) -> Iterator[str]:
    factors = {
        "/Herwig/Shower/ShowerHandler:RenormalizationScaleFactor": options.renormalization_scale,
        "/Herwig/Shower/ShowerHandler:FactorizationScaleFactor": options.factorization_scale,
    }
    for coupling, factor in zip(_couplings(dialect), (options.fsr_scale, options.isr_scale), strict=False):
        factors[f"/Herwig/Shower/{coupling}:ScaleFactor"] = factor
    for interface, factor in factors.items():
        if factor != 1:
            yield f"set {interface} {factor!r}"


def _decays(options: HerwigOptions) -> Iterator[str]:
    yield f"set /Herwig/Decays/DecayHandler:MaxLifeTime {MAX_LIFETIME}"
    for particle, modes in options.decay_modes.items():
        if modes:
            kept = " ".join(f"{particle}->{products};" for products in modes)
            yield f"do /Herwig/Particles/{particle}:SelectDecayModes {kept}"
        else:
            yield f"set /Herwig/Particles/{particle}:Stable Stable"


def _output() -> Iterator[str]:
    yield "create ThePEG::HepMCFile /Herwig/Analysis/HepMC HepMCAnalysis.so"
    yield f"set /Herwig/Analysis/HepMC:PrintEvent {HIGHEST_NUMBER}"
    yield "set /Herwig/Analysis/HepMC:Format GenEvent"
    yield "set /Herwig/Analysis/HepMC:Units GeV_mm"
    yield "set /Herwig/Analysis/HepMC:Precision 12"
    yield "insert /Herwig/Generators/EventGenerator:AnalysisHandlers 0 /Herwig/Analysis/HepMC"


def _further(options: HerwigOptions) -> Iterator[str]:
    yield "cd /Herwig/EventHandlers"
    yield from options.card
