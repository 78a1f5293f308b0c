"""Wait until the cloud is of use: SECONDS SERVICE..."""

import sys
import time

import kombu
from amqp import NotFound

from mini_openstack.inside import stack

PAUSE = 0.5
CONTROL = ("nova-conductor", "nova-scheduler", "cinder-scheduler", "cinder-volume")


def main():
    until = time.monotonic() + float(sys.argv[1])
    names = sys.argv[2:]
    known = stack.read()
    cloud = stack.connect(known)
    while True:
        try:
            lacking = missing(cloud, known, names)
        except Exception as trouble:
            lacking = [*names, f"as not all answer: {type(trouble).__name__}: {trouble}"]
        if not lacking:
            return
        if time.monotonic() > until:
            sys.exit(f"still missing (their logs are in {known['log']}): {', '.join(lacking)}")
        time.sleep(PAUSE)


def missing(cloud, known, names):
    if "glance" in names:
        list(cloud.image.images(limit=1))
    if "neutron" in names:
        list(cloud.network.networks(limit=1))
    if "cinder-api" in names:
        list(cloud.block_storage.volumes(limit=1))
    ready = ready_agents(cloud, known, names)
    lacking = [name for name in names if is_agent(name) and name not in ready]
    computes = {name.removeprefix("nova-compute-") for name in names if name.startswith("nova-compute-")}
    if computes:
        hypervisors = {hypervisor.name for hypervisor in cloud.compute.hypervisors()}
        lacking += [f"the hypervisor of nova-compute-{name}" for name in sorted(computes - hypervisors)]
    if "placement" in names:
        providers = {provider.name for provider in cloud.placement.resource_providers()}
        lacking += [f"the resource provider of nova-compute-{name}" for name in sorted(computes - providers)]
    return lacking


def is_agent(name):
    return name in CONTROL or name.startswith("nova-compute-")


def ready_agents(cloud, known, names):
    """Those that nova and cinder take to be up, which they do for a while after their end, and that can be
    called."""
    services = [*cloud.compute.services()] if any(name.startswith("nova-") for name in names) else []
    if any(name.startswith("cinder-") for name in names):
        services += cloud.block_storage.services()
    with kombu.Connection(stack.amqp_url(known), connect_timeout=5) as broker:
        return {
            f"nova-compute-{told.host}" if told.binary == "nova-compute" else told.binary
            for told in services
            if told.state == "up" and is_served(broker, f"{told.binary.removeprefix('nova-')}.{told.host}")
        }


def is_served(broker, queue):
    channel = broker.channel()
    try:
        return channel.queue_declare(queue, passive=True).consumer_count > 0
    except NotFound:  # which closes the channel
        return False
    finally:
        channel.close()


if __name__ == "__main__":
    main()
