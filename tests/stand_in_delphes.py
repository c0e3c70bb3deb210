"""Behaves like DelphesHepMC3 on the command line, and plays back what a real one recorded.

It counts the events that come through the pipe and hands out a file FIRST-COUNT.root with as many recorded
ones from the folder STAND_IN_DELPHES_RECORDINGS, FIRST being the number of runs before. What it was told
(card, HepMC) is kept in the folder STAND_IN_DELPHES_LOG. STAND_IN_DELPHES holds one fault: crash, fail,
mute, damaged, hang, foreign (no candidates), other (wrong event numbers), fewer=N (only N events), or
crash@N (only in run N).
"""

import os
import re
import shutil
import sys
import time
from pathlib import Path


def main(card, output):
    text = sys.stdin.buffer.read()
    log, fault = Path(os.environ["STAND_IN_DELPHES_LOG"]), os.environ.get("STAND_IN_DELPHES", "")
    recordings = Path(os.environ["STAND_IN_DELPHES_RECORDINGS"])
    run = len(list(log.glob("*.hepmc")))
    shutil.copy(card, log / f"{run}.tcl")
    (log / f"{run}.hepmc").write_bytes(text)
    for source in re.findall(r"^source (\S+)", Path(card).read_text(), re.MULTILINE):
        assert (Path(card).parent / source).exists(), source
    count = len(re.findall(rb"^E ", text, re.MULTILINE))
    if fault in ("crash", f"crash@{run}"):
        os.kill(os.getpid(), 11)
    if fault == "fail":
        sys.exit("** ERROR: can't find module 'Calorimeters'")
    if fault == "hang":
        time.sleep(60)
    if fault == "damaged":
        Path(output).write_bytes((recordings / "0-6.root").read_bytes()[:20000])
    elif fault in ("foreign", "other"):
        shutil.copy(recordings / f"{fault}.root", output)
    elif fault.startswith("fewer="):
        shutil.copy(recordings / f"0-{fault[6:]}.root", output)
    elif fault != "mute":
        shutil.copy(recordings / f"{run}-{count}.root", output)


main(*sys.argv[1:])
