"""etcd, a Kubernetes API server and its controllers as processes of this machine, on loopback."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self
from urllib.error import URLError

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from connector.lab.real_kafka import Process, free_port
from tests.cluster.kubernetes_api import ApiError, KubernetesApi, until

TOKEN = "administrator"
CONTROLLERS = (
    "deployment-controller",
    "disruption-controller",
    "endpointslice-controller",
    "garbage-collector-controller",
    "job-controller",
    "namespace-controller",
    "replicaset-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
)


class ControlPlane:
    """A cluster without nodes. Use it as a context.

    Args:
        programs: Name of each program -> its path.

    Attributes:
        kubeconfig: What helm and kubectl need to reach it.
    """

    def __init__(self, programs: Mapping[str, Path]) -> None:
        self._programs = programs
        self._processes = [Process(name) for name in programs]
        self._folder = self._processes[0].folder
        self._etcd, self._peer, self._port, self._other = (free_port() for _ in range(4))
        self.kubeconfig = self._folder / "kubeconfig"
        self.api: KubernetesApi

    def __enter__(self) -> Self:
        self._write_keys()
        self._start("etcd", self._etcd_options())
        self._start("kube-apiserver", self._apiserver_options())
        authority = self._folder / "certs" / "apiserver.crt"
        self._until("kube-apiserver", authority.exists)
        self.api = KubernetesApi(f"https://127.0.0.1:{self._port}", authority, TOKEN)
        self._until("kube-apiserver", self._is_ready)
        self._write_kubeconfig(authority)
        self._start("kube-controller-manager", self._controllers_options())
        return self

    def __exit__(self, *_error: object) -> None:
        for process in reversed(self._processes):
            asyncio.run(process.end())
        for process in self._processes:
            process.remove()

    def _start(self, name: str, options: Sequence[str]) -> None:
        [process] = [each for each in self._processes if each.name == name]
        process.spawn([str(self._programs[name]), *options])

    def _until(self, name: str, is_met: Callable[[], bool]) -> None:
        """Wait for a fact of a process; fail when it ends, or takes too long."""
        [process] = [each for each in self._processes if each.name == name]
        until(lambda: process.died() or is_met(), lambda: f"{name} is not up: {process.tail()}")
        assert not process.died(), f"{name} ended: {process.tail()}"

    def _is_ready(self) -> bool:
        try:
            return bool(self.api.call("GET", "/readyz")["text"] == "ok")
        except (URLError, ApiError, OSError):
            return False

    def _write_keys(self) -> None:
        key = rsa.generate_private_key(65537, 2048)
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        (self._folder / "accounts.key").write_bytes(private)
        (self._folder / "accounts.pub").write_bytes(public)
        (self._folder / "tokens.csv").write_text(f'{TOKEN},admin,1,"system:masters"\n')

    def _write_kubeconfig(self, authority: Path) -> None:
        cluster = {"server": self.api.address, "certificate-authority": str(authority)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "tests",
            "clusters": [{"name": "tests", "cluster": cluster}],
            "users": [{"name": "tests", "user": {"token": TOKEN}}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "tests"}}],
        }
        self.kubeconfig.write_text(json.dumps(config))

    def _etcd_options(self) -> list[str]:
        client, peer = (f"http://127.0.0.1:{port}" for port in (self._etcd, self._peer))
        return [
            f"--data-dir={self._folder}/etcd",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
        ]

    def _apiserver_options(self) -> list[str]:
        return [
            f"--etcd-servers=http://127.0.0.1:{self._etcd}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self._port}",
            f"--cert-dir={self._folder}/certs",
            "--endpoint-reconciler-type=none",
            "--service-cluster-ip-range=10.96.0.0/16",
            f"--token-auth-file={self._folder}/tokens.csv",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self._folder}/accounts.pub",
            f"--service-account-signing-key-file={self._folder}/accounts.key",
            # It would mark new nodes as not ready; the controller that unmarks them does not run.
            "--disable-admission-plugins=TaintNodesByCondition",
        ]

    def _controllers_options(self) -> list[str]:
        return [
            f"--kubeconfig={self.kubeconfig}",
            f"--service-account-private-key-file={self._folder}/accounts.key",
            "--use-service-account-credentials=false",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._other}",
            f"--cert-dir={self._folder}/certs",
            f"--controllers={','.join(CONTROLLERS)}",
        ]
