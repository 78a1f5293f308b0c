"""A cloud with sites that are full for as long as a file says so."""

from pathlib import Path
from typing import Self

from elastic.adapters.cloud.local import LocalCloud
from elastic.adapters.cloud.place import CloudPlace
from elastic.errors import NoRoom
from elastic.model.server import Order, Server


class PickyCloud(LocalCloud):
    """`full`: the file with the names of the sites that refuse."""

    full: Path

    @classmethod
    def at(cls, place: CloudPlace) -> Self:
        cloud = cls(place.local_dir)
        cloud.full = Path(place.local_dir) / "full"
        return cloud

    def create(self, order: Order, timeout: float) -> Server:
        if self.full.exists() and order.site in self.full.read_text().split():
            raise NoRoom(f"quota: {order.site} is full")
        return super().create(order, timeout)
