"""Hard events of a particle gun: a resonance with flat mass and pT, back to back with an invisible Z."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pylhe

from jetresim.campaign.config import Campaign, Gun
from jetresim.campaign.errors import ConfigError, HardEventError
from jetresim.campaign.seeds import HARD_PROCESS, event_seed
from jetresim.generators.decays import ResonanceDecays
from jetresim.generators.events import HardEvent
from jetresim.generators.lhe_init import unweighted_init
from jetresim.generators.survey import Survey
from jetresim.generators.targets import final_state, find_targets, no_targets

__all__ = ["CROSS_SECTION", "ParticleGun"]

CROSS_SECTION = 1.0
"""Cross-section before decays [pb]: there is none, so every event weighs the same."""

_PROCESS_ID = 9999
_INCOMING, _FINAL = -1, 1
_UNKNOWN_SPIN = 9.0
_TOP, _Z, _GLUON, _UP = 6, 23, 21, 2
_ALPHA_EM, _ALPHA_S = 1 / 128, 0.118
_CHECKED_EVENTS = 100


class _Momentum(NamedTuple):
    px: float
    py: float
    pz: float
    e: float
    m: float


@dataclass(frozen=True)
class _Beam:
    """An incoming parton and the colour and anticolour of its line."""

    pdgid: int
    color: int
    anticolor: int


_GLUONS = (_Beam(_GLUON, 501, 502), _Beam(_GLUON, 502, 501))


class ParticleGun:
    """Generator `gun`: X and an invisible Z, with no matrix element, so that mass and pT are flat.

    The pT of X is flat within the cuts of the process, its mass within `gun.mass`, its rapidity within
    `gun.rapidity_max`. The Z has the opposite transverse momentum and rapidity 0. A neutral X comes from
    two gluons; a top from u g and a top antiquark from ū g, one as often as the other (as a top that recoils
    against something invisible does: arXiv:1106.6199). Pythia then decays both, see `generators.decays`:
    the decay of a spin-0 particle is isotropic.

    Parameters
    ----------
    campaign : Campaign
    process : str
        Name of the process.
    """

    def __init__(self, campaign: Campaign, process: str) -> None:
        self._campaign = campaign
        self._name = process
        self._process = campaign.process(process)
        assert self._process.gun is not None  # by validation
        self._gun: Gun = self._process.gun
        self._decays = ResonanceDecays(campaign, process)

    def check(self) -> None:
        """Refuse particles that the gun cannot shoot, and events that the beams cannot make.

        Raises
        ------
        ConfigError, HardEventError
        """
        data = self._decays.particle_data
        if self._gun.pdgid != _TOP and (data.chargeType(self._gun.pdgid) or data.colType(self._gun.pdgid)):
            raise ConfigError(
                f"processes.{self._name}.gun.pdgid: {self._gun.pdgid} carries charge or colour; expected a "
                f"neutral resonance such as 25 or 35, or {_TOP}"
            )
        for pdgid in (self._gun.pdgid, _Z):
            if not self._decays.open_fraction([pdgid]) > 0:
                raise HardEventError(
                    f"process {self._name}: Pythia has no open decay of {pdgid}; check `decay_settings`"
                )
        pt, rapidity = self._process.cuts.pt_max or 0.0, self._gun.rapidity_max
        masses = (max(self._masses()), data.m0(_Z))
        x, z = (math.hypot(pt, mass) for mass in masses)
        needed = x * math.exp(rapidity) + z
        if needed >= self._campaign.beams.energy:
            raise ConfigError(
                f"processes.{self._name}.gun: pT up to {pt:g} GeV and rapidity up to {rapidity:g} need beams "
                f"of {needed:.4g} GeV, more than `beams.energy` ({self._campaign.beams.energy:g})"
            )

    def survey(self) -> Survey:
        """Weigh the decays that are open, and see that they make targets.

        Raises
        ------
        HardEventError
            None of the first events has a target.
        """
        weight = CROSS_SECTION * self._decays.open_fraction([self._gun.pdgid, _Z])
        survey = Survey(cross_section=weight, cross_section_error=0.0)
        states = Counter[tuple[int, ...]]()
        for event in self.events(range(_CHECKED_EVENTS), survey):
            if find_targets(event.record, self._process.targets):
                return survey
            states[final_state(event.record)] += 1
        raise HardEventError(
            f"{no_targets(self._name, self._process.targets, states)}; check `targets` and `decay_settings`"
        )

    def init(self, survey: Survey) -> pylhe.LHEInit:
        """The ``<init>`` block: beams, no PDF, and the cross-section [pb]."""
        return unweighted_init(self._campaign.beams, survey, _PROCESS_ID, generators=())

    def header(self) -> pylhe.LHEHeader | None:
        """Generated events need no header."""
        return None

    def events(self, events: range, survey: Survey) -> Iterator[HardEvent]:
        """Make hard events, each from a stream of its own.

        Parameters
        ----------
        events : range
            Event indices.
        survey : Survey
            Not needed: the weights follow from the decays that are open.
        """
        for index in events:
            rng = np.random.default_rng(event_seed(self._campaign.seed, self._name, index, HARD_PROCESS))
            yield self._decays(HardEvent(index, self._record(rng)))

    def _masses(self) -> tuple[float, float]:
        """Lowest and highest mass of X [GeV]: what is asked for, or Pythia's mass."""
        return self._gun.mass or (self._decays.particle_data.m0(self._gun.pdgid),) * 2

    def _record(self, rng: np.random.Generator) -> pylhe.LHEEvent:
        cuts = self._process.cuts
        mass, pt = rng.uniform(*self._masses()), rng.uniform(cuts.pt_min, cuts.pt_max)
        phi = rng.uniform(-math.pi, math.pi)
        rapidity = rng.uniform(-self._gun.rapidity_max, self._gun.rapidity_max)
        sign = 1 if self._gun.pdgid != _TOP or rng.random() < 0.5 else -1
        x = _momentum(mass, pt, phi, rapidity)
        z = _momentum(self._decays.particle_data.m0(_Z), pt, phi + math.pi, 0.0)
        first, second = _incoming(sign) if self._gun.pdgid == _TOP else _GLUONS
        top = (502, 0) if sign > 0 else (0, 502)
        particles = [
            _particle(first.pdgid, _INCOMING, (first.color, first.anticolor), _along(x, z, 1)),
            _particle(second.pdgid, _INCOMING, (second.color, second.anticolor), _along(x, z, -1)),
            _particle(sign * self._gun.pdgid, _FINAL, top if self._gun.pdgid == _TOP else (0, 0), x),
            _particle(_Z, _FINAL, (0, 0), z),
        ]
        info = pylhe.LHEEventInfo(
            nparticles=len(particles), pid=_PROCESS_ID, weight=CROSS_SECTION,
            scale=math.hypot(mass, pt), aqed=_ALPHA_EM, aqcd=_ALPHA_S,
        )  # fmt: skip
        return pylhe.LHEEvent(eventinfo=info, particles=particles)


def _incoming(sign: int) -> tuple[_Beam, _Beam]:
    """An up quark or antiquark and a gluon that make a top or a top antiquark."""
    if sign > 0:
        return _Beam(_UP, 501, 0), _Beam(_GLUON, 502, 501)
    return _Beam(-_UP, 0, 501), _Beam(_GLUON, 501, 502)


def _momentum(mass: float, pt: float, phi: float, rapidity: float) -> _Momentum:
    transverse = math.hypot(mass, pt)
    return _Momentum(
        pt * math.cos(phi),
        pt * math.sin(phi),
        transverse * math.sinh(rapidity),
        transverse * math.cosh(rapidity),
        mass,
    )


def _along(x: _Momentum, z: _Momentum, direction: int) -> _Momentum:
    """The massless parton along the beam that brings its share of energy and momentum."""
    energy = (x.e + z.e + direction * (x.pz + z.pz)) / 2
    return _Momentum(0.0, 0.0, direction * energy, energy, 0.0)


def _particle(pdgid: int, status: int, colors: tuple[int, int], momentum: _Momentum) -> pylhe.LHEParticle:
    mothers = (0, 0) if status == _INCOMING else (1, 2)
    return pylhe.LHEParticle(pdgid, status, *mothers, *colors, *momentum, 0.0, _UNKNOWN_SPIN)
