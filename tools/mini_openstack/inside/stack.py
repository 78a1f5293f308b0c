"""What the tool has written down for us, and a connection as administrator."""

import json
import os
import pathlib

import openstack


def read():
    return json.loads(pathlib.Path(os.environ["MINI_OPENSTACK_STACK"]).read_text())


def amqp_url(stack):
    """As kombu wants it: options are oslo.messaging's own."""
    return stack["rabbit_url"].replace("rabbit://", "amqp://", 1).partition("?")[0]


def connect(stack, user="admin", project="demo"):
    return openstack.connect(
        load_yaml_config=False,
        load_envvars=False,
        auth_url=stack["auth_url"],
        username=user,
        password=stack["password"],
        project_name=project,
        user_domain_id="default",
        project_domain_id="default",
        region_name="RegionOne",
        identity_api_version="3",
    )
