#!/usr/bin/env python3
"""Behaves like Herwig 7.3 on the command line, and plays back what a real one recorded.

``read CARD`` interprets the card line by line, refuses what Herwig's repository does not know, and
checks that the settings fit together. ``run`` takes the hard events one by one from the Les Houches
file, finds the recording of the same hard partons, and writes it under the event's number. After a
failure it reads on, and ends as the real one does where the file has no more.

It knows no others than the recorded hard events. Its only dependence on the seed is the list of
random states in the E line, where HepMC 2 has a place for it.

The environment variable STAND_IN_HERWIG holds faults, separated by blanks; K counts from 0:
  drop=K     the K-th hard event of the file fails whenever it is read; may stand several times
  exit=K     exit code 3 when K events are written      crash=K   SIGSEGV when K events are written
  half=K     ends, without an error, amid event K       stall=K   hangs when K events are written
  fewer=K    ends, without an error, after K events     extra=K   writes K events too many
  nan=K      event K has a momentum nan                 hole=K    event K lacks half of its particles
  repeat=K   event K is written twice                   shift=K   numbers are one too high from event K on
  counter    numbers are Herwig's own counter           old       a Herwig before 7.3
  beams=E    beams of E GeV                             weight=W  weights are multiplied by W
  mev        HepMC in MeV                               hepmc3    the dialect of HepMC 3
  mute       exit code 1 before anything is written     silent    hangs before anything is written
  refuse     `read` fails
STAND_IN_HERWIG_PROGRESS names a file that gets a line for every event written.
"""

import gzip
import json
import lzma
import os
import re
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from typing import TextIO

DATA = Path(__file__).resolve().parent / "data" / "herwig7"
RED, RESET = "\x1b[31m", "\x1b[0m"
WORDS = [word.partition("=") for word in os.environ.get("STAND_IN_HERWIG", "").split()]
FAULTS = {name: value for name, _, value in WORDS}
DROPPED = {int(value) for name, _, value in WORDS if name == "drop"}
PROGRESS = os.environ.get("STAND_IN_HERWIG_PROGRESS")

OUTDATED = (
    "WARNING::WriterAsciiHepMC2::WriterAsciiHepMC2: HepMC2 format is outdated. Please use HepMC3 instead."
)
OVERRUN = "More events requested than available in LesHouchesReader LesHouchesReader"
DISCARDED = """** An event exception of type Herwig::ExtractionError occurred in event number {}:
told to fail
The event will be discarded.
"""
LHE_EVENT = re.compile(r"<event>\n(.*?)</event>", re.DOTALL)
STATUS = 8  # place of the status in a particle's line

HANDLER = "/Herwig/EventHandlers/LesHouchesHandler"
READER = "/Herwig/EventHandlers/LesHouchesReader"
HEPMC = "/Herwig/Analysis/HepMC"
SHOWER = "/Herwig/Shower/ShowerHandler"
GENERATOR = "/Herwig/Generators/EventGenerator"
CLASSES = {
    "ThePEG::LesHouchesEventHandler": "PartonExtractor CascadeHandler DecayHandler HadronizationHandler "
    "PostHadronizationHandlers WeightOption WeightNormalization EventNumbering LesHouchesReaders",
    "ThePEG::LesHouchesFileReader": "FileName AllowedToReOpen InitPDFs MaxScan Cuts MomentumTreatment "
    "WeightWarnings PDFA PDFB",
    "ThePEG::Cuts": "",
    "ThePEG::HepMCFile": "PrintEvent Format Units Precision Filename",
    "ThePEG::LHAPDF": "PDFName RemnantHandler",
}
OBJECTS = {
    GENERATOR: "NumberOfEvents DebugLevel PrintEvent MaxErrors EventHandler AnalysisHandlers",
    SHOWER: "MaxPtIsMuF RestrictPhasespace SpinCorrelations MPIHandler RenormalizationScaleFactor "
    "FactorizationScaleFactor PDFA PDFB PDFARemnant PDFBRemnant",
    "/Herwig/Shower/PartnerFinder": "PartnerMethod ScaleChoice",
    "/Herwig/Decays/DecayHandler": "MaxLifeTime",
    "/Herwig/Partons/PPExtractor": "FirstPDF SecondPDF",
    "/Herwig/Partons/MPIExtractor": "FirstPDF SecondPDF",
    "/Herwig/Partons/HardLOPDF": "PDFName",
    "/Herwig/Partons/HadronRemnants": "",
    "/Herwig/Hadronization/ClusterHadHandler": "",
    "/Herwig/Hadronization/ColourReconnector": "Algorithm ReconnectionProbability",
    "/Herwig/UnderlyingEvent/MPIHandler": "EnergyExtrapolation ReferenceScale pTmin0 InvRadius Power",
    "/Herwig/Hadronization/SpinHadronizer": "",
    "/Herwig/Shower/AlphaQCDFSR": "ScaleFactor AlphaIn",
    "/Herwig/Shower/AlphaQCDISR": "ScaleFactor AlphaIn",
}
OLD_LACKS = (
    "/Herwig/Hadronization/SpinHadronizer",
    "/Herwig/Shower/AlphaQCDFSR",
    "/Herwig/Shower/AlphaQCDISR",
)
REQUIRED = {
    f"{GENERATOR}:EventHandler": HANDLER,
    f"{GENERATOR}:AnalysisHandlers": HEPMC,
    f"{HANDLER}:LesHouchesReaders": "LesHouchesReader",
    f"{HANDLER}:CascadeHandler": SHOWER,
    f"{HANDLER}:WeightOption": "VarNegWeight",
    f"{HANDLER}:WeightNormalization": "CrossSection",
    f"{READER}:AllowedToReOpen": "No",
    f"{READER}:MaxScan": "1",
    f"{READER}:MomentumTreatment": "RescaleEnergy",
    f"{HEPMC}:Format": "GenEvent",
    f"{HEPMC}:Units": "GeV_mm",
    f"{HEPMC}:Precision": "12",
    "/Herwig/Decays/DecayHandler:MaxLifeTime": "10*mm",
}
RECORDINGS = {
    ("higgs", "1", "1"): "higgs_nominal",
    ("higgs", "0.5", "1"): "higgs_fsr05",
    ("higgs", "1", "0.5"): "higgs_isr05",
    ("qcd", "1", "1"): "qcd_nominal",
    ("qcd", "2.0", "1"): "qcd_fsr2",
}


def fault(name: str) -> int | None:
    return int(FAULTS[name]) if name in FAULTS else None


def stop(message: str, code: int = 1) -> None:
    print(message, file=sys.stderr)
    sys.exit(code)


class Repository:
    """What a card has made of Herwig's repository of objects."""

    def __init__(self) -> None:
        lacking = OLD_LACKS if "old" in FAULTS else ()
        self.interfaces = {name: set(words.split()) for name, words in OBJECTS.items() if name not in lacking}
        if "old" in FAULTS:
            self.interfaces["/Herwig/Shower/AlphaQCD"] = {"ScaleFactor", "AlphaIn"}
        self.settings: dict[str, str] = {}
        self.directory = "/"
        self.run: str | None = None

    def execute(self, line: str) -> None:
        verb, *words = line.split()
        action = getattr(self, f"do_{verb}", None)
        if action is None:
            stop(f"Error: Unrecognized command '{verb}'.")
        action(*words)

    def path(self, name: str) -> str:
        return name if name.startswith("/") else f"{self.directory.rstrip('/')}/{name}"

    def do_cd(self, directory: str) -> None:
        self.directory = directory

    def do_library(self, name: str) -> None:
        pass

    def do_read(self, snippet: str) -> None:
        if not re.fullmatch(r"snippets/Tune-[\w-]+\.in", snippet):
            stop(f"Error: Could not find input file '{snippet}'")

    def do_create(self, kind: str, name: str, library: str = "") -> None:
        if kind not in CLASSES:
            stop(f"Error: {kind}: No such class found.")
        lacking = {"EventNumbering"} if "old" in FAULTS else set()
        self.interfaces[self.path(name)] = set(CLASSES[kind].split()) - lacking

    def do_set(self, noun: str, value: str) -> None:
        self.settings[self.interface(noun)] = value

    def do_insert(self, noun: str, place: str, value: str) -> None:
        if self.path(value) not in self.interfaces:
            stop(f"Error: There was no object named '{value}' in the repository.")
        self.settings[self.interface(noun)] = value

    def do_do(self, noun: str, *modes: str) -> None:
        if not re.fullmatch(r"/Herwig/Particles/\S+:SelectDecayModes", noun) or not modes:
            stop(f"Error: The interface '{noun}' was not found.")
        self.settings[noun] = " ".join(modes)

    def do_saverun(self, name: str, generator: str) -> None:
        if self.path(generator) != GENERATOR:
            stop(f"Error: Could not create/find run named'{name}'.")
        self.run = name

    def interface(self, noun: str) -> str:
        name, _, interface = self.path(noun).partition(":")
        if name.startswith("/Herwig/Particles/") and interface in ("PDF", "Stable"):
            return f"{name}:{interface}"
        if name not in self.interfaces:
            stop(f"Error: There was no object named '{name}' in the repository.")
        if interface.split(":")[0] not in self.interfaces[name]:
            known = "".join(f"\n* {known}" for known in sorted(self.interfaces[name]))
            stop(f"Error: The interface '{noun}' was not found.\nValid interfaces:{known}")
        return f"{name}:{interface}"


def read(card: str) -> None:
    if "refuse" in FAULTS:
        stop("Error: told to refuse")
    repository = Repository()
    for line in Path(card).read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            repository.execute(line)
    settings = repository.settings
    for interface, value in REQUIRED.items():
        if settings.get(interface) != value:
            stop(f"Error: stand-in: {interface} is {settings.get(interface)}, expected {value}")
    if repository.run is None or f"{repository.run}.in" != Path(card).name:
        stop(f"Error: stand-in: {card} saves the run {repository.run}")
    beams, _ = hard_events(settings[f"{READER}:FileName"])
    made = {"name": repository.run, "beams": beams, "settings": settings}
    Path(f"{repository.run}.run").write_text(json.dumps(made, indent=0))


def hard_events(name: str) -> tuple[list[str], list[str]]:
    """Beam energies of a Les Houches file and its events after the one that is scanned."""
    path = Path(name)
    if not path.exists():
        stop(f"Error: The LesHouchesFileReader could not open the event file called '{name}'.")
    text = gzip.decompress(path.read_bytes()).decode()
    if not text.startswith("<LesHouchesEvents") or "</header>" not in text:
        stop("Error: stand-in: no Les Houches file that Herwig reads")
    init = text.split("<init>\n")[1].split()
    if init[8] != "3" or init[9] != "1":
        stop("Error: stand-in: expected one process and weighting strategy 3")
    scanned, *events = LHE_EVENT.findall(text)
    if "<event num> 0 </event num>" not in scanned:
        stop("Error: stand-in: the event to scan has to stand in front")
    return init[2:4], events


def partons(event: str) -> tuple:
    rows = [line.split() for line in event.splitlines()[1:] if not line.startswith("<")]
    return tuple((row[0], *(round(float(row[column]), 3) + 0.0 for column in (6, 7, 8))) for row in rows)


def recorded_partons() -> dict[tuple, tuple[str, int]]:
    """Sample and place of every recorded hard event."""
    texts = {
        name: gzip.decompress((DATA / f"{name}.lhe.gz").read_bytes()).decode() for name in ("higgs", "qcd")
    }
    return {
        partons(event): (sample, place)
        for sample, text in texts.items()
        for place, event in enumerate(LHE_EVENT.findall(text))
    }


class Recordings:
    """The recorded HepMC events, by sample, place and what the card varies."""

    def __init__(self, settings: dict[str, str]) -> None:
        factors = (
            settings.get(f"/Herwig/Shower/AlphaQCD{shower}:ScaleFactor", "1") for shower in ("FSR", "ISR")
        )
        self.factors = tuple(factors)
        self.places = recorded_partons()
        self.loaded: dict[str, list[str]] = {}

    def __getitem__(self, event: str) -> str:
        if partons(event) not in self.places:
            stop("stand-in: no recording of this hard event")
        sample, place = self.places[partons(event)]
        name = RECORDINGS.get((sample, *self.factors))
        if name is None:
            stop(f"stand-in: no recording of {sample} with scale factors {self.factors}")
        if name not in self.loaded:
            text = lzma.decompress((DATA / f"{name}.hepmc.xz").read_bytes()).decode()
            self.loaded[name] = re.split(r"^(?=E |HepMC::)", text, flags=re.MULTILINE)[3:-1]
        if place >= len(self.loaded[name]):
            stop(f"stand-in: event {place} of {name} is not recorded")
        return self.loaded[name][place]


class HepMC:
    """Herwig's output file."""

    def __init__(self, name: str, seed: int, beams: str) -> None:
        self.file = Path(name).open("w")  # noqa: SIM115
        self.seed = seed
        self.beams = FAULTS.get("beams", beams)
        self.written = 0
        header = "HepMC::Version 3.01.02\nHepMC::{}-START_EVENT_LISTING\n"
        self.file.write(header.format("Asciiv3" if "hepmc3" in FAULTS else "IO_GenEvent"))

    def write(self, recording: str, number: int, weight: str) -> None:
        if self.written == fault("stall"):
            self.file.flush()
            hang()
        if self.written == fault("crash"):
            self.file.flush()
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.written == fault("exit"):
            self.file.close()
            stop("Herwig: told to fail", 3)
        text = self.edited(recording, number, weight)
        if self.written == fault("half"):
            self.file.write(text[: len(text) // 2])
            self.file.close()
            sys.exit(0)
        self.file.write(text)
        self.file.flush()
        self.written += 1
        if PROGRESS:
            with Path(PROGRESS).open("a") as file:
                file.write(f"{number}\n")

    def edited(self, recording: str, number: int, weight: str) -> str:
        lines = recording.splitlines()
        head = lines[0].split()
        head[1] = str(number)
        head[-3:] = ["1", str(self.seed), "1", repr(float(weight) * float(FAULTS.get("weight", 1)))]
        lines[0] = " ".join(head)
        lines[3] = f"C {weight} {weight}"
        if "mev" in FAULTS:
            lines[2] = "U MEV MM"
        particles = [place for place, line in enumerate(lines) if line.startswith("P ")]
        final = [place for place in particles if lines[place].split()[STATUS] == "1"]
        if self.written == fault("nan"):
            lines[final[0]] = with_word(lines[final[0]], 3, "nan")
        for place in final[::2] if self.written == fault("hole") else ():
            lines[place] = with_word(lines[place], STATUS, "2")
        for place in particles:
            if lines[place].split()[STATUS] == "4":
                lines[place] = with_word(lines[place], 6, self.beams)
        return "\n".join(lines) + "\n"

    def close(self) -> None:
        self.file.write("HepMC::IO_GenEvent-END_EVENT_LISTING\n\n")
        self.file.close()
        print("\nHepMCFile: generated HepMC output.")


def with_word(line: str, place: int, word: str) -> str:
    words = line.split()
    words[place] = word
    return " ".join(words)


def hang() -> None:
    child = subprocess.Popen(["sleep", "1000"])  # what is to be gone is the whole group
    if PROGRESS:
        Path(PROGRESS).write_text(f"{os.getpid()} {child.pid}\n")
    time.sleep(1000)


def run(arguments: list[str]) -> None:
    run_file, *rest = arguments
    options = dict(zip(*[iter(word for word in rest if word != "-q")] * 2, strict=True))
    if set(options) != {"-N", "-s", "-t"} or "-q" not in rest:
        stop("Could not parse command line.")
    events, seed, tag = int(options["-N"]), int(options["-s"]), options["-t"]
    if not 0 < seed < 2**31 or events < 1:
        stop("stand-in: seed or number of events out of range")
    made = json.loads(Path(run_file).read_text())
    if "silent" in FAULTS:
        hang()
    if "mute" in FAULTS:
        stop("Herwig: cannot initialize")
    name = f"{made['name']}-S{seed}-{tag}"
    print(OUTDATED)
    beams, records = hard_events(made["settings"][f"{READER}:FileName"])
    if beams != made["beams"]:
        stop("stand-in: beam energies differ between `read` and `run`")
    if len(records) < events:
        stop("stand-in: more events are asked for than the file has")
    output = HepMC(f"{name}.hepmc", seed, beams[0])
    with Path(f"{name}.log").open("w") as log:
        complete = play(records, events, made["settings"], output, log)
    output.close()
    if not complete:
        stop(f"{RED}Herwig: ThePEG::Exception caught.\n{OVERRUN}\nSee logfile for details.{RESET}")


def play(records: list[str], events: int, settings: dict[str, str], output: HepMC, log: TextIO) -> bool:
    """Write the events; False where Herwig wants to begin the file again and may not."""
    recordings = Recordings(settings)
    numbered = settings.get(f"{HANDLER}:EventNumbering") == "LHE" and "counter" not in FAULTS
    place = 0
    for counter in count(1):
        if output.written == fault("fewer") or counter > events:
            break
        while True:
            if place == len(records):
                log.write(f"*** An run exception occurred in event number {counter}:\n{OVERRUN}\n")
                return False
            record, here = records[place], place
            place += 1
            if here not in DROPPED:
                break
            log.write(DISCARDED.format(counter))
        number = re.search(r"<event num> (\d+) </event num>", record)
        given = int(number.group(1)) if numbered and number else counter
        if "shift" in FAULTS and counter > int(FAULTS["shift"]):
            given += 1
        if given > int(settings[f"{HEPMC}:PrintEvent"]):
            continue
        weight = record.split()[2]
        times = 2 if output.written == fault("repeat") else 1
        for _ in range(times):
            output.write(recordings[record], given, weight)
        if times == 2:
            events -= 1
    for _ in range(fault("extra") or 0):
        output.write(recordings[records[-1]], given, weight)
    return True


def main(arguments: list[str]) -> None:
    if arguments == ["--version"]:
        print("Herwig 7.2.3\nThePEG 2.2.3" if "old" in FAULTS else "Herwig 7.3.0\nThePEG 2.3.0")
    elif arguments[:1] == ["read"] and len(arguments) == 2:
        read(arguments[1])
    elif arguments[:1] == ["run"] and len(arguments) > 1:
        run(arguments[1:])
    else:
        stop("Usage: Herwig (read|build|integrate|mergegrids|run) [OPTIONS]... [FILE]")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BrokenPipeError:
        os._exit(1)
