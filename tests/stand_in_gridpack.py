"""Gridpacks that need no MadGraph: their script writes as many events as it is told, each naming its seed."""

import io
import tarfile
from pathlib import Path

from jetresim.campaign.config import Campaign
from jetresim.campaign.paths import Paths
from jetresim.generators.madgraph.gridpack import RECORD, scripts_digest
from jetresim.generators.madgraph.record import Gridpack

_SCRIPT = """\
#!/bin/sh
asked=$1 seed=$2
made=$((asked {rule}))
{{
    echo '<LesHouchesEvents version="3.0">'
    echo '<init>'
    echo '2212 2212 6500 6500 0 0 247000 247000 -4 1'
    echo '0.02 0.001 0.02 1'
    echo '</init>'
    number=0
    while [ $number -lt $made ]; do
        echo '<event>'
        echo "4 1 0.02 $((seed * 1000 + number)) 0.0078 0.118"
        echo '21 -1 0 0 501 502 0 0 600 600 0 0 9'
        echo '21 -1 0 0 502 503 0 0 -600 600 0 0 9'
        echo '21 1 1 2 501 504 600 0 0 600 0 0 9'
        echo '21 1 1 2 504 503 -600 0 0 600 0 0 9'
        echo '</event>'
        number=$((number + 1))
    done
    echo '</LesHouchesEvents>'
}} | gzip > events.lhe.gz
"""
CROSS_SECTION = 0.021
"""Of the integration; a run's own estimate is another."""


def script(rule: str = "") -> str:
    """The script of a gridpack that makes `asked {rule}` events, an expression of the shell."""
    return _SCRIPT.format(rule=rule)


def write_gridpack(campaign: Campaign, process: str, paths: Paths, text: str, **changes: str) -> Path:
    """Keep a gridpack of a script in place of MadGraph's."""
    record = Gridpack(
        **{
            "version": "3.5.7",
            "scripts": scripts_digest(campaign, process),
            "cards": "0",
            "grids": "0",
            "cross_section": CROSS_SECTION,
            "cross_section_error": 0.0002,
            **changes,
        }
    )
    path = Path(paths.gridpack.format(process=process))
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as packed:
        for name, content in ((RECORD, record.model_dump_json()), ("run.sh", text)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content.encode()), 0o755
            packed.addfile(entry, io.BytesIO(content.encode()))
    return path
