"""A cluster in memory that hostile messages are sent to, and what is demanded of its answers."""

import json
import logging
from collections.abc import Collection, Mapping
from typing import Any

from elastic.adapters.bus import wire
from elastic.errors import BadMessage
from elastic.model.assignment import Member
from elastic.model.domain import DomainKey
from elastic.model.server import Mark, Order
from elastic.ports.bus import Reply
from elastic.roles.reactor.operations import Access, Operation
from tests.unit.roles.reactors import Bench

WEB, OWN = DomainKey("ann", "web"), DomainKey("bob", "own")
LONGEST_MESSAGE = 500
REFUSALS = {"not_found", "conflict", "bad_request", "denied", "unknown_operation", "too_late"}
"""What a call may be refused with while all servers are up."""

INSIDES = ("Traceback", "internal", "object at 0x", 'File "', "site-packages", "went wrong", "elastic/", "error:")
NOT_STATE = {"lock", "leases", "_clock"}


class Place(Bench):
    """bob has a domain `own`, and ann, unless she `is_away`, a domain `web` with an instance that runs and the
    subscriber `pager`, and a deployable type `hers`. ann has added the definitions `d` and, which no domain was
    made from, `spare`; m3 is a replica that died. root is an operator, and has disabled ann."""

    def __init__(self, operators: Collection[str] | None = ("root",), is_away: bool = False) -> None:
        super().__init__(operators)
        for name in ("d", "spare"):
            self.client("ann").add_definition(name, {"engine_conf": {"preserve_n": 1}})
        self.add_domain("bob", "own")
        self.add_instance(OWN)
        self.instance = "i-c8b-1-1"
        if not is_away:
            self._let_ann_in()
        self.store.describe_member(Member(name="m3"))
        self.store.set_flag("disabled:ann", "launches")

    def _let_ann_in(self) -> None:
        self.add_domain()
        self.client("ann").subscribe("web", "pager")
        self.client("ann").add_type("hers", TYPE)
        assert self.add_instance(WEB, server_id="s-1", public_ip="10.0.0.7") == self.instance
        mark = Mark("memory", WEB, 1, self.instance)
        self.cloud.create(Order(mark=mark, site="north", deployable_type="t"), timeout=20)
        self.clock.advance(60)
        self.decide(WEB)
        self.call("pause_domain", {"domain_id": "web"}, idempotency_key="k", deadline=self.clock.now() + 9)
        self.call("resume_domain", {"domain_id": "web"})

    def state(self) -> str:
        """All that a call could have changed."""
        kept = {name: value for name, value in vars(self.store).items() if name not in NOT_STATE}
        return repr((kept, self.broker.subscriptions, self.broker.inboxes))

    def send(
        self, body: bytes, caller: str = "ann", headers: Mapping[str, Any] | None = None, **said: Any
    ) -> bytes:
        """The answer to what arrived with these, as a server of RPC would give it."""
        try:
            call = wire.call_of(body, headers or {}, {"user_id": caller, **said})
        except BadMessage as reason:
            return wire.encoded({"error": {"type": "bad_request", "message": wire.REFUSED[str(reason)]}})
        return wire.answer(self.reactor.handle, call)

    def good(self, op: str) -> dict[str, Any]:
        """Arguments with which it would be done, for ann or, if it is for operators, for root."""
        return good_arguments(self.instance)[op]


TYPE = {
    "description": "a worker",
    "common": {"flavor": "tiny", "image": {"os_distro": "debian"}},
    "sites": {"north": {"networks": ["net"], "user_data": {"runcmd": [["echo", "${who}"]]}}},
    "variables": {"who": {"default": "you"}},
}


def good_arguments(instance: str) -> dict[str, dict[str, Any]]:
    """By operation; each argument at least once. An operation that is not here is not tried: a test sees to it."""
    config = {
        "general": {"engine": "simplest", "chef_credential": "c"},
        "engine_conf": {
            "preserve_n": 2,
            "provisioner_vars": {"a": "b"},
            "epuworker_type": "t",
            "victims": "oldest",
        },
        "health": {"missing_timeout": 60, "heartbeat_interval": 5, "monitor_health": True},
    }
    domain, one = {"domain_id": "web"}, {"instance_id": instance}
    return {
        "add_domain": {
            "domain_id": "fresh",
            "definition_id": "d",
            "config": config,
            "unset": ["engine_conf.victims"],
            "subscriber_name": "s",
            "subscriber_op": "op",
            "subscribers": ["t"],
            "paused": True,
        },
        "remove_domain": domain,
        "reconfigure_domain": {**domain, "config": config, "unset": ["engine_conf.victims"]},
        "describe_domain": domain,
        "list_domains": {"all_owners": False},
        "subscribe_domain": {**domain, "subscriber_name": "s", "subscriber_op": "op"},
        "unsubscribe_domain": {**domain, "subscriber_name": "pager", "subscriber_op": "op"},
        "pause_domain": domain,
        "resume_domain": domain,
        "list_decisions": {**domain, "count": 5},
        "add_domain_definition": {"definition_id": "new", "definition": config},
        "update_domain_definition": {"definition_id": "spare", "definition": config},
        "remove_domain_definition": {"definition_id": "spare"},
        "describe_domain_definition": {"definition_id": "d"},
        "list_domain_definitions": {},
        "add_type": {"type_id": "new", "type": TYPE, "common": False, "check": True},
        "update_type": {"type_id": "hers", "type": TYPE, "common": False, "check": False},
        "remove_type": {"type_id": "hers", "common": False},
        "describe_type": {"type_id": "hers", "common": False},
        "list_types": {},
        "disable": {"owner": "ann"},
        "enable": {"owner": "ann"},
        "terminate_all": {"owner": "ann"},
        "list_sites": {},
        "reap_strays": {},
        "describe_site": {"site": "north"},
        "list_instances": domain,
        "describe_instance": one,
        "terminate_instance": one,
        "protect_instance": one,
        "unprotect_instance": one,
        "instance_info": {"record": {"node_id": instance, "state": "400-PENDING"}},
        "ping": {},
        "list_events": {"after": 0, "domain_id": "web"},
        "list_replicas": {},
        "drain_replica": {"member": "m2", "weight": 0.5},
        "forget_replica": {"member": "m3"},
        "list_servers": {"strays": False},
        "store_check": {},
        "store_accept": {},
        "upgrade_finish": {},
        "list_quarantine": {},
        "release_quarantine": domain,
    }


def caller_of(operation: Operation) -> str:
    """One who may."""
    return "root" if operation.access is Access.OPERATOR else "ann"


def is_refusal(body: bytes) -> bool:
    """Whether this answer is one. AssertionError unless it is an answer, with nothing of our insides in it."""
    reply: Reply = json.loads(body)
    assert len(reply) == 1, reply
    if "result" in reply:
        return False
    error = reply["error"]
    assert set(error) == {"type", "message"}
    assert error["type"] in REFUSALS, error
    message = error["message"]
    assert isinstance(message, str)
    assert message
    assert len(message) <= LONGEST_MESSAGE, f"{len(message)} characters: {message[:200]}"
    assert message.isprintable(), message
    for inside in INSIDES:
        assert inside not in message, message
    return True


class Errors(logging.Handler):
    """What the product logs as an error while it is attached."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())

    def __enter__(self) -> "Errors":
        logging.getLogger("elastic").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("elastic").removeHandler(self)
