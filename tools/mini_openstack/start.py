"""Services are started, each as soon as what it needs is there, and awaited until they answer."""

from collections.abc import Sequence
from contextlib import nullcontext

from mini_openstack import config, databases, install, registration
from mini_openstack.errors import Trouble
from mini_openstack.jobs import Step, begun
from mini_openstack.launch import Launch
from mini_openstack.places import Places
from mini_openstack.processes import Processes
from mini_openstack.progress import say
from mini_openstack.services import FOUNDATIONS, WEB, venv_environment
from mini_openstack.settings import Settings

_CONDUCTOR_IS_THERE = "Starting conductor node"


def start_all(settings: Settings, places: Places) -> None:
    install.prepare(settings, places)
    databases.provide(settings, places)
    launch = Launch(settings, places)
    is_due = registration.is_due(settings, places)
    _start_foundations(launch, settings, places)
    launch.begin(["keystone"])
    if is_due:
        launch.run(registration.bootstrap(settings, places))
        launch.until_answered(["keystone"])  # alone, it is there sooner, and the others start as we register them
    launch.begin(WEB)
    launch.until_answered(["keystone"])
    if is_due:
        launch.run(registration.register(places))
        say("users, projects and the catalogue are registered")
    config.write_clouds(settings, places)
    launch.until_answered(_foundations(launch))
    # these log in to keystone as they start
    launch.begin(["nova-conductor", "nova-scheduler"])
    launch.until_answered(WEB)
    with begun(registration.furnish(places), launch.watch) if is_due else nullcontext():
        # nova-compute asks for the conductor once in ten seconds: too early is much too late
        launch.until_logged("nova-conductor", _CONDUCTOR_IS_THERE)
        launch.begin(launch.services)
    if is_due:
        registration.mark_done(settings, places)
        say("flavors, images and networks are there")
    _await_reports(launch, places, list(launch.services))
    say(f"ready: {settings.auth_url}, configured in {places.clouds}")


def start_some(settings: Settings, places: Places, names: Sequence[str]) -> None:
    """They are awaited as far as can be seen with what else runs."""
    if not install.is_installed(places):
        raise Trouble("nothing was ever started here: `mini-openstack start` starts all")
    config.write(settings, places)
    launch = Launch(settings, places)
    if unknown := [name for name in names if name not in launch.services]:
        raise Trouble(f"there is no service {unknown[0]}, but {', '.join(launch.services)}")
    launch.begin(names)
    launch.until_answered(names)
    processes = Processes(places)
    agents = [name for name, service in launch.services.items() if not service.can_be_asked]
    if set(names).isdisjoint(FOUNDATIONS):
        awaited = [name for name in agents if name in names]
    else:  # an outage ends, and they come back in their own time
        awaited = [name for name in agents if processes.life(name)]
    needed = [*_foundations(launch), "keystone"]
    seen = [name for name in awaited if processes.all_run([*needed, f"{name.partition('-')[0]}-api"])]
    if seen:
        _await_reports(launch, places, seen)
    launch.check()


def _start_foundations(launch: Launch, settings: Settings, places: Places) -> None:
    launch.begin(_foundations(launch))
    launch.until_answered(["mariadb"])
    if settings.rabbit_url:
        launch.run(_inside(places, "login"))


def _foundations(launch: Launch) -> list[str]:
    """A RabbitMQ that was given is no service of ours."""
    return [name for name in FOUNDATIONS if name in launch.services]


def _await_reports(launch: Launch, places: Places, names: Sequence[str]) -> None:
    """Of nova's and cinder's agents, which listen nowhere."""
    launch.run(_inside(places, "wait", str(launch.seconds_left), *names))
    for name in names:
        if not launch.services[name].can_be_asked:
            say(f"{name} is up")


def _inside(places: Places, module: str, *args: str) -> Step:
    argv = [f"{places.venv}/bin/python", "-m", f"mini_openstack.inside.{module}", *args]
    return Step(argv, venv_environment(places), places.log_of(module))
