"""A node that takes every pod, and says of it what a kubelet would; it runs `bkc check` for real.

It starts no containers. A worker's pod is ready at once unless its image is among `never_ready`. A
pod of a Job runs its command with this machine's Python and the config maps that it mounts.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from tests.cluster.kubernetes_api import ApiError, KubernetesApi, Object

POLL_S = 0.1
NAME = "node-1"


class Node:
    """The only node of a cluster. Use it as a context.

    Attributes:
        never_ready: Images whose pods never get ready.
        events: (what, pod) in order; what is "ready" or "gone".
        outputs: Pod of a job -> what its containers printed.
    """

    def __init__(self, api: KubernetesApi) -> None:
        self._api = api
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.never_ready: set[str] = set()
        self.events: list[tuple[str, str]] = []
        self.outputs: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(POLL_S):
            for pod in self._api.items("/api/v1/pods"):
                with contextlib.suppress(ApiError):  # it has changed or gone since
                    self._serve(pod)

    def _serve(self, pod: Object) -> None:
        """Do the next thing to a pod."""
        metadata, spec, status = pod["metadata"], pod["spec"], pod["status"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        if "deletionTimestamp" in metadata:
            self._api.call("DELETE", path, {"gracePeriodSeconds": 0})
            self.events.append(("gone", metadata["name"]))
        elif "nodeName" not in spec:
            target = {"apiVersion": "v1", "kind": "Node", "name": NAME}
            binding = {
                "apiVersion": "v1",
                "kind": "Binding",
                "metadata": {"name": metadata["name"]},
            }
            self._api.call("POST", f"{path}/binding", binding | {"target": target})
        elif status["phase"] == "Pending" and spec["restartPolicy"] == "Never":
            self._api.merge(f"{path}/status", {"status": self._finished(pod)})
        elif (
            status["phase"] == "Pending" and spec["containers"][0]["image"] not in self.never_ready
        ):
            self._api.merge(f"{path}/status", {"status": _ready(spec)})
            self.events.append(("ready", metadata["name"]))

    def _finished(self, pod: Object) -> Object:
        """Run a pod's containers to their end and return its status."""
        codes = [self._exit_code(pod, container) for container in pod["spec"]["containers"]]
        states = [
            _container(container) | {"state": {"terminated": {"exitCode": code}}}
            for container, code in zip(pod["spec"]["containers"], codes, strict=True)
        ]
        phase = "Failed" if any(codes) else "Succeeded"
        return {"phase": phase, "containerStatuses": states}

    def _exit_code(self, pod: Object, container: Object) -> int:
        with tempfile.TemporaryDirectory() as root:
            for mount in container["volumeMounts"]:
                self._mount(pod, mount, Path(root + mount["mountPath"]))
            arguments = [
                root + each if each.startswith("/etc/") else each for each in container["args"]
            ]
            done = subprocess.run(  # noqa: S603 - the chart's own command
                [sys.executable, "-m", "connector", *arguments],
                capture_output=True,
                text=True,
                check=False,
                env={"PATH": os.environ["PATH"]}
                | {entry["name"]: entry["value"] for entry in container["env"]},
            )
        printed = self.outputs.get(pod["metadata"]["name"], "")
        self.outputs[pod["metadata"]["name"]] = printed + done.stdout + done.stderr
        return done.returncode

    def _mount(self, pod: Object, mount: Object, folder: Path) -> None:
        """Write a config map's files below a folder."""
        [name] = [
            volume["configMap"]["name"]
            for volume in pod["spec"]["volumes"]
            if volume["name"] == mount["name"]
        ]
        namespace = pod["metadata"]["namespace"]
        files = self._api.call("GET", f"/api/v1/namespaces/{namespace}/configmaps/{name}")["data"]
        folder.mkdir(parents=True)
        for file, text in files.items():
            (folder / file).write_text(text)


def _ready(spec: Object) -> Object:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    states = [
        _container(each)
        | {"ready": True, "started": True, "state": {"running": {"startedAt": now}}}
        for each in spec["containers"]
    ]
    conditions = [
        {"type": name, "status": "True", "lastTransitionTime": now}
        for name in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
    ]
    return {"phase": "Running", "conditions": conditions, "containerStatuses": states}


def _container(container: Object) -> dict[str, Any]:
    image = container["image"]
    return {"name": container["name"], "image": image, "imageID": image, "restartCount": 0} | {
        "ready": False
    }
