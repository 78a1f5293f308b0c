"""Several laws put together, and a fixed way from what they ask for to a size."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import msgspec

from elastic.errors import BadRequest
from elastic.model.actions import Answer, Place, Question, Reason
from elastic.rules.answering import Moves, answered, parted
from elastic.rules.census import Census, recalled, take_census
from elastic.rules.exact import Number
from elastic.rules.manysites import ManySites, Placement, Retired, Site, by_site, fill, spread
from elastic.rules.observing import Observing
from elastic.rules.pipeline import Outcome, Past, Pipeline, Turn
from elastic.rules.scalein import ScaleIn
from elastic.rules.settings import Settings, distinct
from elastic.rules.signals import Signals
from elastic.rules.sizing import stamped

KEYS = (
    "deployable_type",
    "allocation",
    "sites",
    "placement",
    *Pipeline.KEYS,
    "signals",
    "scale_in",
    "retirable_nodes",
    "dry_run",
)
SITE_KEYS = ("name", "max", "weight")
PLACEMENTS: Mapping[str, Placement] = {"spread": spread, "fill": fill}


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What this engine remembers besides."""

    history: tuple[Past, ...] = ()
    misses: int = 0

    @classmethod
    def read(cls, memo: Mapping[str, Any] | None) -> Self:
        return recalled(memo, cls)


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Where one site is filled after the other, the last one is emptied first."""

    documentation: ClassVar[str] = """\
Composes one size out of several laws, and follows it no faster than it is told to.

deployable_type   what to launch; required
allocation        the allocation
sites             where: names, or {name, max, weight}; required. What is at another site has to go
placement         spread (by weight) or fill (one site after the other); spread
capacity          {min: 0, max: required, slots: 1, weight: 1, boot_timeout: 300}; slots: tasks at a time
policies          a list of {name, engine, and its keys}; required:
  backlog_ratio     spawn_ratio 0.2, backlog_threshold 3, min_idle 1, wake_count 1, rounding up,
                    release_when ready_zero, maintain_min_idle false, legacy false
  queue_per_worker  target 5, tolerance 0.1, activation 0, include_unacked true, include_running true
  drain_time        target_seconds 300, rho 0.8, tau_hint
  utilisation       target 0.7, tolerance 0.1
  step              bands: a list of {lower, upper, and one of delta, percent, exact}; metric
  fixed             size
  external          source, metric
  schedule          cron, duration, tz UTC, and one of floor, ceiling, exact
combine           max, min or sum of them; max. Fewer only if all agree to fewer
behaviour         interval 30, window_up 0, window_down 600, max_step_up "100%|4", max_step_down "25%|1",
                  cooldown_in 60, cooldown_out 0
fallback          failure_threshold 3, mode hold (static, current_if_higher, current_if_lower), size
signals           max_age (15 s, or three intervals), metrics: {signal: metric}, queue
scale_in          victims idle_first, allow_busy false, min_lifetime 300, drain_timeout 900,
                  on_timeout wait (requeue, kill)
retirable_nodes   instances that go first when there are too many
dry_run           true: nothing is done, and the reasons say what would be; false
victims           who goes first of the others: newest or oldest; newest
reclaim           whether a share may shrink the domain; false
"""

    where: ManySites
    pipeline: Pipeline
    observing: Observing
    scale_in: ScaleIn
    is_dry: bool

    @classmethod
    def configured(cls, conf: Mapping[str, Any]) -> Self:
        settings = Settings(conf, KEYS)
        common = settings.common()
        pipeline = Pipeline.read(settings, reclaim=common.reclaim)
        signals = settings.section("signals", ("max_age", "metrics", "queue"))
        return cls(
            where=ManySites(
                sites=_sites(settings),
                deployable_type=settings.text("deployable_type"),
                allocation=settings.text("allocation", None),
                placement=PLACEMENTS[settings.choice("placement", tuple(PLACEMENTS))],
            ),
            pipeline=pipeline,
            observing=Observing.read(signals, pipeline.behaviour.interval),
            scale_in=ScaleIn.read(settings, common),
            is_dry=settings.flag("dry_run", default=False),
        )

    @property
    def places(self) -> tuple[Place, ...]:
        """What it may launch."""
        return self.where.places("sites", "deployable_type", "allocation")

    @property
    def interval(self) -> float:
        return float(self.pipeline.behaviour.interval)

    def decide(self, question: Question) -> Answer:
        whole, past = take_census(question, self.where.first), History.read(question.memo)
        retired = self.where.retire_others(whole, oldest_first=self.scale_in.oldest_first)
        signals = self.observing.signals(
            question, retired.census.counted, max(0, whole.base - retired.census.size)
        )
        turn = self._turn(question, retired.census, signals, past)
        outcome = self.pipeline.run(turn)
        answer = self._answered(question, retired, turn, outcome)
        if self.is_dry:
            return _undone(answer, question, whole)
        remembered = self.pipeline.remembered(past.history, question.now, outcome.entered)
        memo = {**(answer.memo or {}), "history": remembered, "misses": self._misses(outcome, past)}
        return msgspec.structs.replace(answer, memo=memo)

    def _turn(self, question: Question, census: Census, signals: Signals, past: History) -> Turn:
        def told(metric: str | None) -> Signals:
            value = self.observing.value(metric, question, census.counted)
            return msgspec.structs.replace(signals, value=value)

        return Turn(
            signals={name: told(law.metric) for name, law in self.pipeline.laws.items()},
            current=signals.current,
            counted=census.size,
            now=question.now,
            share=question.share,
            misses=past.misses + 1,
            history=past.history,
            last_change=census.memo.last_change,
        )

    def _misses(self, outcome: Outcome, past: History) -> int:
        knows = not outcome.raw or any(number is not None for number in outcome.raw.values())
        return 0 if knows else past.misses + 1

    def _answered(self, question: Question, retired: Retired, turn: Turn, outcome: Outcome) -> Answer:
        census = retired.census
        moves = self._reach(outcome.desired, census, question.now)
        lacks = tuple(
            Reason("no_data", f"{name}: {signal} is not known") for name, signal in outcome.unknown.items()
        )
        said = tuple(Reason(stage.stage, stage.reason, stage.value) for stage in outcome.stages if stage.tells)
        return answered(
            census,
            outcome.desired,
            msgspec.structs.replace(moves, going=retired.going + moves.going),
            retired.reasons + lacks + said,
            stamped(turn.last_change, outcome.before, outcome.desired, question.now),
        )

    def _reach(self, desired: int, census: Census, now: Number) -> Moves:
        if desired <= census.size:
            return self._shrink(census.size - desired, census, now)
        missing = desired - census.size
        back = self.where.taken_back(missing, census)
        return self.where.grow(missing, back, by_site(census.valid), census, now)

    def _shrink(self, excess: int, census: Census, now: Number) -> Moves:
        if not excess:
            return Moves()
        sites = [site.name for site in self.where.sites[::-1]] if self.where.placement is fill else ()
        candidates, passed_over = self.scale_in.candidates(census, now, sites)
        moves = parted(excess, candidates[:excess], passed_over or "there are no others")
        if len(candidates) < excess or not passed_over:
            return moves
        reasons = (*moves.reasons, Reason("victims", f"passed over: {passed_over}"))
        return msgspec.structs.replace(moves, reasons=reasons)


def _undone(answer: Answer, question: Question, census: Census) -> Answer:
    """A dry run: what is draining goes on so, and nothing else is done."""
    would = [f"launch one at {launch.site}" for launch in answer.launches]
    would += [f"terminate {name}" for name in answer.terminates] + [f"drain {name}" for name in answer.drains]
    drains = tuple(i.instance_id for i in census.leaving)
    pending = drains or any(i.state.is_coming for i in census.valid)
    said = Reason("dry_run", f"nothing is done; it would {', '.join(would) or 'do nothing'}")
    return msgspec.structs.replace(
        answer,
        launches=(),
        terminates=(),
        drains=drains,
        status="PENDING" if pending else "STABLE",
        reasons=(*answer.reasons, said),
        memo=question.memo,
    )


def _sites(settings: Settings) -> tuple[Site, ...]:
    sites: list[Site] = []
    for where, said in _each(settings):
        if isinstance(said, str):
            sites.append(Site(said))
            continue
        one = Settings(said, SITE_KEYS, inside=where)
        weight = one.number("weight", 1, positive=True)
        sites.append(Site(one.text("name"), one.integer("max", None), weight))
    distinct("sites", [site.name for site in sites])
    return tuple(sites)


def _each(settings: Settings) -> Sequence[tuple[str, Any]]:
    said = settings.anything("sites")
    if not isinstance(said, list | tuple) or not said or not all(isinstance(s, str | Mapping) for s in said):
        raise BadRequest(f"sites has to be a list of names, or of maps with {', '.join(SITE_KEYS)}, not {said!r}")
    return [(f"sites[{number}]", one) for number, one in enumerate(said)]
