"""How fairseq2's logs name what is measured here. Without a name it prints a tensor, device and all."""

from collections.abc import Mapping

from fairseq2.metrics.formatters import format_as_float
from fairseq2.metrics.recorders import MetricDescriptor
from fairseq2.runtime.dependency import DependencyContainer

AFTER_LOSSES = 200  # fairseq2's order of a line: its own losses stand before


def name_metrics(
    container: DependencyContainer, names: Mapping[str, str], higher_better: bool = False
) -> None:
    """Tells fairseq2 what logs print for metrics. names: those names by metric."""
    for metric, name in names.items():
        descriptor = MetricDescriptor(
            metric, name, AFTER_LOSSES, format_as_float, higher_better=higher_better
        )
        container.collection.register_instance(MetricDescriptor, descriptor)
