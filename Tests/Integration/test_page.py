"""The page at `/`, in a real browser."""

import re
import urllib.parse

import pytest
import requests
import yaml

from harness.browser import Browser
from harness.gateway import openapi
from harness.samples import now, sample
from harness.waiting import eventually

# The tabs, and what each has once it has been told what to show.
TABS = {
    "Samples": ".names button", "Query": ".chips button", "Live": ".pill", "Kafka": ".letters summary",
    "Delivery": ".source", "Status": ".slab",
}  # fmt: skip
HOSTILE = "<img src=x onerror=\"window.hit=1\"><script>window.hit=1</script>'\"&amp;"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(str(tmp_path_factory.mktemp("chromium")))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def running(broker, binary, tmp_path_factory):
    """Five minutes of a few series, one with hostile labels, a record that cannot be read, a delivery task."""
    from conftest import Serve

    topic = broker.topic(partitions=2)
    end = now()
    made = [
        sample("temperature", {"room": room, "job": "house"}, end - (300 - i) * 1000, 20 + len(room) + i % 30)
        for room in ("kitchen", "bath", "hall")
        for i in range(300)
        # The hall is silent for a minute and a half: a gap.
        if room != "hall" or not 100 < i < 190
    ]
    made += [sample("hostile", {"text": HOSTILE, "job": HOSTILE}, end - i * 1000, i) for i in range(5)]
    topic.produce(made)
    topic.produce_raw(b"\x01\x02poison " + HOSTILE.encode(), timestamp=end)
    folder = tmp_path_factory.mktemp("page")
    source = {"kind": "remote_write", "filter": ["__name__=temp.*"], "labels": ["cluster=a"]}
    task = {"name": "lake", "description": HOSTILE, "sources": [source], "target": {"topic": topic.name}}
    (folder / "promring.yaml").write_text(yaml.safe_dump({"delivery": {"tasks": [task]}}))
    serve = Serve(folder)
    # With a path prefix everything is harder, so the page is tested below one.
    arguments = ["--config-file", folder / "promring.yaml", "--web-path-prefix", "/below/here"]
    gateway = serve(topic, arguments=arguments, ready=False)
    gateway.url += "/below/here"
    gateway.topic = topic
    # So that graphs of the past show the same however long the other tests take.
    gateway.end = f"end={end // 1000}"
    gateway.wait_ready().wait_samples(len(made))
    yield gateway
    gateway.terminate()
    serve.close()


@pytest.fixture
def tab(browser, running):
    """A tab that must not complain about anything, ask another host, nor run what labels say."""
    tab = browser.tab()
    tab.tolerated = []
    yield tab
    assert tab.ask("window.hit ?? null") is None, "a label value was run"
    tab.close()
    complaints = [each for each in tab.complaints if not any(word in each for word in tab.tolerated)]
    assert not complaints
    hosts = {urllib.parse.urlsplit(url).netloc for url in tab.requests if url.startswith("http")}
    assert hosts <= {running.address}, hosts
    assert all(urllib.parse.urlsplit(url).path.startswith("/below/here/") for url in tab.requests if "://" in url)


def go(tab, running, fragment=""):
    return tab.open(f"{running.url}/{fragment}")


def test_files_are_kept_by_the_browser_and_only_ours_may_run(running):
    page = running.get("/")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy
    for path in ["/"] + ["/" + each for each in re.findall(r'(?:src|href)="(page/[^"]+)"', page.text)]:
        first = running.get(path)
        again = running.get(path, headers={"If-None-Match": first.headers["ETag"]}, expect=304)
        assert again.content == b"" and again.headers["ETag"] == first.headers["ETag"]
        assert running.get(path, headers={"If-None-Match": '"other"'}).content == first.content
        assert first.headers["Cache-Control"] == "no-cache"
        assert first.headers.get("Content-Encoding") == "gzip" or len(first.content) < 1024, path
    running.get("/page/nothing.js", expect=404)
    answer = requests.get(running.url, allow_redirects=False, timeout=10)
    assert answer.status_code in (301, 302, 307, 308) and answer.headers["Location"].endswith("/below/here/")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_every_tab_shows_itself_at_every_width(browser, running, tab, width, dark):
    tab.resize(width, 800)
    tab.colours(dark)
    go(tab, running)
    tab.wait_text("ready", "#state")
    for name, shown in TABS.items():
        tab.click(f"#tab-{name.lower()}")
        tab.wait(f"document.querySelector('#panel-{name.lower()}:not([hidden]) {shown}')")
        assert tab.ask("document.title") == f"{name} · promring"
        assert tab.ask("location.hash").startswith(f"#{name.lower()}")
        assert tab.ask("document.querySelectorAll('[role=tab][aria-selected=true]').length") == 1
        assert tab.ask("document.documentElement.scrollWidth") <= width, name
    ground = tab.ask("getComputedStyle(document.documentElement).backgroundColor")
    brightness = sum(int(each) for each in re.findall(r"\d+", ground)[:3])
    assert brightness < 150 if dark else brightness > 600


@pytest.mark.parametrize(
    "fragment, shown",
    [
        ("#samples?match={job!=%22%22}&since=all", "#panel-samples td.name"),
        ("#query?expr={job!=%22%22}", ".graph path.line"), ("#query?expr={job!=%22%22}&as=table", "#panel-query td.name"),
        ("#query?expr=sum(temperature)%20bye%20(a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s)", ".problem"),
        ("#delivery?filter=job=.*&since=1h", "#panel-delivery .verdict td.name"),
    ],
)  # fmt: skip
def test_nothing_is_wider_than_a_phone(running, tab, fragment, shown):
    tab.tolerated = ["400"]
    tab.resize(360, 740)
    go(tab, running, fragment if "query" not in fragment else f"{fragment}&{running.end}")
    tab.wait(f"document.querySelector('{shown}')")
    assert tab.ask("document.documentElement.scrollWidth") <= 360


def test_samples_are_found_by_completion_and_shown_with_their_course(running, tab):
    go(tab, running, "#samples?since=1h")
    tab.click("#samples-match")
    tab.type("temp")
    tab.wait_text("temperature", "#panel-samples .offers:not([hidden])")
    tab.press("ArrowDown")
    tab.press("Enter")
    assert tab.ask("document.activeElement.value") == "temperature"
    tab.type("{ro")
    tab.wait_text("room", "#panel-samples .offers:not([hidden])")
    tab.press("ArrowDown")
    tab.press("Enter")
    tab.wait_text("kitchen", "#panel-samples .offers:not([hidden])")
    tab.type("k")
    tab.wait("document.querySelectorAll('#panel-samples .offers li').length == 1")
    tab.press("ArrowDown")
    tab.press("Enter")
    tab.type("}")
    tab.press("Enter")
    tab.wait_text("1 series, 300 samples", "#panel-samples")
    assert tab.ask("document.querySelector('#samples-match').value") == 'temperature{room="kitchen"}'
    assert "match=temperature" in tab.ask("location.hash")
    assert tab.ask("document.querySelector('#panel-samples .spark path').getAttribute('d')").count("L") > 200
    tab.click("#panel-samples summary")
    tab.wait("document.querySelectorAll('#panel-samples .samples li').length == 300")
    command = tab.text("#panel-samples .command code")
    assert command.startswith("curl -sg '") and running.url in command


def test_what_is_shared_is_shown_again(running, tab):
    go(tab, running, '#samples?match=temperature{room="bath"}&since=all&limit=7')
    tab.wait_text("1 series, 7 samples", "#panel-samples")
    tab.wait_text("Cut off at 7 samples", "#panel-samples")
    go(tab, running, f"#query?expr=temperature&as=table&{running.end}")
    tab.wait_text("3 series", "#panel-query [role=status]")
    assert tab.ask("document.querySelectorAll('#panel-query tbody tr').length") == 3


def test_a_graph_is_read_zoomed_and_thinned_out(running, tab):
    go(tab, running, f"#query?expr=temperature&range=5m&step=5s&{running.end}")
    tab.wait("document.querySelectorAll('.graph path.line').length == 3")
    assert tab.ask("document.querySelector('.graph path[data-name*=hall]').getAttribute('d').match(/M/g).length") >= 1
    assert tab.ask("document.querySelectorAll('.graph .tick text').length") > 8
    # Values under the pointer.
    box = tab.ask("(b => [b.left, b.top, b.width, b.height])(document.querySelector('.graph').getBoundingClientRect())")
    tab.mouse("mouseMoved", box[0] + box[2] * 0.8, box[1] + box[3] / 2)
    tab.wait("document.querySelector('.read-out:not([hidden])')?.innerText.includes('kitchen')")
    assert tab.ask("document.querySelectorAll('.cursor circle').length") >= 2
    # One series less, then one alone.
    tab.click(".legend li:first-child button")
    tab.wait("document.querySelectorAll('.graph path.line').length == 2")
    assert tab.ask("document.querySelector('.legend button').getAttribute('aria-pressed')") == "false"
    tab.click(".legend li:first-child button")
    tab.wait("document.querySelectorAll('.graph path.line').length == 3")
    # Zoom and back. Nothing moves any more when the answer is there.
    answered = "document.querySelector('#panel-query [aria-busy=false]')"
    box = tab.ask("(b => [b.left, b.top, b.width, b.height])(document.querySelector('.graph').getBoundingClientRect())")
    middle = box[1] + box[3] / 2
    before = tab.ask("location.hash")
    tab.drag((box[0] + box[2] * 0.4, middle), (box[0] + box[2] * 0.6, middle))
    tab.wait(f"location.hash !== {before!r}")
    tab.wait(answered)
    zoomed = dict(urllib.parse.parse_qsl(tab.ask("location.hash").split("?")[1]))
    assert zoomed["range"] in ("1m2s", "1m3s", "1m4s", "1m5s"), zoomed
    tab.click("#panel-query .heading button")
    tab.wait(f"location.hash === {before!r}")
    tab.wait(answered)
    # By keyboard. An answer that comes meanwhile takes neither the focus nor what is read out away.
    tab.ask("document.querySelector('.graph').focus()")
    tab.press("ArrowLeft")
    tab.wait("document.querySelector('.read-out:not([hidden])')")
    at = tab.text(".read-out b")
    tab.ask("document.querySelector('#panel-query form').requestSubmit()")
    tab.wait(answered)
    assert tab.ask("document.activeElement === document.querySelector('.graph')")
    assert tab.text(".read-out:not([hidden]) b") == at


def test_gaps_stay_gaps(running, tab):
    # Where the lookback is shorter than the silence, there is nothing to see.
    expression = urllib.parse.quote('last_over_time(temperature{room="hall"}[10s])')
    go(tab, running, f"#query?expr={expression}&range=10m&step=5s&{running.end}")
    tab.wait("document.querySelectorAll('.graph path.line').length == 1")
    assert tab.ask("document.querySelector('.graph path.line').getAttribute('d').match(/M/g).length") == 2


def test_an_error_names_and_underlines_its_place(running, tab):
    tab.tolerated = ["400"]
    go(tab, running, "#query?expr=" + urllib.parse.quote("sum(temperature) bye (room)"))
    tab.wait_text("parse error", "#panel-query .problem")
    assert tab.text("#panel-query .faulty mark") == "bye"
    assert tab.ask("document.querySelector('#panel-query .graph')") is None


def test_functions_are_completed(running, tab):
    go(tab, running, "#query")
    tab.click("#query-text")
    tab.type("sum(rat")
    tab.wait_text("function", "#panel-query .offers:not([hidden])")
    tab.press("ArrowDown")
    tab.press("Enter")
    assert tab.ask("document.activeElement.value") == "sum(rate("


def test_live_samples_arrive_pause_and_go_on(running, tab):
    go(tab, running, "#live?match=live")
    tab.wait_text("live", "#panel-live .pill.good")
    running.topic.produce([sample("live", {"text": HOSTILE, "n": str(i)}, now(), i) for i in range(3)])
    tab.wait("document.querySelectorAll('#panel-live tbody tr').length == 3")
    tab.wait_text("3 in all", "#panel-live")
    assert HOSTILE in tab.ask("document.querySelector('#panel-live tbody .series').textContent")
    tab.click("#panel-live button[type=button]")
    tab.wait_text("paused", "#panel-live .pill")
    running.topic.produce([sample("live", {"n": "later"}, now())])
    tab.wait_text("1 waiting", "#panel-live")
    assert tab.ask("document.querySelectorAll('#panel-live tbody tr').length") == 3
    tab.click("#panel-live button[type=button]")
    tab.wait("document.querySelectorAll('#panel-live tbody tr').length == 4")
    # Who looks elsewhere needs no stream.
    tab.click("#tab-status")
    tab.wait("document.querySelector('#panel-status .card')")
    eventually(lambda: running.own("promring_live_streams") == 0, "the end of the stream")


def test_hostile_labels_are_text_everywhere(running, tab):
    go(tab, running, "#samples?match=hostile&since=all")
    tab.wait_text("1 series, 5 samples", "#panel-samples")
    assert HOSTILE in tab.ask("document.querySelector('#panel-samples .series').textContent")
    go(tab, running, f"#query?expr=hostile&range=1m&{running.end}")
    tab.wait("document.querySelectorAll('.graph path.line').length == 1")
    assert "<img" in tab.text(".legend")
    go(tab, running, f"#query?expr=hostile&as=table&{running.end}")
    tab.wait_text("onerror", "#panel-query tbody")
    tab.click("#tab-status")
    tab.wait_text("onerror", "#panel-status")
    tab.click("#tab-delivery")
    tab.wait_text("onerror", "#panel-delivery")
    tab.click("#tab-kafka")
    tab.wait("document.querySelector('.letters summary')")
    tab.click(".letters summary")
    tab.wait("document.querySelector('.letters pre').innerText.includes('onerror')")


def test_kafka_tells_lag_replay_and_dead_letters(running, tab):
    go(tab, running, "#kafka")
    tab.wait_text(running.topic.name, "#panel-kafka tbody")
    assert tab.ask("document.querySelectorAll('#panel-kafka table')[0].tBodies[0].rows.length") == 2
    assert tab.ask("document.querySelector('#panel-kafka [role=progressbar]').getAttribute('aria-valuenow')") == "100"
    tab.click(".letters summary")
    tab.ask("[...document.querySelectorAll('.letters button')].find(b => b.innerText == 'Hex').click()")
    tab.wait_text("0000  01 02 70 6f 69 73 6f 6e", ".letters pre")
    # What is open stays open while the page is refreshed.
    tab.wait("performance.getEntriesByType('resource').filter(e => e.name.includes('status/kafka')).length > 3")
    assert tab.ask("document.querySelector('.letters details').open")


def test_a_dry_run_tells_which_line_rejects(running, tab):
    go(tab, running, "#delivery")
    tab.wait_text("lake", "#panel-delivery")
    tab.wait_text("__name__=temp.*", "#panel-delivery .source")
    tab.click("#panel-delivery textarea")
    tab.type("__name__=temperature\nroom=bath|hall")
    tab.ask("document.querySelector('#panel-delivery select').value = '1h'")
    tab.click("#panel-delivery .primary")
    tab.wait_text("Would be delivered", "#panel-delivery")
    lines = tab.ask("[...document.querySelectorAll('#panel-delivery .line summary')].map(e => e.innerText)")
    assert "keeps out" in lines[0] and "keeps out 300 samples of 1 series" in lines[1].replace("\n", " ")
    assert "filter=" in tab.ask("location.hash")


def test_status_draws_memory_slabs_and_ranks(running, tab):
    go(tab, running, "#status")
    tab.wait("document.querySelectorAll('.slab').length >= 1")
    assert tab.ask("document.querySelectorAll('.stack > div').length") >= 3
    tab.wait_text("temperature", "#panel-status .ranks")
    assert openapi()["info"]["version"] in tab.text("#panel-status")
    tab.click("#panel-status input[type=search]")
    tab.type("buffer-retention")
    tab.wait("document.querySelectorAll('#panel-status table')[0].tBodies[0].rows.length == 1")
    tab.click("#panel-status .ranks a")
    tab.wait_text("series", "#panel-samples:not([hidden])")


def test_everything_is_reached_by_keyboard(running, tab):
    go(tab, running)
    tab.wait("document.querySelector('#panel-samples .names button')")
    tab.press("Tab")
    assert tab.ask("document.activeElement.className") == "skip"
    tab.press("Tab")
    tab.press("Tab")
    assert tab.ask("document.activeElement.id") == "tab-samples"
    shown = """[document.activeElement.id, [...document.querySelectorAll('[role=tabpanel]')].filter(e => !e.hidden)
        .map(e => e.id), location.hash.split('?')[0]]"""
    for name in ["query", "live", "kafka", "delivery", "status", "samples"]:
        tab.press("ArrowRight")
        assert tab.ask(shown) == ["tab-" + name, ["panel-" + name], "#" + name]
    tab.press("End")
    assert tab.ask(shown) == ["tab-status", ["panel-status"], "#status"]
    tab.press("Home")
    assert tab.ask(shown) == ["tab-samples", ["panel-samples"], "#samples"]
    # Every control comes in its turn, and shows that it has the focus.
    wanted = tab.ask("document.querySelector('#panel-samples').querySelectorAll('input, select, button').length")
    reached = 0
    for _ in range(wanted + 6):
        tab.press("Tab")
        if tab.ask("document.activeElement.closest('#panel-samples') !== null"):
            reached += 1
            assert tab.ask("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert reached >= wanted
