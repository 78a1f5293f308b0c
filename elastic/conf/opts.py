"""All options: what the sample generator and `settings` ask for."""

import copy
from collections.abc import Sequence

from oslo_config import cfg
from oslo_log._options import list_opts as oslo_log_opts  # what its entry point `oslo.config.opts` names

from elastic.conf import (
    brake,
    bus,
    cloud,
    coordination,
    decider,
    default,
    doctor,
    metrics,
    reaper,
    rpc,
    sensors,
    store,
)

GROUPS = (default, store, coordination, bus, rpc, cloud, decider, doctor, reaper, brake, sensors, metrics)

LINE = (
    "%(asctime)s.%(msecs)03d %(process)d %(levelname)s %(name)s domain=%(domain)s member=%(member)s term=%(term)s "
)
LOG_DEFAULTS = {
    "logging_default_format_string": LINE + "%(message)s",
    "logging_context_format_string": LINE + "%(message)s",
    "logging_exception_prefix": LINE,
    "use_stderr": True,
    "log_rotation_type": "size",
    "max_logfile_size_mb": 20,
    "max_logfile_count": 5,
}


def list_opts() -> Sequence[tuple[cfg.OptGroup | None, list[cfg.Opt]]]:
    """The options of this package, group by group (entry point `oslo.config.opts`)."""
    return [(part.GROUP, part.OPTIONS) for part in GROUPS]


def set_log_defaults() -> None:
    """Show our defaults of oslo.log's options in the sample (entry point `oslo.config.opts.defaults`)."""
    for _, options in oslo_log_opts():
        cfg.set_defaults(options, **LOG_DEFAULTS)


def log_opts() -> list[cfg.Opt]:
    """oslo.log's options with our defaults; copies, so that nothing else in the process changes."""
    options = copy.deepcopy([option for _, group in oslo_log_opts() for option in group])
    cfg.set_defaults(options, **LOG_DEFAULTS)
    return options
