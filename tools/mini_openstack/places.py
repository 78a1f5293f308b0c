"""Where things lie under the stack's directory."""

from dataclasses import dataclass
from pathlib import Path

from mini_openstack.errors import Trouble

_LONGEST_SOCKET = 103  # bytes; the kernel has room for no more


@dataclass(frozen=True)
class Places:
    root: Path

    @classmethod
    def at(cls, root: Path) -> "Places":
        places = cls(root)
        if len(bytes(places.socket)) > _LONGEST_SOCKET:
            raise Trouble(f"MINI_OPENSTACK_DIR is too long a path, it must hold a Unix socket: {places.socket}")
        return places

    @property
    def venv(self) -> Path:
        return self.root / "venv"

    @property
    def etc(self) -> Path:
        return self.root / "etc"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def lib(self) -> Path:
        """By it neutron finds our driver."""
        return self.root / "lib"

    @property
    def db(self) -> Path:
        """All that makes one cloud a different one from the next; `wipe` deletes it."""
        return self.root / "db"

    @property
    def stack(self) -> Path:
        """What the programs of ours that run in the venv must know."""
        return self.etc / "stack.json"

    @property
    def clouds(self) -> Path:
        return self.etc / "clouds.yaml"

    @property
    def application_credentials(self) -> Path:
        return self.db / "application-credentials.json"

    @property
    def socket(self) -> Path:
        return self.run / "mariadb.sock"

    @property
    def lock(self) -> Path:
        """It is there as long as the directory is ours."""
        return self.root / "lock"

    def log_of(self, name: str) -> Path:
        return self.log / f"{name}.log"

    def make(self) -> None:
        """Nobody else may look into it: MariaDB lets in whoever reaches its socket."""
        parts = (self.etc, self.run, self.log, self.lib, self.db)
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            others = set(self.root.iterdir()) - {*parts, self.venv}
            if others and not self.lock.is_file():  # `wipe` would delete what is not ours
                raise Trouble(f"MINI_OPENSTACK_DIR must be a directory of its own: {min(others)} is not ours")
            for place in parts:
                place.mkdir(mode=0o700, exist_ok=True)
        except OSError as refusal:
            raise Trouble(f"MINI_OPENSTACK_DIR cannot be used: {refusal}") from None
