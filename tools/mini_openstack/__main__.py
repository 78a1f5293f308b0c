"""The command line."""

import argparse
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from mini_openstack import lock
from mini_openstack.errors import Trouble
from mini_openstack.install import check, install
from mini_openstack.places import Places
from mini_openstack.processes import Processes
from mini_openstack.progress import say
from mini_openstack.services import services
from mini_openstack.settings import Settings
from mini_openstack.start import start_all, start_some
from mini_openstack.stop import kill_all, stop, stop_all

_INTERRUPTED = 130
_TELLING = ("status", "env", "clouds", "logs")


def main(argv: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(argv)
    for number in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C: what we have begun is noted or ended
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, signal.default_int_handler)
    try:
        os.umask(0o077)
        settings = Settings.of(os.environ, Path.cwd())
        return _run(given, settings, Places.at(settings.directory))
    except Trouble as trouble:
        say(f"error: {trouble}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; `mini-openstack stop` ends what has been started")
        return _INTERRUPTED


def _run(given: argparse.Namespace, settings: Settings, places: Places) -> int:
    if given.command in _TELLING:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # whoever reads it may have read enough
    match given.command:
        case "status":
            return _status(settings, places)
        case "clouds":
            _clouds(places)
        case "env":
            _env(places)
        case "logs":
            _logs(places, given.service)
        case _:
            places.make()
            with lock.held(places, settings.timeout):
                _change(given, settings, places)
    return 0


def _change(given: argparse.Namespace, settings: Settings, places: Places) -> None:
    match given.command:
        case "install":
            install(settings, places)
        case "start" if given.services:
            start_some(settings, places, given.services)
        case "start":
            start_all(settings, places)
        case "stop" if given.services:
            _check_known(settings, places, given.services)
            stop(places, given.services)
        case "stop":
            stop_all(places)
        case "wipe":
            _wipe(places)


def _status(settings: Settings, places: Places) -> int:
    processes = Processes(places)
    all_run = True
    for service in services(settings, places).values():
        life = processes.life(service.name)
        state = "stopped" if life is None else "running" if service.answers() else "silent"
        details = f" pid={life.pid}" if life else ""
        if life and service.ports:
            details += f" {service.address}:{service.ports[0]}"
        print(f"{service.name} {state}{details}")
        all_run = all_run and state == "running"
    return 0 if all_run else 1


def _clouds(places: Places) -> None:
    check(places)
    if not places.clouds.exists():
        raise Trouble("there are no clouds yet: they are made by the first start")
    print(places.clouds.read_text(), end="")


def _env(places: Places) -> None:
    check(places)
    print(f"export OS_CLIENT_CONFIG_FILE={shlex.quote(str(places.clouds))}\nexport OS_CLOUD=mini")


def _logs(places: Places, service: str) -> None:
    log = places.log / f"{Path(service).name}.log"
    if not log.exists():
        there = ", ".join(sorted(file.stem for file in places.log.glob("*.log")))
        raise Trouble(f"there is no log of {service}, but of {there or 'nothing'}")
    with log.open(errors="replace") as lines:
        shutil.copyfileobj(lines, sys.stdout)


def _check_known(settings: Settings, places: Places, names: Sequence[str]) -> None:
    known = {*services(settings, places), *Processes(places).noted()}
    if unknown := [name for name in names if name not in known]:
        raise Trouble(f"there is no service {unknown[0]}, but {', '.join(sorted(known))}")


def _wipe(places: Places) -> None:
    kill_all(places)
    for place in (places.db, places.run, places.log):
        shutil.rmtree(place, ignore_errors=True)
    places.clouds.unlink(missing_ok=True)
    places.make()
    say("the cloud is gone; its programs are still installed")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mini-openstack",
        description="A real OpenStack control plane on one small machine. Settings are environment variables "
        "MINI_OPENSTACK_*; mini_openstack/README.md lists them.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("install", help="install what is missing, and make the databases")
    start = commands.add_parser("start", help="start all services, or those that are named, and wait for them")
    start.add_argument("services", nargs="*", metavar="SERVICE")
    stopping = commands.add_parser("stop", help="stop all services, or those that are named")
    stopping.add_argument("services", nargs="*", metavar="SERVICE")
    commands.add_parser("status", help="a line for each service; exit status 0 if all of them run")
    commands.add_parser("env", help="print shell exports for clients, for `eval`")
    commands.add_parser("clouds", help="print the clouds.yaml")
    logs = commands.add_parser("logs", help="print the log of a service")
    logs.add_argument("service", metavar="SERVICE")
    commands.add_parser("wipe", help="stop all and delete the databases, but not the venv")
    return parser


if __name__ == "__main__":
    sys.exit(main())
