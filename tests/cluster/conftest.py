"""A Kubernetes API server for the whole run. Only `make test-cluster` collects these tests."""

import os
from collections.abc import Iterator

import pytest

from tests.cluster.control_plane import ControlPlane
from tests.cluster.kubernetes_api import KubernetesApi
from tests.cluster.node import Node
from tools.get import get
from tools.unavailable import Unavailable

collect_ignore_glob = [] if os.environ.get("TEST_CLUSTER") else ["test_*.py"]
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager")


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """Start etcd, API server and controllers; skip where they cannot be built, except in CI."""
    try:
        programs = {name: get(name) for name in PROGRAMS}
    except Unavailable as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    with ControlPlane(programs) as running:
        yield running


@pytest.fixture(scope="session")
def api(control_plane: ControlPlane) -> KubernetesApi:
    return control_plane.api


@pytest.fixture(scope="session")
def node(api: KubernetesApi) -> Iterator[Node]:
    """Run a node that takes every pod."""
    with Node(api) as running:
        yield running
