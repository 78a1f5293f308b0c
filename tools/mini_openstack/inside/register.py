"""Keystone's part, before the services log in: catalogue, roles, projects, users, application credentials."""

import json
import os
import pathlib

from mini_openstack.inside import stack

ROLES = ("service", "member", "reader")
ASSIGNMENTS = (
    ("service", "service", "admin"),
    ("service", "service", "service"),
    ("admin", "demo", "admin"),
    ("admin", "second", "admin"),
    ("demo", "demo", "member"),
    ("second", "second", "member"),
)


def main():
    known = stack.read()
    identity = stack.connect(known).identity
    fill_catalogue(identity, known["catalogue"])
    assign_roles(identity, known["password"])
    provide_application_credentials(known)


def fill_catalogue(identity, catalogue):
    have = {service.type: service for service in identity.services()}
    endpoints = {endpoint.service_id: endpoint for endpoint in identity.endpoints()}
    for wanted in catalogue:
        service = have.get(wanted["type"]) or identity.create_service(type=wanted["type"], name=wanted["name"])
        endpoint = endpoints.get(service.id)
        if endpoint is None:
            identity.create_endpoint(
                service_id=service.id, interface="public", region_id="RegionOne", url=wanted["url"]
            )
        elif endpoint.url != wanted["url"]:
            identity.update_endpoint(endpoint, url=wanted["url"])


def assign_roles(identity, password):
    roles = {role.name: role for role in identity.roles()}
    for name in ROLES:
        roles.setdefault(name, None)
        roles[name] = roles[name] or identity.create_role(name=name)
    projects = {project.name: project for project in identity.projects()}
    users = {user.name: user for user in identity.users()}
    for name in dict.fromkeys(project for _, project, _ in ASSIGNMENTS):
        projects[name] = projects.get(name) or identity.create_project(name=name, domain_id="default")
    for name in dict.fromkeys(user for user, _, _ in ASSIGNMENTS):
        if name not in users:
            users[name] = identity.create_user(name=name, domain_id="default", password=password)
        elif name != "admin":  # whose it is already: we have just logged in
            identity.update_user(users[name], password=password)
    for user, project, role in ASSIGNMENTS:
        identity.assign_project_role_to_user(projects[project], users[user], roles[role])


def provide_application_credentials(known):
    file = pathlib.Path(known["application_credentials"])
    if file.exists():
        return
    made = {name: application_credential(stack.connect(known, name, name)) for name in ("demo", "second")}
    unfinished = file.with_suffix(".new")
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(made))
    os.replace(unfinished, file)


def application_credential(cloud):
    """Only a user can make one, and only now does keystone tell its secret."""
    user = cloud.current_user_id
    for earlier in cloud.identity.application_credentials(user, name="mini"):
        cloud.identity.delete_application_credential(user, earlier)
    made = cloud.identity.create_application_credential(user, name="mini")
    return {"id": made.id, "secret": made.secret}


if __name__ == "__main__":
    main()
