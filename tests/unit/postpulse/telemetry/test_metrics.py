"""Metrics: valid for Prometheus, named as it has it, and without labels that grow."""

import re
import subprocess
import sys

import pytest
from prometheus_client import Metric
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families

from postpulse.telemetry import metrics

_ALL = [metric for metric in vars(metrics).values() if isinstance(metric, MetricWrapperBase)]
#: In a process of its own: the tests of the services count with the same metrics.
_GIVE_EACH_A_VALUE = r"""
import sys
from prometheus_client import Histogram, generate_latest
from prometheus_client.metrics import MetricWrapperBase
from postpulse.telemetry import metrics
for metric in vars(metrics).values():
    if isinstance(metric, MetricWrapperBase):
        names = metric._labelnames
        one = metric.labels(*('a "quoted" \\ line\nand é' for _ in names)) if names else metric
        one.observe(0.3) if isinstance(metric, Histogram) else one.inc()
sys.stdout.buffer.write(generate_latest())
"""


@pytest.fixture(scope="module")
def families() -> dict[str, Metric]:
    """What `/metrics` answers, as Prometheus reads it, when every metric has a value."""
    text = subprocess.run(
        [sys.executable, "-c", _GIVE_EACH_A_VALUE], capture_output=True, timeout=60, check=True
    ).stdout.decode()
    read = list(text_string_to_metric_families(text))
    # The client also tells when a counter began, as metrics of their own.
    return {
        family.name: family
        for family in read
        if family.name.startswith("postpulse_") and not family.name.endswith("_created")
    }


def test_the_text_is_read_by_prometheus(families: dict[str, Metric]) -> None:
    assert {metric._name for metric in _ALL} == families.keys()
    for metric in _ALL:
        family = families[metric._name]
        assert family.type == metric._type
        assert family.documentation == metric._documentation
        for sample in family.samples:
            labels = sample.labels.keys() - {"le"}
            assert labels == set(metric._labelnames)
            assert {sample.labels[label] for label in labels} <= {'a "quoted" \\ line\nand é'}


def test_names_are_as_prometheus_has_them(families: dict[str, Metric]) -> None:
    for family in families.values():
        assert re.fullmatch(r"postpulse_[a-z_]+", family.name)
        if family.type == "counter":
            assert {sample.name for sample in family.samples} == {f"{family.name}_total"}
        if family.type == "histogram":
            assert family.name.endswith(("_seconds", "_records"))


def test_labels_have_few_values() -> None:
    # None is an id, a path or what somebody wrote.
    allowed = {"method", "route", "status", "how", "reason", "stage", "error_class", "topic"}
    assert {label for metric in _ALL for label in metric._labelnames} <= allowed
