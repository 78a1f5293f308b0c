"""Nova's fake virt driver with hosts of a given size, faults on request, and guests that outlive nova-compute."""

import time

from nova import exception
from nova.compute import power_state
from nova.virt import fake

from mini_openstack.inside import stack
from mini_openstack.inside.faults import Faults

_STACK = stack.read()


# not one of the others: they forget their node's identity, without which nova-compute does not start again
class MiniDriver(fake.FakeDriverWithoutFakeNodes):
    vcpus = _STACK["vcpus"]
    memory_mb = _STACK["memory_mb"]
    local_gb = _STACK["disk_gb"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._booted = {}
        self._crashes = {}  # when

    def spawn(self, context, instance, *args, **kwargs):
        try:
            faults = Faults.of(instance.metadata)
        except ValueError as refusal:
            raise exception.BuildAbortException(instance_uuid=instance.uuid, reason=str(refusal)) from None
        time.sleep(faults.spawn_seconds)
        match faults.spawn:
            case "error":
                raise exception.BuildAbortException(instance_uuid=instance.uuid, reason="mini:spawn=error")
            case "reschedule":
                raise exception.ComputeResourcesUnavailable(reason="mini:spawn=reschedule")
        super().spawn(context, instance, *args, **kwargs)
        now = time.monotonic()
        self._booted[instance.uuid] = now
        if faults.crash_after is not None:
            self._crashes[instance.uuid] = now + faults.crash_after

    def get_info(self, instance, use_cache=True):
        guest = self.instances.get(instance.uuid)
        if guest and self._crashes.get(instance.uuid, float("inf")) <= time.monotonic():
            del self._crashes[instance.uuid]
            guest.state = power_state.CRASHED
        return super().get_info(instance, use_cache)

    def get_console_output(self, context, instance):
        text = f"mini-openstack\n{instance.display_name} ({instance.uuid}) on {instance.host}\nlogin: "
        return text.encode("ascii", "backslashreplace")

    def get_instance_diagnostics(self, instance):
        told = super().get_instance_diagnostics(instance)
        now = time.monotonic()
        up = now - self._booted.get(instance.uuid, now)
        load = Faults.of(instance.metadata).cpu
        told.uptime = int(up)
        told.cpu_details = []
        told.num_cpus = 0  # it counts what is added
        for number in range(instance.flavor.vcpus):
            told.add_cpu(id=number, time=int(up * load / 100 * 1e9), utilisation=load)
        return told

    def post_live_migration(self, context, instance, block_device_info, migrate_data=None):
        """The guest has left this host. Nova's own fake keeps a copy."""
        self.destroy(context, instance, network_info=None)

    def resume_state_on_host_boot(self, context, instance, *args, **kwargs):
        """nova-compute has started again; the guests of a real hypervisor would still be there."""
        if instance.uuid not in self.instances:
            super().spawn(context, instance, None, None, None, None)
            self._booted[instance.uuid] = time.monotonic()
