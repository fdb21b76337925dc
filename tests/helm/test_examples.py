"""Each example of the chart, whole: what must hold of any values."""

from pathlib import Path

import pytest

from connector.config.load import is_account_file, load_any
from tests.helm.chart import CHART, CI_VALUES, config_of, documents, example, helm, of_kind, pods

by_values = pytest.mark.parametrize("values", CI_VALUES, ids=lambda path: path.stem)


@by_values
def test_lint_has_nothing_to_say(values: Path) -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART), f"--values={values}")


@by_values
def test_an_example_renders_as_the_copy_that_is_kept_beside_it(values: Path) -> None:
    kept = CHART / "ci" / "rendered" / values.name.replace("-values", "")

    assert example(values) == documents(kept.read_text()), "run make docs"


@by_values
def test_a_list_of_maps_with_names_has_each_name_once(values: Path) -> None:
    """Server-side apply refuses two entries of one name or of one port."""
    for pod in pods(example(values)):
        lists = [pod.get("volumes", [])]
        for container in pod["containers"]:
            lists += [container.get(key, []) for key in ("env", "ports", "volumeMounts")]
        for entries in lists:
            names = sorted(entry.get("mountPath", entry["name"]) for entry in entries)
            assert names == sorted(set(names))


@by_values
def test_every_pod_is_within_the_restricted_pod_security_standard(values: Path) -> None:
    for pod in pods(example(values)):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert {"hostNetwork", "hostPID", "hostIPC"}.isdisjoint(pod)
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]
            assert "cpu" not in container["resources"]["limits"]


@by_values
def test_the_image_has_a_version_and_no_secret_is_made(values: Path) -> None:
    found = example(values)

    [image] = {container["image"] for pod in pods(found) for container in pod["containers"]}
    assert not image.endswith((":latest", ":"))
    assert of_kind(found, "Secret") == []


@by_values
def test_each_config_is_good_as_the_pod_reads_it(
    values: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the variables that the chart sets."""
    found = example(values)
    for deployment in of_kind(found, "Deployment"):
        [container] = deployment["spec"]["template"]["spec"]["containers"]
        file = tmp_path / "connector.yaml"
        file.write_text(config_of(found, deployment))
        with monkeypatch.context() as patch:
            for entry in container["env"]:
                if "value" in entry:
                    patch.setenv(entry["name"], entry["value"])
            settings = load_any(file).settings
        assert settings.server.port == container["ports"][0]["containerPort"]
        assert is_account_file(file) == (container["args"] == ["run", "account"])
