"""Of what runs in the services' venv, that which needs nothing there."""

from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import pytest
from mini_openstack import registration
from mini_openstack.inside import furnish, register, stack, wait
from mini_openstack.inside.faults import Faults
from mini_openstack.places import Places
from mini_openstack.services import services

from tests.unit.tools.tool import settings


@pytest.mark.parametrize(
    ("metadata", "faults"),
    [
        ({}, {}),
        ({"mini": "x", "elastic:cluster": "c", "spawn": "error"}, {}),
        ({"mini:spawn": "error"}, {"spawn": "error"}),
        ({"mini:spawn": "reschedule", "mini:spawn_seconds": "2"}, {"spawn": "reschedule", "spawn_seconds": 2.0}),
        ({"mini:spawn_seconds": "0.5"}, {"spawn_seconds": 0.5}),
        ({"mini:crash_after": "0"}, {"crash_after": 0.0}),
        ({"mini:crash_after": "30"}, {"crash_after": 30.0}),
        ({"mini:cpu": "95"}, {"cpu": 95}),
    ],
)
def test_a_server_has_the_faults_of_its_metadata(metadata: dict[str, str], faults: dict[str, Any]) -> None:
    none = {"spawn": None, "spawn_seconds": 0.0, "crash_after": None, "cpu": 0}
    assert Faults.of(metadata) == Faults(**none | faults)


@pytest.mark.parametrize("value", ["", "soon", "-1", "nan", "inf", "1e3", " 1", "1.", "9" * 400])
@pytest.mark.parametrize("name", ["mini:spawn_seconds", "mini:crash_after", "mini:cpu"])
def test_what_is_no_number_is_told(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a number, not '{value}'"):
        Faults.of({name: value})


@pytest.mark.parametrize("value", ["", "eror", "ERROR"])
def test_a_fault_that_there_is_not_is_told(value: str) -> None:
    with pytest.raises(ValueError, match=f"mini:spawn must be one of error, reschedule, not '{value}'"):
        Faults.of({"mini:spawn": value})


@pytest.mark.parametrize(
    ("url", "kombus"),
    [
        ("rabbit://u:p@h:1/v", "amqp://u:p@h:1/v"),
        ("rabbit://rabbit:rabbit://@h:1/v?ssl=1", "amqp://rabbit:rabbit://@h:1/v"),
    ],
)
def test_kombu_is_not_told_what_is_for_oslo_messaging(url: str, kombus: str) -> None:
    assert stack.amqp_url({"rabbit_url": url}) == kombus


def test_those_are_awaited_as_agents_that_cannot_be_asked(places: Places) -> None:
    for service in services(settings(places.root, COMPUTES="a b.c"), places).values():
        assert wait.is_agent(service.name) is not service.can_be_asked, service.name


def test_each_module_that_is_run_in_the_venv_is_there(places: Places) -> None:
    run = [registration.register(places).argv, registration.furnish(places).argv]
    run += [service.argv for service in services(settings(places.root), places).values()]
    modules = {argv[2] for argv in run if argv[1] == "-m"}
    assert modules == {f"mini_openstack.inside.{name}" for name in ("register", "furnish", "serve")}
    assert all(find_spec(module) for module in modules)


@pytest.mark.parametrize(
    ("user", "roles"),
    [
        ("demo", {("demo", "member")}),
        ("second", {("second", "member")}),
        ("admin", {("demo", "admin"), ("second", "admin")}),
        ("service", {("service", "admin"), ("service", "service")}),
    ],
)
def test_a_user_has_roles(user: str, roles: set[tuple[str, str]]) -> None:
    assert {(project, role) for name, project, role in register.ASSIGNMENTS if name == user} == roles


def test_no_role_is_assigned_that_is_neither_made_nor_keystones_own() -> None:
    assert {role for _, _, role in register.ASSIGNMENTS} <= {*register.ROLES, "admin"}


def test_the_projects_of_users_have_what_servers_need() -> None:
    assert set(furnish.PROJECTS) == {project for _, project, _ in register.ASSIGNMENTS} - {"service"}
    assert furnish.IMAGES[-1] == "cirros"  # the newest


class Network:
    """Neutron, as far as it is asked for networks and their router."""

    def __init__(self) -> None:
        self.made: list[tuple[str, Any]] = []
        self._named: dict[str, dict[str, SimpleNamespace]] = {"network": {}, "router": {}}
        self._subnets: list[SimpleNamespace] = []
        self._ports: list[SimpleNamespace] = []

    def find_network(self, name: str, ignore_missing: bool = True) -> SimpleNamespace | None:
        return self._named["network"].get(name)

    def find_router(self, name: str) -> SimpleNamespace | None:
        return self._named["router"].get(name)

    def create_network(self, **said: Any) -> SimpleNamespace:
        return self._create("network", said)

    def create_router(self, **said: Any) -> SimpleNamespace:
        return self._create("router", said)

    def create_subnet(self, **said: Any) -> None:
        self._subnets.append(SimpleNamespace(id=said["name"], **said))

    def subnets(self, network_id: str) -> list[SimpleNamespace]:
        return [subnet for subnet in self._subnets if subnet.network_id == network_id]

    def ports(self, network_id: str, device_id: str) -> list[SimpleNamespace]:
        return [port for port in self._ports if (port.network_id, port.device_id) == (network_id, device_id)]

    def add_interface_to_router(self, router: SimpleNamespace, subnet_id: str) -> None:
        (network_id,) = (subnet.network_id for subnet in self._subnets if subnet.id == subnet_id)
        self._ports.append(SimpleNamespace(network_id=network_id, device_id=router.id))
        self.made.append(("interface", (router.id, subnet_id)))

    def _create(self, kind: str, said: dict[str, Any]) -> SimpleNamespace:
        made = self._named[kind][said["name"]] = SimpleNamespace(id=f"{kind} {said['name']}")
        self.made.append((kind, said))
        return made


def test_members_may_use_a_network_or_take_floating_ips_from_it_and_one_router_joins_the_two() -> None:
    network = Network()
    for _ in range(2):
        for name, subnets in furnish.SUBNETS.items():
            furnish.provide_network(network, name, subnets)
        furnish.provide_router(network)
    assert network.made == [
        ("network", {"name": "net", "shared": True}),
        ("network", {"name": "net6", "shared": True}),
        ("network", {"name": "public", "router:external": True}),
        ("router", {"name": "public", "external_gateway_info": {"network_id": "network public"}}),
        ("interface", ("router public", "net-ipv4")),
    ]
