"""MariaDB's data and the databases in it, made once.

SQLite would not do: two services that write at a time lock each other out.
"""

import grp
import os
import pwd
import shutil

from mini_openstack import jobs
from mini_openstack.config import DATABASES, database_url
from mini_openstack.errors import Trouble
from mini_openstack.jobs import Step
from mini_openstack.launch import Launch
from mini_openstack.places import Places
from mini_openstack.programs import find
from mini_openstack.progress import say
from mini_openstack.services import venv_environment
from mini_openstack.settings import Settings

# filled in from nova.conf whenever it is read, so that another password or port is not one too many
_TRANSPORT = "{scheme}://{username}:{password}@{hostname}:{port}/{path}?{query}"


def provide(settings: Settings, places: Places) -> None:
    """MariaDB runs afterwards if they had to be made."""
    mark, wanted = places.db / "made", "\n".join(DATABASES)
    if mark.exists():
        if mark.read_text() != wanted:
            raise Trouble("this cloud was made by an earlier mini-openstack, and lacks a database: `wipe` it")
        return
    say("creating the databases")
    for part in ("mariadb", "images", "fernet-keys", "credential-keys"):
        shutil.rmtree(places.db / part, ignore_errors=True)
    for part in ("images", "fernet-keys", "credential-keys"):
        (places.db / part).mkdir(mode=0o700)
    jobs.run(_server_files(places))
    launch = Launch(settings, places)
    launch.begin(["mariadb"])
    launch.until_answered(["mariadb"])
    jobs.run(_inside(places, "databases"))
    jobs.run_chains(_chains(places))
    mark.write_text(wanted)
    say("the databases are made")


def _server_files(places: Places) -> Step:
    argv = [find("mariadb-install-db") or "mariadb-install-db", "--no-defaults", "--skip-test-db"]
    argv += [f"--datadir={places.db}/mariadb", "--auth-root-authentication-method=normal"]
    return Step(argv, dict(os.environ), places.log_of("mariadb-install"))


def _chains(places: Places) -> list[list[Step]]:
    """Those that need one another, in order."""
    user = pwd.getpwuid(os.geteuid()).pw_name
    group = grp.getgrgid(os.getegid()).gr_name
    owner = ["--keystone-user", user, "--keystone-group", group]
    cell0 = ["--database_connection", database_url(places, "nova_cell0")]
    return [
        [
            _manage(places, "keystone", "keystone", "db_sync"),
            _manage(places, "keystone", "keystone", "fernet_setup", *owner),
            _manage(places, "keystone", "keystone", "credential_setup", *owner),
        ],
        [
            _manage(places, "nova", "nova", "api_db", "sync"),
            _manage(places, "nova", "nova", "cell_v2", "map_cell0", *cell0),
            _manage(places, "nova", "nova", "db", "sync"),
            _manage(
                places, "nova", "nova", "cell_v2", "create_cell", "--name", "cell1", "--transport-url", _TRANSPORT
            ),
        ],
        [_manage(places, "glance", "glance-api", "db_sync")],
        [_manage(places, "cinder", "cinder", "db", "sync")],
        [_manage(places, "placement", "placement", "db", "sync")],
        [_inside(places, "neutron")],
    ]


def _manage(places: Places, service: str, config: str, *args: str) -> Step:
    argv = [f"{places.venv}/bin/{service}-manage", "--config-file", f"{places.etc}/{config}.conf", *args]
    return Step(argv, venv_environment(places), places.log_of(f"{service}-db"))


def _inside(places: Places, part: str) -> Step:
    argv = [f"{places.venv}/bin/python", "-m", "mini_openstack.inside.tables", part]
    return Step(argv, venv_environment(places), places.log_of(f"{part}-db"))
