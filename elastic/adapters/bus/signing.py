"""How a heartbeat is signed. Every instance has a key of its own, so one VM cannot speak for another."""

import hmac


def instance_key(secret: bytes, instance_id: str) -> str:
    """The key that an instance is given in its user data, as 64 hex digits.

    Derived, never stored: whoever has the cluster's secret checks any instance without a look-up.
    """
    return _digest(secret, instance_id.encode())


def sign(key: str, body: bytes) -> str:
    """The MAC of `body`, as 64 hex digits. The key's hex text itself is the HMAC key, not the bytes it spells."""
    return _digest(key.encode(), body)


def verify(key: str, body: bytes, mac: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(sign(key, body).encode(), mac.encode(errors="replace"))


def _digest(key: bytes, message: bytes) -> str:
    return hmac.digest(key, message, "sha256").hex()
