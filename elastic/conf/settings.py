"""Read the configuration, and say in one line what is wrong with it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlsplit

from oslo_config import cfg

from elastic.conf import files, opts
from elastic.conf.brake import Brake
from elastic.conf.bus import Bus
from elastic.conf.cloud import Cloud
from elastic.conf.coordination import Coordination, backend_of
from elastic.conf.decider import Decider
from elastic.conf.default import Default, name_of_host
from elastic.conf.doctor import Doctor
from elastic.conf.metrics import Metrics
from elastic.conf.reaper import Reaper
from elastic.conf.rpc import Rpc
from elastic.conf.sensors import Sensors
from elastic.conf.store import Store
from elastic.errors import BadRequest
from elastic.model.names import checked_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All values at one moment. Secrets are left out when it is shown."""

    default: Default
    store: Store
    coordination: Coordination
    bus: Bus
    rpc: Rpc
    cloud: Cloud
    decider: Decider
    doctor: Doctor
    reaper: Reaper
    brake: Brake
    sensors: Sensors
    metrics: Metrics

    @classmethod
    def of(cls, conf: cfg.ConfigOpts) -> "Settings":
        """What `conf` says now, and what follows from it where it says nothing. Raises BadRequest."""
        said = cls(**{group.name: _values(conf, group.name, group.type) for group in fields(cls)})
        for option, url in said._addresses():
            _check_address(option, url)
        backend = said.coordination.backend_url or backend_of(said.store.url)
        return replace(
            said,
            default=replace(said.default, member=said.default.member or name_of_host()),
            coordination=replace(said.coordination, backend_url=backend),
        )

    def _addresses(self) -> Iterator[tuple[str, str | None]]:
        yield "[store] url", self.store.url
        yield "[coordination] backend_url", self.coordination.backend_url
        yield "[bus] url", self.bus.url
        yield "[bus] vm_url", self.bus.vm_url


def load(
    config_files: Sequence[str], config_dirs: Sequence[str] = (), member: str | None = None
) -> cfg.ConfigOpts:
    """Read these files, then those in these directories; the later word counts, and `member` before all.

    The result is nobody else's: the global CONF is not touched. Raises BadRequest, which names file, group
    and key. Options that do not exist are only warned of.
    """
    files.check(files.those_of(config_files, config_dirs), known())
    conf = _registered()
    argv = [f"--config-file={file}" for file in config_files] + [f"--config-dir={place}" for place in config_dirs]
    try:
        conf(args=argv, project="elastic", default_config_files=[], default_config_dirs=[], use_env=False)
    except cfg.Error as error:
        raise BadRequest(str(error)) from None
    if member is not None:
        conf.set_override("member", checked_name(member, "member"))
    Settings.of(conf)
    return conf


def reread(conf: cfg.ConfigOpts) -> Settings:
    """Take over what has changed in the files, as far as it may change while we run.

    Raises BadRequest if they say what is not allowed; nothing has changed then.
    """
    files.check(files.those_of(conf.config_file, conf.config_dirs), known())
    try:
        conf.mutate_config_files()
    except cfg.Error as error:
        raise BadRequest(str(error)) from None
    return Settings.of(conf)


def known() -> files.Known:
    """Every option that a file may set, also by its former names."""
    listed = [*opts.list_opts(), (None, opts.log_opts())]
    found: dict[tuple[str, str], cfg.Opt] = {}
    for group, options in listed:
        name = group.name if group else "DEFAULT"
        for option in options:
            found[files.key_of(name, option.dest)] = option
            for former in option.deprecated_opts:
                found[files.key_of(former.group or name, former.name or option.dest)] = option
    return found


def _check_address(option: str, url: str | None) -> None:
    """Without its text, which may be secret."""
    try:
        urlsplit(url or "")
    except ValueError:
        raise BadRequest(
            f"{option} cannot be taken apart: write %XX for what is no letter or digit in a user or a secret"
        ) from None


def _registered() -> cfg.ConfigOpts:
    conf = cfg.ConfigOpts()
    for group, options in opts.list_opts():
        conf.register_opts(options, group=group)
    conf.register_opts(opts.log_opts())
    return conf


def _values(conf: cfg.ConfigOpts, name: str, kind: Any) -> Any:
    group = conf if name == "default" else conf[name]
    values = {}
    for field in fields(kind):
        try:
            values[field.name] = group[field.name]
        except (cfg.Error, ValueError) as error:
            shown = "DEFAULT" if name == "default" else name
            raise BadRequest(f"[{shown}] {field.name}: {error}") from None
    return kind(**values)
