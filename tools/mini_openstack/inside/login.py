"""Whether the RabbitMQ that was given lets us in: without its vhost the services would wait, and say nothing."""

import sys

import kombu

from mini_openstack.inside import stack


def main():
    url = stack.amqp_url(stack.read())
    try:
        kombu.Connection(url, connect_timeout=5).connect()
    except Exception as refusal:
        place = url.rpartition("@")[2]
        sys.exit(f"RabbitMQ at {place} does not let us in ({type(refusal).__name__}): {refusal}")


if __name__ == "__main__":
    main()
