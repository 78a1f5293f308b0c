"""The venv with OpenStack in it. It stays until it should be another one."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from mini_openstack import jobs
from mini_openstack.errors import Trouble
from mini_openstack.jobs import Step
from mini_openstack.places import Places
from mini_openstack.processes import Processes
from mini_openstack.progress import say
from mini_openstack.settings import Settings

_OURS = Path(__file__).with_name("constraints.txt")
PACKAGES = [
    "keystone==30.0.0",
    "glance==33.0.0",
    "openstack-placement==16.0.0",
    "nova==34.0.0",
    "neutron==29.0.0",
    "cinder==29.0.0",
    "fixtures",  # nova's fake driver needs it and does not ask for it
    "waitress",
    "pymysql",
]
_WANTED = """
import sys
if sys.version_info < (3, 11):
    sys.exit("it is Python %d.%d, and 3.11 or newer is needed" % sys.version_info[:2])
try:
    import ensurepip, venv
except ImportError:
    sys.exit("it has no venv module (Debian: apt-get install python3-venv)")
"""


def provide(settings: Settings, places: Places) -> None:
    constraints = settings.constraints or _OURS
    wanted = _fingerprint(constraints, settings.python)
    mark = places.venv / "mini-openstack"
    if mark.exists() and mark.read_text() == wanted:
        return
    if Processes(places).noted():
        raise Trouble("another set of packages is to be installed than that which runs: stop all first")
    _check(settings.python)
    say("installing OpenStack from PyPI (a minute or two)")
    shutil.rmtree(places.venv, ignore_errors=True)
    environment = dict(os.environ)
    log = places.log_of("pip")
    python = str(places.venv / "bin" / "python")
    jobs.run(Step([settings.python, "-m", "venv", str(places.venv)], environment, log))
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar=off"]
    jobs.run(Step([*pip, "--constraint", str(constraints), *PACKAGES], environment, log))
    mark.write_text(wanted)
    say("OpenStack is installed")


def _fingerprint(constraints: Path, python: str) -> str:
    """As it is named: that `python3` is another one in another shell is no reason to install all anew."""
    text = "\n".join([*PACKAGES, constraints.read_text(), python])
    return hashlib.sha256(text.encode()).hexdigest()


def _check(python: str) -> None:
    try:
        done = subprocess.run([python, "-c", _WANTED], capture_output=True, text=True)
    except OSError as refusal:
        raise Trouble(f"MINI_OPENSTACK_PYTHON: {python} cannot be run: {refusal.strerror}") from None
    if done.returncode:
        raise Trouble(f"MINI_OPENSTACK_PYTHON: {python} will not do: {done.stderr.strip()}")
