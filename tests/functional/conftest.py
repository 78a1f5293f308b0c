"""Clusters of real processes, each in a directory of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.cluster import Cluster, cluster_in


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Not started yet. Nothing of it is left afterwards."""
    with cluster_in(tmp_path / "data") as made:
        yield made
