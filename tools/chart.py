"""Writes beside each example of the chart what it renders, so that a review sees what changes."""

from tests.helm.chart import CHART, CI_VALUES, template

NOTE = "# What helm template makes of ../{}; `make docs` writes it anew.\n"

if __name__ == "__main__":
    (CHART / "ci" / "rendered").mkdir(exist_ok=True)
    for values in CI_VALUES:
        target = CHART / "ci" / "rendered" / values.name.replace("-values", "")
        text = "\n".join(line.rstrip() for line in template(values).splitlines())
        target.write_text(f"{NOTE.format(values.name)}{text}\n")
