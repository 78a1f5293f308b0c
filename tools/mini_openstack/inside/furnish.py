"""What users need to begin with: flavors, images, networks, a way to floating IPs, quotas."""

import time

from mini_openstack.inside import stack

PROJECTS = ("demo", "second")
IMAGES = ("cirros-old", "cirros")  # from the older to the newer
SUBNETS = {
    "net": [{"ip_version": 4, "cidr": "10.20.0.0/16"}],
    "net6": [
        {"ip_version": 4, "cidr": "10.21.0.0/16"},
        {"ip_version": 6, "cidr": "fd00:21::/64", "ipv6_address_mode": "slaac", "ipv6_ra_mode": "slaac"},
    ],
    "public": [{"ip_version": 4, "cidr": "10.22.0.0/16", "enable_dhcp": False}],
}
OUTSIDE, INSIDE = "public", "net"  # a port of the one may have a floating IP on the other


def main():
    known = stack.read()
    cloud = stack.connect(known)
    begun = time.time()
    provide_image(cloud, IMAGES[0])
    provide_flavors(cloud.compute, known["vcpus"])
    for name, subnets in SUBNETS.items():
        provide_network(cloud.network, name, subnets)
    provide_router(cloud.network)
    if known["unlimited"]:
        for project in PROJECTS:
            raise_quotas(cloud, cloud.identity.find_project(project, ignore_missing=False))
    time.sleep(max(0.0, begun + 1.5 - time.time()))  # glance knows whole seconds only
    provide_image(cloud, IMAGES[1])


def provide_image(cloud, name):
    """A few bytes: no guest ever reads them."""
    if cloud.image.find_image(name) is None:
        cloud.image.create_image(
            name,
            data=name.encode(),
            disk_format="raw",
            container_format="bare",
            visibility="public",
            os_distro="mini",
        )


def provide_flavors(compute, vcpus):
    wanted = {"tiny": (1, 64, 0), "small": (1, 512, 1), "huge": (max(64, vcpus + 1), 1024, 1)}
    have = {flavor.name: flavor for flavor in compute.flavors()}
    for name, size in wanted.items():
        flavor = have.get(name)
        if flavor and (flavor.vcpus, flavor.ram, flavor.disk) == size:
            continue
        if flavor:  # they cannot be changed
            compute.delete_flavor(flavor)
        compute.create_flavor(name=name, vcpus=size[0], ram=size[1], disk=size[2])


def provide_network(network, name, subnets):
    use = {"router:external": True} if name == OUTSIDE else {"shared": True}
    net = network.find_network(name) or network.create_network(name=name, **use)
    have = {subnet.cidr for subnet in network.subnets(network_id=net.id)}
    for subnet in subnets:
        if subnet["cidr"] not in have:
            network.create_subnet(name=f"{name}-ipv{subnet['ip_version']}", network_id=net.id, **subnet)


def provide_router(network):
    """The administrator's is every project's way: neutron asks whose a port is, and not whose its router is."""
    outside, inside = (network.find_network(name, ignore_missing=False) for name in (OUTSIDE, INSIDE))
    router = network.find_router(OUTSIDE) or network.create_router(
        name=OUTSIDE, external_gateway_info={"network_id": outside.id}
    )
    if not list(network.ports(network_id=inside.id, device_id=router.id)):
        for subnet in network.subnets(network_id=inside.id):
            network.add_interface_to_router(router, subnet_id=subnet.id)


def raise_quotas(cloud, project):
    cloud.set_compute_quotas(
        project.id, instances=-1, cores=-1, ram=-1, key_pairs=-1, server_groups=-1, server_group_members=-1
    )
    cloud.set_volume_quotas(project.id, volumes=-1, gigabytes=-1, snapshots=-1)
    cloud.set_network_quotas(
        project.id,
        port=-1,
        network=-1,
        subnet=-1,
        security_group=-1,
        security_group_rule=-1,
        router=-1,
        floatingip=-1,
    )


if __name__ == "__main__":
    main()
