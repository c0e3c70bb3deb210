"""Small Les Houches event files, written by hand as the programs write them."""

from collections.abc import Sequence
from pathlib import Path

import pylhe

DATA = Path(__file__).parent / "data" / "lhe"
REAL = sorted(path.name for path in DATA.glob("*.lhe.gz"))

INIT = """<init>
     2212     2212  6.50000E+03  6.50000E+03     -1     -1 325100 325100  {strategy:5d}      1
 {xsec: .5E} {error: .5E}  1.00000E+00  10001
</init>
"""

PARTICLES = """\
       2    -1     0     0   501     0  0.000000000E+00  0.000000000E+00  7.117297118E+02  7.117297118E+02  0.000000000E+00  0.00000E+00  9.000E+00
      21    -1     0     0   502   501  0.000000000E+00  0.000000000E+00 -2.891000305E+02  2.891000305E+02  0.000000000E+00  0.00000E+00  9.000E+00
      23     2     1     2     0     0 {px: .9E} -3.593943455E+02  1.748223482E+01  4.227253733E+02  9.127378893E+01  0.00000E+00  9.000E+00
      16     1     3     3     0     0 -1.464867824E+02 -2.888798205E+02 -2.180147691E+01  3.246309174E+02  0.000000000E+00  0.00000E+00  9.000E+00
     -16     1     3     3     0     0 -5.574059598E+01 -7.051452496E+01  3.928371173E+01  9.809445590E+01  0.000000000E+00  0.00000E+00  9.000E+00
       2     1     1     2   502     0  2.022273784E+02  3.593943455E+02  4.051474464E+02  5.781043690E+02  0.000000000E+00  0.00000E+00  9.000E+00
"""  # noqa: E501 (the columns of POWHEG)

POWHEG_BANNER = """<!--
file generated with POWHEG-BOX-V2
Input file powheg.input contained:
! ----- settings -----
numevts 4 ! number of events; bornktmin < 1d0 & no cuts
End of powheg.input content
PDF package: lhapdf6
 Random number generator initialized with:      1           0           0
-->
<header>
<MGGenerationInfo>
#  Number of Events        :   4.0000000000000000
</MGGenerationInfo>
</header>
<header>
<initrwgt>
<weightgroup name='scales' combine='none' >
<weight id='1001' >renscfact=1d0 facscfact=1d0</weight>
<weight id='1002' >renscfact=2d0 facscfact=2d0</weight>
</weightgroup>
</initrwgt>
</header>
"""


def event(weight: float = 1.0, extra: str = "", px: float = -202.2273784) -> str:
    """An event Z + u, Z → ν ν̄."""
    first = f"      6  10001 {weight: .5E}  9.07218E+02 -1.00000E+00  9.41660E-02\n"
    return f"<event>\n{first}{PARTICLES.format(px=px)}{extra}</event>\n"


def les_houches(
    events: Sequence[str], banner: str = "", strategy: int = 3, xsec: float = 5.0, error: float = 0.1
) -> str:
    """A file of given events."""
    init = INIT.format(strategy=strategy, xsec=xsec, error=error)
    return f'<LesHouchesEvents version="3.0">\n{banner}{init}{"".join(events)}</LesHouchesEvents>\n'


def powheg(weights: Sequence[float] = (1.0, 1.0, -1.0, 1.0), strategy: int = -3, xsec: float = 5.0) -> str:
    """A file as POWHEG-BOX-V2 writes it: two headers, #-lines around `<rwgt>`, a line after the end."""
    events = [
        event(
            weight,
            f"#rwgt            1     {number}   0.12345E+02     1   {number}    0\n"
            f"<rwgt>\n<wgt id='1001'>{weight:.5E}</wgt>\n<wgt id='1002'>{0.5 * weight:.5E}</wgt>\n</rwgt>\n"
            "#pdf   2 21 0.10949995E+00 0.44476928E-01 0.90721790E+03 0.51234567E+00 0.61234567E+00\n",
            px=-202.2273784 - number,
        )
        for number, weight in enumerate(weights)
    ]
    text = les_houches(events, POWHEG_BANNER, strategy, xsec)
    return text + " #Random number generator exit values:      1        8234           0\n"


def pythia(numbers: int = 3) -> str:
    """A file as Pythia's LHAupFromPYTHIA8 writes it: version 1.0, a comment, no header, #pdf lines."""
    pdf = " #pdf    2   21  1.0949995e-01  4.4476928e-02  9.0721790e+02  5.1234567e-01  6.1234567e-01\n"
    text = les_houches([event(1.0, pdf, px=-202.2273784 - number) for number in range(numbers)])
    comment = "<!--\n  File written by Pythia8::LHAup on 12 Mar 2024 at 11:11:11\n-->\n"
    head, rest = text.split("\n", 1)
    return head.replace("3.0", "1.0") + "\n" + comment + rest


def particle(
    pdgid: int,
    status: int = 1,
    mothers: tuple[int, int] = (1, 2),
    momentum: tuple[float, float, float, float] = (300.0, 400.0, 100.0, 520.0),
) -> pylhe.LHEParticle:
    """A particle whose colours, mass, lifetime and spin do not matter."""
    return pylhe.LHEParticle(pdgid, status, *mothers, 0, 0, *momentum, 0.0, 0.0, 9.0)


def record(*particles: pylhe.LHEParticle, incoming: tuple[int, int] = (21, 21)) -> pylhe.LHEEvent:
    """An event of two incoming partons and what is given."""
    beams = [
        particle(pdgid, -1, (0, 0), (0.0, 0.0, side * 900.0, 900.0))
        for pdgid, side in zip(incoming, (1, -1), strict=True)
    ]
    everything = [*beams, *particles]
    info = pylhe.LHEEventInfo(len(everything), 1, 1.0, 500.0, 0.0078, 0.1)
    return pylhe.LHEEvent(info, everything)
