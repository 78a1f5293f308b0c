"""Cinder's volume driver: of a volume there is a record, and no more."""

from cinder.volume import driver


class MiniVolumeDriver(driver.VolumeDriver):
    def check_for_setup_error(self):
        pass

    def _update_volume_stats(self):
        self._stats = {
            "volume_backend_name": self.configuration.safe_get("volume_backend_name"),
            "vendor_name": "mini-openstack",
            "driver_version": "1",
            "storage_protocol": "iSCSI",
            "total_capacity_gb": "infinite",
            "free_capacity_gb": "infinite",
        }

    def create_volume(self, volume):
        pass

    def delete_volume(self, volume):
        pass

    def extend_volume(self, volume, new_size):
        pass

    def ensure_export(self, context, volume):
        pass

    def create_export(self, context, volume, connector):
        pass

    def remove_export(self, context, volume):
        pass

    def initialize_connection(self, volume, connector, **kwargs):
        """Nova's fake driver looks at nothing in it."""
        return {"driver_volume_type": "iscsi", "data": {}}

    def terminate_connection(self, volume, connector, **kwargs):
        pass
