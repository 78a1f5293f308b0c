"""What a store has to know to be opened."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StorePlace:
    """`partitions` None takes whatever the store was made with. `session_timeout` in seconds."""

    url: str = field(repr=False)
    partitions: int | None = None
    cluster: str = "default"
    session_timeout: float = 10.0
    insecure: bool = False
