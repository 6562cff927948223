"""Whether promring says the truth about its memory: what it reports against what the kernel counts."""

from prometheus_client.parser import text_string_to_metric_families
from report import at_most, within

#: What promring says holds its memory, part by part.
REPORTED = "promring_memory_bytes"


def compare(promring, workload, report):
    report.begin("Memory of promring with all samples in it")
    own = own_metrics(promring)
    parts = memory_parts(promring)
    reported = sum(parts.values())
    resident = promring.resident_bytes()
    for name, value in parts.items():
        report.note(f"{REPORTED}{{part={name}}} {value / 1e6:.1f} MB")
    report.note(f"resident {resident / 1e6:.1f} MB, of it files {promring.resident_bytes('RssFile') / 1e6:.1f} MB")
    series, samples = len(workload.series), workload.count
    per_series = {promring.name: own["promring_buffer_bytes"] / series}
    report.add("memory.bytes_per_series", "Bytes reported per series", "bytes", per_series, at_most(500, "bytes"))
    per_sample = {promring.name: own["promring_buffer_bytes"] / samples}
    report.add("memory.bytes_per_sample", "Bytes reported per sample, series included", "bytes", per_sample)
    ratio = {promring.name: resident / reported}
    report.add("memory.ratio", "Resident memory / reported memory", "ratio", ratio, within(0.85, 1.15))


def own_metrics(promring):
    """promring's own metrics that have no labels."""
    return {each.name: each.value for each in own_samples(promring) if not each.labels}


def memory_parts(promring):
    return {each.labels["part"]: each.value for each in own_samples(promring) if each.name == REPORTED}


def own_samples(promring):
    page = promring.ask("/metrics", {"self": "only"}).decode()
    return [each for family in text_string_to_metric_families(page) for each in family.samples]
