"""The guided run, on a real Nova."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.openstack.stack import Stack

ELASTIC = Path(sys.executable).with_name("elastic")


@pytest.mark.unhurried
def test_the_guided_run_shows_all_of_it_and_leaves_nothing(stack: Stack):
    environment = {**os.environ, "OS_CLIENT_CONFIG_FILE": str(stack.clouds_file)}
    argv = [ELASTIC, "demo", "--cloud", "mini", "--plain", "--seconds", "300"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [s.name for s in stack.admin.compute.servers(all_projects=True) if s.name.startswith("elastic-")] == []
    assert [p.name for p in stack.admin.network.ports() if p.name.startswith("elastic-")] == []
