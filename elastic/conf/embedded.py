"""The configuration of an embedded cluster: one directory that holds all of it.

DIR/elastic.conf   this configuration; yours to change once it is written
DIR/secret         the secret of the cluster
DIR/store.db       the store, and the leases
DIR/bus.db         messages under way
DIR/group/         who is there
DIR/cloud/         the servers of the cloud `local`
DIR/run/           process ids, signs of life, locks
"""

import os
import re
from pathlib import Path
from string import Template

from elastic.conf import settings
from elastic.conf.places import absolute
from elastic.conf.secret import mint, write_private
from elastic.errors import BadRequest

CONF = "elastic.conf"
FOLDERS = ("group", "cloud", "run")
LOCAL = "local"

_AWKWARD = re.compile(r"[?#%$;\x00-\x1f\x7f\ud800-\udfff]")
"""They mean something else in an address, or to oslo.config, or cannot be written in a text."""

TEXT = Template("""\
# Written by `elastic run` for a cluster of $replicas replicas on this host. It is not written again:
# change what you like, and start the cluster anew. The options are those of elastic.conf.sample.

[DEFAULT]
secret_file = $place/secret
state_dir = $place
run_dir = $place/run

[store]
url = sqlite:///$place/store.db

[coordination]
backend_url = file://$place/group
session_timeout = 2

[bus]
url = sqlite+elastic:///$place/bus.db

[cloud]
$cloud
settle = $settle

[decider]
interval = 1

[doctor]
interval = 2
probe = 1

[sensors]
allow = *
interval = 2
timeout = 2

[reaper]
interval = 15
grace = 10
""")


def write(directory: str | Path, replicas: int = 3, cloud: str | None = None) -> Path:
    """Make DIR a cluster's, unless it is one, and return its configuration file.

    `cloud` is "local", or a name in clouds.yaml; None takes what DIR says already, else "local". What is
    there is kept. BadRequest if DIR cannot be one, or was made for another place or another cloud.
    """
    place = checked(directory)
    file = place / CONF
    try:
        for folder in ("", *FOLDERS):
            (place / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        mint(place / "secret")
        if not file.exists():
            _write_whole(file, _text(place, replicas, cloud or LOCAL))
    except OSError as error:
        raise BadRequest(f"{place} cannot hold a cluster: {error.strerror}") from None
    _check(file, place, cloud)
    return file


def checked(directory: str | Path) -> Path:
    """Its whole path. BadRequest if that cannot stand in a configuration; nothing is made or looked at."""
    place = absolute(directory)
    if _AWKWARD.search(str(place)):
        raise BadRequest(
            f"{str(place)!r}: the path of a cluster's directory may not have ? # % $ ; in it, nor anything "
            "that is no text in UTF-8 on one line"
        )
    if str(place) != str(place).strip():
        raise BadRequest(f"{str(place)!r}: the path of a cluster's directory may not end with a blank")
    return place


def _text(place: Path, replicas: int, cloud: str) -> str:
    is_local = cloud == LOCAL
    chosen = f"driver = local\nlocal_dir = {place}/cloud" if is_local else f"driver = openstack\nclouds = {cloud}"
    return TEXT.substitute(replicas=replicas, place=place, cloud=chosen, settle=2 if is_local else 30)


def _write_whole(file: Path, text: str) -> None:
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    write_private(fresh, text)
    fresh.replace(file)


def _check(file: Path, place: Path, cloud: str | None) -> None:
    said = settings.Settings.of(settings.load([str(file)]))
    if said.store.url != f"sqlite:///{place}/store.db":
        raise BadRequest(f"{file} is of a cluster in another place ([store] url): take another --data")
    if cloud is None:
        return
    its = LOCAL if said.cloud.driver == "local" else ",".join(said.cloud.clouds)
    if cloud != its:
        raise BadRequest(
            f"{file} says that its cloud is {its!r}, not {cloud!r}: change [cloud] clouds in it, or take another "
            "--data"
        )
