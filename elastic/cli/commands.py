"""Every command of `elastic`, and where it is written. Only the one that runs is imported."""

from importlib import import_module
from typing import Any

from cliff.commandmanager import CommandManager

COMMANDS = {
    "run": "elastic.cli.run:Run",
    "demo": "elastic.cli.demo:Demo",
    "whatif": "elastic.cli.whatif:WhatIf",
    "definition add": "elastic.cli.definition:Add",
    "definition update": "elastic.cli.definition:Update",
    "definition remove": "elastic.cli.definition:Remove",
    "definition list": "elastic.cli.definition:List",
    "definition show": "elastic.cli.definition:Show",
    "type add": "elastic.cli.type:Add",
    "type update": "elastic.cli.type:Update",
    "type remove": "elastic.cli.type:Remove",
    "type list": "elastic.cli.type:List",
    "type show": "elastic.cli.type:Show",
    "site list": "elastic.cli.site:List",
    "site show": "elastic.cli.site:Show",
    "site check": "elastic.cli.site:Check",
    "domain add": "elastic.cli.domain:Add",
    "domain reconfigure": "elastic.cli.domain:Reconfigure",
    "domain remove": "elastic.cli.domain:Remove",
    "domain pause": "elastic.cli.domain:Pause",
    "domain resume": "elastic.cli.domain:Resume",
    "domain list": "elastic.cli.domain:List",
    "domain show": "elastic.cli.domain:Show",
    "domain export": "elastic.cli.transfer:Export",
    "domain import": "elastic.cli.transfer:Import",
    "domain subscribe": "elastic.cli.domain:Subscribe",
    "domain unsubscribe": "elastic.cli.domain:Unsubscribe",
    "instance list": "elastic.cli.instance:List",
    "instance show": "elastic.cli.instance:Show",
    "instance terminate": "elastic.cli.instance:Terminate",
    "instance protect": "elastic.cli.instance:Protect",
    "instance unprotect": "elastic.cli.instance:Unprotect",
    "events": "elastic.cli.events:Events",
    "explain": "elastic.cli.cluster:Explain",
    "replica list": "elastic.cli.cluster:ReplicaList",
    "replica drain": "elastic.cli.cluster:ReplicaDrain",
    "replica undrain": "elastic.cli.cluster:ReplicaUndrain",
    "replica forget": "elastic.cli.cluster:ReplicaForget",
    "server list": "elastic.cli.cluster:ServerList",
    "store check": "elastic.cli.cluster:StoreCheck",
    "store accept": "elastic.cli.cluster:StoreAccept",
    "upgrade finish": "elastic.cli.cluster:UpgradeFinish",
    "disable": "elastic.cli.stops:Disable",
    "enable": "elastic.cli.stops:Enable",
    "terminate-all": "elastic.cli.stops:TerminateAll",
    "quarantine list": "elastic.cli.cluster:QuarantineList",
    "quarantine release": "elastic.cli.cluster:QuarantineRelease",
}


class LazyCommand:
    """What cliff takes for an entry point: a name, and a class to be loaded when it is needed."""

    def __init__(self, name: str, value: str) -> None:
        self.name, self.value = name, value

    def load(self) -> Any:
        module, _, attribute = self.value.partition(":")
        return getattr(import_module(module), attribute)


def command_manager() -> CommandManager:
    manager = CommandManager()
    manager.commands.update({name: LazyCommand(name, value) for name, value in COMMANDS.items()})
    return manager
