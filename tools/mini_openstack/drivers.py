"""Makes our two drivers known: to neutron by an entry point, to nova by a module among its own."""

from mini_openstack.errors import Trouble
from mini_openstack.places import Places

_METADATA = "Metadata-Version: 2.1\nName: mini_openstack\nVersion: 1\n"
_ENTRY_POINTS = """
[neutron.ml2.mechanism_drivers]
mini_openstack = mini_openstack.inside.ml2:MiniMechanismDriver
"""
_VIRT = "from mini_openstack.inside.virt import MiniDriver  # noqa: F401\n"


def provide(places: Places) -> None:
    distribution = places.lib / "mini_openstack-1.dist-info"
    distribution.mkdir(exist_ok=True)
    (distribution / "METADATA").write_text(_METADATA)
    (distribution / "entry_points.txt").write_text(_ENTRY_POINTS)
    for package in places.venv.glob("lib/python3*/site-packages/nova/virt"):
        (package / "mini_openstack.py").write_text(_VIRT)  # nova looks for drivers nowhere else
        return
    raise Trouble(f"there is no nova in {places.venv}: delete that directory and install again")
