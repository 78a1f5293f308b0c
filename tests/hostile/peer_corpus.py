"""What hostile senders put where something else belongs: values, and calls that were right before."""

import json
from collections.abc import Mapping
from random import Random
from typing import Any

DEPTH = 600

TEXTS = (
    "",
    " ",
    ".",
    "..",
    "../../etc/passwd",
    "a/b",
    "/",
    "a:b",
    "ann:web",
    "a%2Fb",
    "a.b.*",
    "#",
    "zookeeper",
    "a\nb",
    "a\r\nERROR root is here",
    "\x00",
    "web\x00",
    "\x1b[2J",
    "\u2028",
    "\u202eevil",
    "\ud800",
    "\udfff\ud800",
    "é",
    "\uff57\uff45\uff42",
    "💣" * 50,
    "__class__",
    "__init__",
    "__proto__",
    "{0.__class__.__mro__}",
    "%s%n%d",
    "${jndi:ldap://127.0.0.1/a}",
    "!!python/object/apply:os.system ['true']",
    "os.system",
    "elastic.engines.simplest:Simplest",
    "cos\nsystem\n(S'true'\ntR.",
    "' OR 1=1 --",
    "<script>",
    "NaN",
    "null",
    "***",
    "-1",
    "1e999",
    "600-RUNNING",
    "i-fff-1-1",
    "i-000-" + "9" * 5000 + "-1",
    "i-001-1-" + "9" * 400,
    "x" * 129,
    "x" * 10_000,
)
NUMBERS: tuple[float, ...] = (
    0,
    -1,
    1,
    -0.0,
    0.5,
    255,
    2**31,
    2**53 + 1,
    2**63 - 1,
    2**63,
    2**64,
    -(2**63) - 1,
    10**30,
    10**400,
    -(10**400),
    1e308,
    5e-324,
    float("nan"),
    float("inf"),
    float("-inf"),
)
NAMES = (
    "__class__",
    "__dict__",
    "__struct_fields__",
    "self",
    "desk",
    "caller",
    "owner",
    "is_operator",
    "request",
    "op",
    "",
    "a.b",
    "\n",
    "\ud800",
    "general",
    "engine_conf",
    "health",
    "engine",
    "engine_class",
    "preserve_n",
    "provisioner_vars",
    "chef_credential",
    "missing_timeout",
    "heartbeat_interval",
    "monitor_health",
    "secret_key",
    "sample_period",
    "monitor_sensors",
    "maximum_vms",
    "minimum_vms",
    "k" * 5000,
)
RAW = (
    b"",
    b"\x00",
    b"null",
    b"[]",
    b"7",
    b'""',
    b"{}",
    b"{",
    b"not json",
    b"\xff\xfe",
    b'{"op": 7}',
    b'{"op": null, "args": {}}',
    b'{"op": "ping", "args": []}',
    b'{"op": "ping", "args": null}',
    b'{"op": "ping", "args": {"a": NaN}}',
    b'{"op": "ping"} {"op": "ping"}',
    b'{"op": "ping", "op": "list_replicas"}',
    b'{"op": "\\ud800"}',
    b'{"op": "ping\\n\\n", "args": {}}',
    b'{"op": "' + b"o" * 50_000 + b'"}',
    b'\xef\xbb\xbf{"op": "ping"}',
    '{"op": "ping"}'.encode("utf-16"),
    b"[" * 100_000,
    b'{"op": "ping", "args": ' + b'{"a":' * 100_000,
    b'{"op": "ping", "args": {"a": ' + b"[" * DEPTH + b"]" * DEPTH + b"}}",
    b'{"op": "ping", "args": {"a": ' + b"9" * 5000 + b"}}",
    b"\x80\x04K\x01.",
    b"!!python/object/apply:os.system ['true']",
    b"cos\nsystem\n(S'true'\ntR.",
    b"x" * (1024 * 1024 + 1),
)
"""Bodies that are no call at all, or only just."""

HEADERS: tuple[Mapping[str, Any], ...] = (
    {"idempotency-key": ""},
    {"idempotency-key": 7},
    {"idempotency-key": "k" * 129},
    {"idempotency-key": "\n"},
    {"idempotency-key": "\ud800"},
    {"idempotency-key": ["k"]},
    {"idempotency-key": "ann:k"},
    {"deadline": "soon"},
    {"deadline": float("nan")},
    {"deadline": float("inf")},
    {"deadline": True},
    {"deadline": -1},
    {"deadline": 1e308},
    {"deadline": 2**80},
    {"deadline": {"a": [None]}},
    {"user_id": "root"},
    {"caller": "root", "operator": True},
    {"mac": "probe", "CC": ["x"], "x-death": []},
)


def nested(depth: int, leaf: Any = None, maps: bool = False) -> Any:
    value = leaf
    for _ in range(depth):
        value = {"a": value} if maps else [value]
    return value


class Corpus:
    """The same seed, the same messages."""

    def __init__(self, seed: object) -> None:
        self._dice = Random(str(seed))

    def value(self, depth: int = 2) -> Any:
        dice = self._dice
        kind = dice.randrange(12)
        if kind < 4:
            return dice.choice(TEXTS)
        if kind < 7:
            return dice.choice(NUMBERS)
        if kind == 7:
            return dice.choice((None, True, False, [], {}))
        if kind == 8 and depth == 2:
            return nested(dice.choice((3, 31, 32, 33, 34, 100, DEPTH)), dice.choice(NUMBERS), dice.random() < 0.5)
        if depth == 0:
            return None
        if kind < 10:
            return [self.value(depth - 1) for _ in range(dice.randrange(4))]
        return {dice.choice(NAMES): self.value(depth - 1) for _ in range(dice.randrange(4))}

    def spoiled(self, good: Mapping[str, Any]) -> Any:
        """Arguments that were right, with one to three things wrong in them; now and then nothing like them."""
        if self._dice.random() < 0.05:
            return self.value()
        args: dict[str, Any] = json.loads(json.dumps(good))
        for _ in range(self._dice.randint(1, 3)):
            self._spoil(args)
        return args

    def _spoil(self, args: dict[str, Any]) -> None:
        dice = self._dice
        step = dice.randrange(8)
        if step == 0 and args:
            del args[dice.choice(list(args))]
        elif step == 1:
            args[dice.choice(NAMES)] = self.value()
        elif step == 2 and args:
            name = dice.choice(list(args))
            args[name] = [args[name]] if dice.random() < 0.5 else {"a": args[name]}
        elif step < 6 and args:
            self._spoil_within(args)
        elif args:
            args[dice.choice(list(args))] = self.value()

    def _spoil_within(self, args: dict[str, Any]) -> None:
        """Deeper down, if there is a deeper."""
        name = self._dice.choice(list(args))
        if isinstance(args[name], dict) and args[name] and self._dice.random() < 0.8:
            self._spoil_within(args[name])
        elif isinstance(args[name], dict):
            args[name][self._dice.choice(NAMES)] = self.value()
        else:
            args[name] = self.value()

    def body(self, op: str, good: Mapping[str, Any]) -> bytes:
        """A call as bytes: as a rule JSON, and with what Python's JSON can say beyond JSON."""
        dice = self._dice
        chance = dice.random()
        if chance < 0.02:
            return dice.choice(RAW[:-8])
        body = json.dumps({"op": op, "args": self.spoiled(good)}).encode()
        if chance < 0.1:
            return self._garbled(body)
        return body

    def _garbled(self, body: bytes) -> bytes:
        at = self._dice.randrange(len(body))
        how = self._dice.randrange(4)
        if how == 0:
            return body[:at]
        if how == 1:
            return body[:at] + bytes([self._dice.randrange(256)]) + body[at + 1 :]
        if how == 2:
            return body[:at] + body[at:] * 2
        return body[:at] + self._dice.choice((b"NaN", b"\xff", b'"', b"[[[[", b"1e999", b",,")) + body[at:]

    def headers(self) -> Mapping[str, Any]:
        return self._dice.choice(HEADERS) if self._dice.random() < 0.1 else {}

    def chance(self, share: float) -> bool:
        return self._dice.random() < share

    def choice(self, choices: Any) -> Any:
        return self._dice.choice(choices)
