"""What `/metrics` says."""

from prometheus_client.parser import text_string_to_metric_families


def counted(text: str, sample: str, **labels: str) -> float:
    """The sum of a sample over all that have these labels, of whatever replica."""
    return sum(each.value for each in _samples(text, sample) if labels.items() <= each.labels.items())


def replicas(text: str, sample: str, **labels: str) -> list[str]:
    """Who tells it."""
    return [each.labels["replica"] for each in _samples(text, sample) if labels.items() <= each.labels.items()]


def _samples(text, name):
    return [
        sample for family in text_string_to_metric_families(text) for sample in family.samples if sample.name == name
    ]
