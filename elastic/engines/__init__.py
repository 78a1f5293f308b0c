"""Policies: pure, one a file, each a plug-in that goes by the name of its entry point."""

from stevedore import ExtensionManager

from elastic.ports.engine import Engine


def installed_engines() -> dict[str, type[Engine]]:
    """All that are registered under `elastic.engines`, ours and others', by name.

    One that cannot be imported is logged and left out: it fails only the domains that name it.
    """
    return {extension.name: extension.plugin for extension in ExtensionManager("elastic.engines")}
