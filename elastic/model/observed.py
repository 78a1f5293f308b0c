"""What is measured of a domain and its instances, as far as anybody told."""

from collections.abc import Mapping

import msgspec

from elastic.model.actions import Sample, Work


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """Samples by metric, of the domain and of each instance by its id; `work` by instance id. `lacks`: in words,
    what is asked for and not known, and why. `sources`: by metric, who told it."""

    domain: Mapping[str, Sample] = {}
    instances: Mapping[str, Mapping[str, Sample]] = {}
    work: Mapping[str, Work] = {}
    lacks: tuple[str, ...] = ()
    sources: Mapping[str, str] = {}
