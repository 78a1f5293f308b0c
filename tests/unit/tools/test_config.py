"""The files that the services read, read as they read them."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from mini_openstack import config
from mini_openstack.places import Places
from mini_openstack.services import WEB, services
from mini_openstack.settings import Settings
from openstack.config import OpenStackConfig
from oslo_config.cfg import ConfigParser

from tests.unit.tools.tool import settings

WORD, OTHER_WORD = "of-everybody", "another.one"
RABBIT = "rabbit://me:word@broker:5672/mine?ssl=1"
CREDENTIALS = {name: {"id": f"id of {name}", "secret": f"secret of {name}"} for name in ("demo", "second")}


def written(places: Places, **given: object) -> Settings:
    """As if OpenStack were installed."""
    paste = places.venv / "etc" / "nova" / "api-paste.ini"
    paste.parent.mkdir(parents=True, exist_ok=True)
    paste.write_text("[composite:osapi_compute]\n")
    said = settings(places.root, **given)
    config.write(said, places)
    return said


def read(file: Path) -> Mapping[str, Mapping[str, str]]:
    """By group and name. An option that is said twice is one too many."""
    groups: dict[str, dict[str, list[str]]] = {}
    ConfigParser(str(file), groups).parse()
    assert all(len(said) == 1 for options in groups.values() for said in options.values())
    return {group: {name: said[0] for name, said in options.items()} for group, options in groups.items()}


NEEDED = {
    "keystone.conf": {
        "database": {"connection": "{keystone_db}", "max_pool_size": "10"},
        "fernet_tokens": {"key_repository": "{db}/fernet-keys"},
        "fernet_receipts": {"key_repository": "{db}/fernet-keys"},
        "credential": {"key_repository": "{db}/credential-keys"},
    },
    "glance-api.conf": {
        "DEFAULT": {"transport_url": RABBIT, "enabled_backends": "file:file"},
        "database": {"connection": "{glance_db}", "max_pool_size": "10"},
        "file": {"filesystem_store_datadir": "{db}/images"},
        "paste_deploy": {"config_file": "{venv}/etc/glance/glance-api-paste.ini"},
    },
    "placement.conf": {"placement_database": {"connection": "{placement_db}", "max_pool_size": "10"}},
    "neutron.conf": {
        "DEFAULT": {
            "transport_url": RABBIT,
            "api_paste_config": "{venv}/etc/neutron/api-paste.ini",
            "service_plugins": "router",
        },
        "database": {"connection": "{neutron_db}", "max_pool_size": "10"},
        "ml2": {"mechanism_drivers": "mini_openstack"},
    },
    "cinder.conf": {
        "DEFAULT": {
            "transport_url": RABBIT,
            "api_paste_config": "{venv}/etc/cinder/api-paste.ini",
            "resource_query_filters_file": "{venv}/etc/cinder/resource_filters.json",
            "state_path": "{run}/cinder",
            "enabled_backends": "volumes",
        },
        "volumes": {"volume_driver": "mini_openstack.inside.volume.MiniVolumeDriver"},
        "database": {"connection": "{cinder_db}", "max_pool_size": "10"},
    },
    "nova.conf": {
        "DEFAULT": {"transport_url": RABBIT, "compute_driver": "mini_openstack.MiniDriver", "my_ip": "127.0.0.2"},
        "api_database": {"connection": "{nova_api_db}", "max_pool_size": "10"},
        "database": {"connection": "{nova_cell1_db}", "max_pool_size": "10"},
        "wsgi": {"api_paste_config": "{etc}/api-paste.ini"},
        "oslo_policy": {"policy_file": "{etc}/nova-policy.yaml"},
        "cinder": {"catalog_info": "block-storage::publicURL"},
    },
    "nova-compute-fake-a.conf": {"DEFAULT": {"host": "fake-a", "state_path": "{run}/nova-compute-fake-a"}},
    "nova-compute-fake-b.conf": {"DEFAULT": {"host": "fake-b", "state_path": "{run}/nova-compute-fake-b"}},
}


@pytest.mark.parametrize("name", NEEDED)
def test_a_service_is_told_what_it_needs(places: Places, name: str) -> None:
    written(places, HOST="127.0.0.2", RABBIT_URL=RABBIT)
    values = {kind: str(getattr(places, kind)) for kind in ("db", "etc", "run", "venv")}
    values |= {f"{database}_db": config.database_url(places, database) for database in config.DATABASES}
    said = read(places.etc / name)
    for group, options in NEEDED[name].items():
        for option, value in options.items():
            assert said[group][option] == value.format(**values), (group, option)


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("glance-api.conf", ["keystone_authtoken"]),
        ("placement.conf", ["keystone_authtoken"]),
        ("neutron.conf", ["keystone_authtoken"]),
        ("cinder.conf", ["keystone_authtoken", "service_user", "nova"]),
        ("nova.conf", ["keystone_authtoken", "service_user", "glance", "placement", "neutron", "cinder"]),
    ],
)
def test_a_service_logs_in_to_keystone_for_itself_and_for_whom_it_calls(
    places: Places, name: str, groups: list[str]
) -> None:
    written(places, PORT=16000, PASSWORD=WORD)
    said = read(places.etc / name)
    for group in groups:
        assert said[group]["auth_url"] == "http://127.0.0.1:16000/v3", group
        assert (said[group]["auth_type"], said[group]["username"]) == ("password", "service"), group
        assert (said[group]["password"], said[group]["project_name"]) == (WORD, "service"), group


def test_no_file_leads_out_of_the_directory_and_none_is_left_with_a_blank_to_fill(places: Places) -> None:
    written(places)
    files = list(places.etc.glob("*.conf"))
    assert len(files) == len(NEEDED)
    for file in files:
        for group, options in read(file).items():
            for option, value in options.items():
                assert "$" not in value, (file.name, group, option)
                outside = value.startswith("/") and not Path(value).is_relative_to(places.root)
                assert not outside, (file.name, group, option)


def test_each_service_has_databases_of_its_own(places: Places) -> None:
    written(places)
    used = [
        options["connection"]
        for name in NEEDED
        for options in read(places.etc / name).values()
        if "connection" in options
    ]
    made = [config.database_url(places, name) for name in config.DATABASES]
    assert sorted([*used, config.database_url(places, "nova_cell0")]) == sorted(made)


def test_whoever_is_not_its_owner_cannot_read_the_configuration(places: Places) -> None:
    (places.etc / "nova.conf").touch(mode=0o644)
    written(places)
    assert {file.name: file.stat().st_mode & 0o777 for file in places.etc.iterdir()} == dict.fromkeys(
        [*NEEDED, "nova-policy.yaml", "api-paste.ini", "stack.json"], 0o600
    )


def test_members_may_use_flavors_without_a_disk(places: Places) -> None:
    written(places)
    policy = yaml.safe_load((places.etc / "nova-policy.yaml").read_text())
    assert policy == {"os_compute_api:servers:create:zero_disk_flavor": "rule:project_member_or_admin"}


def test_the_catalogue_leads_to_where_the_services_listen(places: Places) -> None:
    said = written(places, PORT=17000, HOST="127.0.0.3")
    stack = json.loads(places.stack.read_text())
    there = services(said, places)
    urls = {entry["name"]: entry["url"] for entry in stack["catalogue"]} | {"keystone": stack["auth_url"]}
    assert {url.split("/")[2] for url in urls.values()} == {f"127.0.0.3:{there[name].ports[0]}" for name in WEB}
    paths = {"glance": "", "placement": "", "neutron": "", "nova": "/v2.1", "keystone": "/v3", "cinder": "/v3"}
    for name, path in paths.items():
        service = there.get(name) or there[f"{name}-api"]
        assert urls[name] == f"http://127.0.0.3:{service.ports[0]}{path}"


def test_what_runs_in_the_venv_is_told_of_the_stack(places: Places) -> None:
    written(places, COMPUTES="a b", VCPUS=3, MEMORY_MB=2048, DISK_GB=5, QUOTA="default", RABBIT_URL=RABBIT)
    stack = json.loads(places.stack.read_text())
    assert (stack["computes"], stack["vcpus"], stack["memory_mb"], stack["disk_gb"]) == (["a", "b"], 3, 2048, 5)
    assert (stack["unlimited"], stack["rabbit_url"]) == (False, RABBIT)
    assert (stack["socket"], stack["log"]) == (str(places.socket), str(places.log))
    assert stack["databases"] == list(config.DATABASES)


def test_another_start_may_say_otherwise(places: Places) -> None:
    written(places, PASSWORD=WORD)
    written(places, PASSWORD=OTHER_WORD)
    assert WORD not in "".join(file.read_text() for file in places.etc.iterdir())


CLOUDS = {
    "mini": ("v3applicationcredential", "id of demo", "secret of demo"),
    "mini-second": ("v3applicationcredential", "id of second", "secret of second"),
    "mini-password": ("password", "demo", WORD),
    "mini-admin": ("password", "admin", WORD),
}


@pytest.fixture
def clouds(places: Places, monkeypatch: pytest.MonkeyPatch) -> OpenStackConfig:
    """The file, as openstacksdk has it."""
    monkeypatch.delenv("OS_CLIENT_CONFIG_FILE", raising=False)
    places.application_credentials.write_text(json.dumps(CREDENTIALS))
    config.write_clouds(settings(places.root, PORT=16000, PASSWORD=WORD), places)
    nowhere = [str(places.root / "none")]
    return OpenStackConfig([str(places.clouds)], vendor_files=nowhere, secure_files=nowhere, load_envvars=False)


@pytest.mark.filterwarnings("ignore:Support for InfluxDB")
@pytest.mark.parametrize("name", CLOUDS)
def test_a_client_has_what_it_logs_in_to_a_cloud_with(clouds: OpenStackConfig, name: str) -> None:
    said = clouds.get_one(cloud=name)
    auth = said.config["auth"]
    user = auth.get("username") or auth["application_credential_id"]
    secret = auth.get("password") or auth["application_credential_secret"]
    assert (said.config["auth_type"], user, secret) == CLOUDS[name]
    assert said.get_auth() is not None  # keystoneauth lacks nothing
    assert auth["auth_url"] == "http://127.0.0.1:16000/v3"
    assert (said.region_name, auth.get("project_name", "demo")) == ("RegionOne", "demo")


def test_there_are_no_other_clouds_and_only_their_owner_can_read_of_them(
    clouds: OpenStackConfig, places: Places
) -> None:
    assert clouds.get_cloud_names() == list(CLOUDS)
    assert places.clouds.stat().st_mode & 0o777 == 0o600
