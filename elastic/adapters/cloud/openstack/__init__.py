"""OpenStack: each site a project of a cloud, by its name in clouds.yaml."""

from elastic.adapters.cloud.openstack.cloud import OpenStackCloud

__all__ = ["OpenStackCloud"]
