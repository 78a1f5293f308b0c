"""Sensors: where a domain's numbers come from. Each is a plug-in that goes by the name of its entry point."""

from stevedore import ExtensionManager

from elastic.ports.sensor import Sensor


def installed_sensors() -> dict[str, type[Sensor]]:
    """All that are registered under `elastic.sensors`, ours and others', by name."""
    return {extension.name: extension.plugin for extension in ExtensionManager("elastic.sensors")}
