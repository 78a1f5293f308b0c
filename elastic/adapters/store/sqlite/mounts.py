"""What kind of file system a path is on. SQLite's locks and shared memory need a local one."""

import os
import re
from pathlib import Path

NETWORKED = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "gpfs", "ocfs2", "gfs2"}
    | {"glusterfs", "fuse.glusterfs", "fuse.sshfs", "fuse.s3fs"}
)


def networked(path: str) -> str:
    """The name of the network file system that holds `path`; "" if it is on none, or that cannot be told."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
    except OSError:
        return ""
    kind = file_system(os.path.realpath(path), mounts)
    return kind if kind in NETWORKED else ""


def file_system(path: str, mounts: str) -> str:
    """The type of the innermost mount above `path`, of what `/proc/self/mountinfo` lists."""
    kind, depth = "", -1
    for line in mounts.splitlines():
        fields, _, source = line.partition(" - ")
        point = _unescaped(fields.split(" ")[4])
        is_above = path == point or path.startswith(point.rstrip("/") + "/")
        if is_above and len(point) >= depth:  # of two on one point, the later hides the earlier
            kind, depth = source.split(" ")[0], len(point)
    return kind


def _unescaped(point: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), point)
