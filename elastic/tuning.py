"""The numbers that a replica runs on, and where each of them is used: they may change while it runs."""

from dataclasses import dataclass, field

from elastic.roles.alibi import Alibis
from elastic.roles.assignment import Assigner
from elastic.roles.cloudcalls import CloudCalls
from elastic.roles.decider import Decider
from elastic.roles.pipe import Pipe
from elastic.roles.provisioner import Provisioner
from elastic.roles.reaper import Reaper
from elastic.roles.resync import Resync
from elastic.roles.survey import Surveyor
from elastic.roles.sweep import Sweep
from elastic.roles.tally import Tally
from elastic.roles.thoughts import Thoughts
from elastic.rules.caution import BrakePolicy


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """All in seconds, but `creates_at_once` and `launches_per_minute` (a site; 0: no bound) and the brake's
    numbers."""

    session_timeout: float = 10.0
    debounce: float = 1.0
    decide: float = 5.0
    budget: float = 5.0
    survey: float = 10.0
    probe: float = 5.0
    sweep: float = 300.0
    grace: float = 60.0
    record_max_age: float = 7200.0
    sense: float = 15.0
    sensor_timeout: float = 5.0
    settle: float = 30.0
    cloud_timeout: float = 20.0
    creates_at_once: int = 4
    launches_per_minute: int = 0
    resync: float = 600.0
    brake: BrakePolicy = field(default_factory=BrakePolicy)
    site_brake_count: int = 5


@dataclass(frozen=True, kw_only=True)
class Dials:
    """The parts of one replica that go by such numbers."""

    alibis: Alibis
    assigner: Assigner
    calls: CloudCalls
    decider: Decider
    pipe: Pipe
    provisioner: Provisioner
    reaper: Reaper
    resync: Resync
    surveyor: Surveyor
    sweep: Sweep
    tally: Tally
    thoughts: Thoughts

    def turn_to(self, tuning: Tuning) -> None:
        """From the next turn on. What is not here (the session, creates at once) stays as it was at the start."""
        self.assigner.debounce = tuning.debounce
        self.decider.interval, self.decider.brake_policy = tuning.decide, tuning.brake
        self.thoughts.budget = tuning.budget
        self.surveyor.interval = self.tally.interval = self.provisioner.survey_interval = tuning.survey
        self.tally.share, self.tally.count = tuning.brake.share, tuning.site_brake_count
        self.pipe.interval = tuning.probe
        self.provisioner.settle = tuning.settle
        self.sweep.interval, self.sweep.grace = tuning.sweep, tuning.grace
        self.reaper.max_age, self.resync.period = tuning.record_max_age, tuning.resync
        for part in (self.alibis, self.calls, self.surveyor, self.sweep):
            part.timeout = tuning.cloud_timeout
