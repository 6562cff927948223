"""A window as a mid-sized cluster fills it."""

import pytest

from harness.samples import assert_same, by_series, kubernetes_samples

SERIES = 50_000
POINTS = 20


# A minute on two cores; more than the usual limit where those are busy, and a limit that bites ends the run.
@pytest.mark.timeout(1200)
def test_one_million_samples_of_fifty_thousand_series(broker, serve):
    topic = broker.topic(partitions=8)
    made = list(kubernetes_samples(SERIES, POINTS))
    assert len(made) == 1_000_000 and len(by_series(made)) == SERIES
    topic.produce(made)
    gateway = serve(topic)
    assert_same(gateway.wait_samples(len(made), timeout=120), made)

    # The other views agree.
    head = gateway.api("status/tsdb")["headStats"]
    assert head["numSeries"] == SERIES
    assert len(gateway.api('series?match[]={__name__=~".%2B"}')) == SERIES
    assert gateway.own("promring_buffer_series") == SERIES
    assert gateway.own("promring_buffer_samples") == SERIES * POINTS

    # A slow reader of the whole window gets it all, and costs no memory: the answer is streamed.
    answer = gateway.get("/api/v1/samples", {"match[]": '{__name__=~".+"}', "format": "ndjson"}, stream=True)
    assert "Content-Length" not in answer.headers
    assert sum(1 for _ in answer.iter_lines()) == len(made)
