"""Several laws put together, and a fixed way from what they ask for to a size."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal, Self

import msgspec

from elastic.model.actions import Answer, Place, Question, Reason
from elastic.model.kinds import MOST_ITEMS, Flat, Name, Positive, Section, Whole, about
from elastic.rules import manysites
from elastic.rules.answering import Moves, answered, parted
from elastic.rules.census import Census, recalled, take_census
from elastic.rules.common import Common, manual
from elastic.rules.exact import Number
from elastic.rules.manual import Manual
from elastic.rules.manysites import ManySites, Placement, Retired, by_site, fill, spread
from elastic.rules.observing import Observing
from elastic.rules.pipeline import Outcome, Past, Pipeline, Turn
from elastic.rules.scalein import ScaleIn
from elastic.rules.schema import check_distinct
from elastic.rules.signals import Signals
from elastic.rules.sizing import stamped

PLACEMENTS: Mapping[str, Placement] = {"spread": spread, "fill": fill}


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What this engine remembers besides."""

    history: tuple[Past, ...] = ()
    misses: int = 0

    @classmethod
    def read(cls, memo: Mapping[str, Any] | None) -> Self:
        return recalled(memo, cls)


class Site(Section, frozen=True, kw_only=True):
    name: Annotated[Name, about("the site's name")]
    max: Annotated[Whole | None, about("how many it may hold", default="no limit")] = None
    weight: Annotated[Positive, about("its part of what is spread")] = 1


class Policy(Common, frozen=True, kw_only=True):
    """Where one site is filled after the other, the last one is emptied first."""

    documentation: ClassVar[Manual] = manual(
        "Composes one size out of several policies, and follows it no faster than it is told to."
    )

    deployable_type: Annotated[Name, about("what to launch: a deployable type")]
    allocation: Annotated[Name | None, about("its allocation")] = None
    sites: Annotated[
        tuple[Name | Site, ...],
        about(
            "where: names of sites, or maps. What is at another site has to go",
            min_length=1,
            max_length=MOST_ITEMS,
        ),
    ]
    placement: Annotated[
        Literal["spread", "fill"], about("spread: over the sites, by their weights; fill: one after the other")
    ] = "spread"
    pipeline: Flat[Pipeline]
    signals: Annotated[Observing, about("what the policies are told")] = Observing()
    scale_in: Annotated[ScaleIn, about("who may go when there are too many")] = ScaleIn()
    retirable_nodes: Annotated[
        tuple[str, ...], about("ids of instances that go first when there are too many")
    ] = ()
    dry_run: Annotated[bool, about("whether only to say, in reasons, what would be done")] = False

    def __post_init__(self) -> None:
        check_distinct("sites", [site if isinstance(site, str) else site.name for site in self.sites])

    @property
    def where(self) -> ManySites:
        return ManySites(
            sites=tuple(
                manysites.Site(s) if isinstance(s, str) else manysites.Site(s.name, s.max, s.weight)
                for s in self.sites
            ),
            deployable_type=self.deployable_type,
            allocation=self.allocation,
            placement=PLACEMENTS[self.placement],
        )

    @property
    def places(self) -> tuple[Place, ...]:
        """What it may launch."""
        return self.where.places("sites", "deployable_type", "allocation")

    @property
    def interval(self) -> float:
        return float(self.pipeline.behaviour.interval)

    def decide(self, question: Question) -> Answer:
        where, past = self.where, History.read(question.memo)
        whole = take_census(question, where.first)
        retired = where.retire_others(Retired(whole), oldest_first=self.oldest_first)
        missing = max(0, whole.base - retired.census.size)
        signals = self.signals.signals(question, retired.census.counted, missing, self._oldest)
        turn = self._turn(question, retired.census, signals, past)
        outcome = self.pipeline.run(turn)
        answer = self._answered(question, retired, turn, outcome)
        if self.dry_run:
            return _undone(answer, question, whole)
        remembered = self.pipeline.remembered(past.history, question.now, outcome.entered)
        memo = {**(answer.memo or {}), "history": remembered, "misses": self._misses(outcome, past)}
        return msgspec.structs.replace(answer, memo=memo)

    @property
    def _oldest(self) -> Number | Fraction:
        """Seconds for which a sample counts."""
        return self.signals.oldest(self.pipeline.behaviour.interval)

    def _turn(self, question: Question, census: Census, signals: Signals, past: History) -> Turn:
        def told(metric: str | None) -> Signals:
            value = self.signals.value(metric, question, census.counted, self._oldest)
            return msgspec.structs.replace(signals, value=value)

        return Turn(
            signals={name: told(law.metric) for name, law in self.pipeline.laws.items()},
            current=signals.current,
            counted=census.size,
            now=question.now,
            share=question.share,
            reclaim=self.reclaim,
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
            moves,
            retired.reasons + lacks + said,
            stamped(turn.last_change, outcome.before, outcome.desired, question.now),
            retired.going,
        )

    def _reach(self, desired: int, census: Census, now: Number) -> Moves:
        if desired <= census.size:
            return self._shrink(census.size - desired, census, now)
        missing, where = desired - census.size, self.where
        back = where.taken_back(missing, census)
        return where.grow(missing, back, by_site(census.valid), census, now)

    def _shrink(self, excess: int, census: Census, now: Number) -> Moves:
        if not excess:
            return Moves()
        sites = [site.name for site in self.where.sites[::-1]] if self.placement == "fill" else ()
        candidates, passed_over = self.scale_in.candidates(
            census, now, self.retirable_nodes, self.oldest_first, sites
        )
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
