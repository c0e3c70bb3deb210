"""What `jetresim report` prints."""

import json
from collections.abc import Sequence
from pathlib import Path

from jetresim.dataset.process_warnings import dataset_warnings
from jetresim.report.checks import Check, Verdict, worst


def shown_findings(checks: Sequence[Check]) -> list[str]:
    """What is not in order, one line each; what passed or could not be checked is on the page."""
    return [
        f"{finding.verdict}: {check.name}: {finding.text}"
        for check in checks
        for finding in check.findings
        if finding.verdict in (Verdict.WARN, Verdict.FAIL)
    ]


def checks_as_json(folder: Path, checks: Sequence[Check]) -> str:
    """All checks of a campaign with their findings, and the warnings about its processes."""
    content = {
        "folder": str(folder),
        "verdict": worst([check.verdict for check in checks]),
        "checks": [
            {
                "name": check.name,
                "verdict": check.verdict,
                "findings": [finding._asdict() for finding in check.findings],
                "criterion": check.criterion,
            }
            for check in checks
        ],
        "warnings": dataset_warnings(folder / "dataset"),
    }
    return json.dumps(content, indent=1, ensure_ascii=False)
