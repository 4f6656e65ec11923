"""The built worker in a real browser: both ways to start, what it answers, and what it does with damaged files."""

import json
import re
import shutil
from array import array
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from conftest import EVERY, FIREFOX
from inputs import random_given
from playwright.sync_api import Browser, Page

from bench.measure import Counted
from bench.phone import Line
from calculator import catalog
from calculator.faces import browser
from calculator.web import bundle
from calculator.web.bundle import unread, wasm
from calculator.web.serve import running

pytestmark = pytest.mark.browser

INPUTS = 13
PART = 6 if FIREFOX else 3
"""In `make test` each third request, so that every stage is asked and most decisions; in `make long` all. In Firefox,
which takes twice as long for each, half of them."""
PAGE = """<!doctype html><meta charset="utf-8"><title>worker</title><script>
const heard = [];
let downloaded = 0;
let worker;
function begin(address, name) {
  heard.length = 0;
  worker = new Worker(address, {type: 'module', name});
  worker.onmessage = ({data}) => data.loading ? (downloaded = Math.max(downloaded, data.share)) : heard.push(data);
}
const until = (test) => new Promise((resolve) => {
  const look = () => heard.some(test) ? resolve([...heard]) : setTimeout(look, 5);
  look();
});
const isLast = (id) => (m) =>
  m.id === id && (m.error || m.superseded || JSON.parse(m.response).more === null);
function ask(requests, key) {
  requests.forEach((request, id) => worker.postMessage({id, request, key: key ?? String(id)}));
  return Promise.all(requests.map((_, id) => until(isLast(id)))).then(() => [...heard]);
}
</script>"""


@pytest.fixture(scope="module")
def page(launched: Browser) -> Iterator[Page]:
    """A page of a browser without any cache."""
    made = launched.new_page()
    yield made
    made.close()


class Place:
    """A served copy of the runtime, whose files a test may damage."""

    def __init__(self, root: Path) -> None:
        self.manifest = bundle.build()
        self.root = root
        shutil.copytree(bundle.DESTINATION, root / "runtime")
        (root / "page.html").write_text(PAGE)
        (root / "sitemap.xml").write_text("<urlset><url><loc>https://example.test/</loc></url></urlset>")

    def damage(self, kind: str, *, keep: float = 1.0, flip: bool = False) -> None:
        """Cut a file off, or turn over one bit in its middle."""
        path = self.root / "runtime" / self.manifest["files"][kind]["name"]
        content = bytearray(path.read_bytes())
        if flip:
            content[len(content) // 2] ^= 1
        path.write_bytes(content[: int(len(content) * keep)])

    def lose(self, kind: str) -> None:
        """Delete a file."""
        (self.root / "runtime" / self.manifest["files"][kind]["name"]).unlink()

    def begin(self, page: Page, start: str) -> list[dict[str, Any]]:
        """The states that a new worker reports until it is ready or has failed."""
        with running(self.root) as address:
            page.goto(address + "page.html")
            page.evaluate("([a, n]) => begin(a, n)", [f"runtime/{self.manifest['worker']}", start])
            states: list[dict[str, Any]] = page.evaluate("until((m) => ['ready', 'failed'].includes(m.state))")
            return states


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A served copy for one test."""
    return Place(tmp_path)


def asked() -> list[str]:
    """The default of each decision and generated inputs, as texts."""
    random = Random(7)
    requests = [{"decision": name, "given": {}} for name in catalog.names()]
    for index in range(INPUTS):
        name = catalog.names()[index % len(catalog.names())]
        requests.append({"decision": name, "given": random_given(catalog.decision(name), random)})
    return [json.dumps(request) for request in requests]


def native(request: str) -> list[str]:
    """All stages of the native package's answer."""
    stage: int | None = 0
    answers = []
    while stage is not None:
        answers.append(
            browser.answer(json.dumps({**json.loads(request), "stage": stage} if stage else json.loads(request)))
        )
        stage = json.loads(answers[-1])["more"]
    return answers


def told(answers: list[str]) -> tuple[str, dict[str, str]]:
    """What the stages of a request say, and the sections that they come to: of many requests at once none is kept."""
    sections: dict[str, str] = {}
    rest = []
    for answer in answers:
        said = json.loads(answer)
        sections |= said.pop("sections", {})
        rest.append(said)
    return json.dumps(rest), sections


@pytest.mark.core
@EVERY
@pytest.mark.parametrize("start", bundle.STARTS)
def test_every_stage_of_every_answer_has_the_bytes_of_the_native_package(
    place: Place, page: Page, start: str, every: bool
) -> None:
    states = place.begin(page, start)
    path = bundle.ORDINARY if start == bundle.ORDINARY else bundle.QUICK
    assert [(state["state"], state["path"]) for state in states] == [("starting", path), ("ready", path)]
    assert ("smallheap" in states[-1]["marks"]) is (start == bundle.SMALL)
    requests = asked()[:: (1 if every else PART) if start == bundle.QUICK else 10]
    heard = page.evaluate("(requests) => ask(requests)", requests)
    for index, request in enumerate(requests):
        assert told([m["response"] for m in heard if m.get("id") == index]) == told(native(request)), request


def test_newer_requests_take_the_place_of_older_ones_and_points_come_before_stages(place: Place, page: Page) -> None:
    request = json.dumps({"decision": catalog.names()[0]})
    stages = list(range(browser.STAGES))

    def heard_of(script: str) -> list[dict[str, Any]]:
        """What a new worker says to requests that all arrive while it starts."""
        with running(place.root) as address:
            page.goto(address + "page.html")
            script = f"([address, request]) => {{ begin(address, ''); return {script} }}"
            heard = page.evaluate(script, [f"runtime/{place.manifest['worker']}", request])
            return [message for message in heard if "id" in message]

    of_one_form = heard_of("ask(Array(5).fill(request), 'one form')")
    assert of_one_form[:4] == [{"id": number, "superseded": True} for number in range(4)]
    assert [(m["id"], json.loads(m["response"])["stage"]) for m in of_one_form[4:]] == [(4, stage) for stage in stages]
    of_two_forms = heard_of("ask([request, request])")
    order = [(m["id"], json.loads(m["response"])["stage"]) for m in of_two_forms]
    assert order[:2] == [(0, 0), (1, 0)]
    assert sorted(order) == [(number, stage) for number in (0, 1) for stage in stages]
    cancelled = heard_of("[ask([request, request]), worker.postMessage({id: 0, cancel: true})][0]")
    assert cancelled[0] == {"id": 0, "superseded": True}
    assert {m["id"] for m in cancelled[1:]} == {1}


def test_a_snapshot_that_cannot_be_restored_gives_way_to_the_ordinary_start(place: Place, page: Page) -> None:
    for damage in (partial(place.damage, flip=True), partial(place.damage, keep=0.9), place.lose):
        damage("heap")
        damage("smallheap")
        states = place.begin(page, bundle.QUICK)
        assert [(state["state"], state["path"]) for state in states] == [
            ("starting", bundle.QUICK),
            ("starting", bundle.ORDINARY),
            ("ready", bundle.ORDINARY),
        ]
    heard = page.evaluate("(request) => ask([request])", asked()[0])
    assert [m["response"] for m in heard if m.get("id") == 0] == native(asked()[0])


@pytest.mark.parametrize("kind", ["heap", "leanwasm", "smallheap"])
def test_of_a_large_file_the_other_form_does_as_well(place: Place, page: Page, kind: str) -> None:
    place.damage(kind, keep=0.9)
    states = place.begin(page, bundle.SMALL if kind.startswith("small") else bundle.QUICK)
    assert [state["path"] for state in states] == [bundle.QUICK] * 2
    heard = page.evaluate("(request) => ask([request])", asked()[0])
    assert [m["response"] for m in heard if m.get("id") == 0] == native(asked()[0])


LATE_TIMERS = """{
  const timer = setTimeout;
  globalThis.setTimeout = (heard, ms, ...rest) => timer(heard, ms + 300, ...rest);
}
"""


def test_a_slow_line_gets_the_smaller_files_once_and_keeps_what_they_hold(place: Place, page: Page) -> None:
    served = Counted(place.root, Line(mbit_per_s=2.5, latency_s=0.05))

    def visit() -> tuple[dict[str, Any], list[str]]:
        served.take()
        page.goto(address + "page.html")
        page.evaluate("([a, n]) => begin(a, n)", [f"runtime/{place.manifest['worker']}", "calculator"])
        ready = page.evaluate("until((m) => m.state === 'ready')")[-1]
        names = [path.rpartition("/")[2].partition("-")[0] for _, path, _, _ in served.sent]
        return ready, names

    def begins_from_what_was_kept() -> None:
        """Another visit does, and nothing large comes over the line."""
        ready, asked_for = visit()
        assert "smallheap" not in ready["marks"]
        assert not ready["keeps"]
        assert not {"smallheap", "smallwasm", "xz"} & set(asked_for)
        assert page.evaluate("downloaded") == 0

    with served.running() as address:
        ready, asked_for = visit()
        assert ready["path"] == bundle.QUICK
        assert {"smallheap", "smallwasm", "xz"} <= set(asked_for)
        assert ready["keeps"]
        page.evaluate("until((m) => m.kept)")
        begins_from_what_was_kept()
        # So busy that an answer of the line is heard before the pause ends after which a copy is looked for.
        worker = place.root / "runtime" / place.manifest["worker"]
        worker.write_text(LATE_TIMERS + worker.read_text("utf-8"), "utf-8")
        begins_from_what_was_kept()
        heard = page.evaluate("(request) => ask([request])", asked()[0])
    assert [m["response"] for m in heard if m.get("id") == 0] == native(asked()[0])


def test_a_browser_that_is_slow_with_the_only_form_it_has_waits_for_it(place: Place, page: Page) -> None:
    for kind in ("smallheap", "smallwasm"):
        place.lose(kind)
    served = Counted(place.root, Line(mbit_per_s=2.5, latency_s=0.05))
    with served.running() as address:
        page.goto(address + "page.html")
        page.evaluate("([a, n]) => begin(a, n)", [f"runtime/{place.manifest['worker']}", "calculator"])
        ready = page.evaluate("until((m) => ['ready', 'failed'].includes(m.state))")[-1]
    assert (ready["state"], ready["path"], ready["keeps"]) == ("ready", bundle.QUICK, False)
    asked_for = [path.rpartition("/")[2].partition("-")[0] for _, path, _, _ in served.sent]
    assert asked_for.count("heap") == 2


def test_what_no_first_answer_needs_comes_when_it_is_asked_for(place: Place, page: Page) -> None:
    config = {"decision": "limited_compute", "given": {"config_json": '{"model_type": "llama"}'}}
    place.lose("late")
    with running(place.root) as address:
        page.goto(address + "page.html")
        page.evaluate("([a, n]) => begin(a, n)", [f"runtime/{place.manifest['worker']}", bundle.QUICK])
        requests = [json.dumps({"decision": name}) for name in catalog.names()]
        heard = page.evaluate("(requests) => ask(requests)", requests)
        assert [m["error"] for m in heard if "error" in m] == []
        page.evaluate("heard.length = 0")
        heard = page.evaluate("(request) => ask([request])", json.dumps(config))
        assert "late-" in heard[-1]["error"]
    whole = Place(place.root / "again")
    whole.begin(page, bundle.QUICK)
    heard = page.evaluate("(request) => ask([request])", json.dumps(config))
    assert [m["response"] for m in heard if m.get("id") == 0] == native(json.dumps(config))


def noise_where_nothing_reads(place: Place) -> None:
    """Fill the data that the build set to zero, in the file and so in the memory that is restored from it."""
    path = place.root / "runtime" / place.manifest["files"]["leanwasm"]["name"]
    lean = path.read_bytes()
    start, size = wasm.segment(lean)
    data = bytearray(dict(wasm.sections(lean))[wasm.DATA][start : start + size])
    for first, last in place.manifest["unread"]:
        assert not any(data[first:last])
        data[first:last] = Random(first).randbytes(last - first)
    path.write_bytes(wasm.with_data(lean, bytes(data)))
    worker = place.root / "runtime" / place.manifest["worker"]
    fresh = bytes(unread.MEMORY_BASE) + bytes(data)
    total = sum(array("I", fresh + bytes(-len(fresh) % 4))) & 0xFFFFFFFF
    told = f'"freshSum":{total - (total >> 31 << 32)}'
    worker.write_text(re.sub(r'"freshSum":-?\d+', told, worker.read_text("utf-8")), "utf-8")


@EVERY
def test_data_that_the_quick_start_leaves_out_is_never_read(place: Place, page: Page, every: bool) -> None:
    assert sum(last - first for first, last in place.manifest["unread"]) > 1_000_000
    noise_where_nothing_reads(place)
    assert [state["path"] for state in place.begin(page, bundle.QUICK)] == [bundle.QUICK] * 2
    requests = asked()[:: 1 if every else PART]
    heard = page.evaluate("(requests) => ask(requests)", requests)
    for index, request in enumerate(requests):
        assert told([m["response"] for m in heard if m.get("id") == index]) == told(native(request)), request


def test_a_snapshot_of_another_runtime_is_not_restored(place: Place, page: Page) -> None:
    worker = place.root / "runtime" / place.manifest["worker"]
    text = worker.read_text()
    worker.write_text(text.replace('"freshSum":', '"freshSum":1'))
    assert [state["path"] for state in place.begin(page, bundle.QUICK)][-1] == bundle.ORDINARY
    worker.write_text(text.replace('"heapBytes":', '"heapBytes":1'))
    assert [state["path"] for state in place.begin(page, bundle.QUICK)][-1] == bundle.ORDINARY


@pytest.mark.parametrize("kind", ["wasm", "glue", "library"])
def test_a_damaged_runtime_says_that_it_failed_and_never_hangs(place: Place, page: Page, kind: str) -> None:
    place.damage(kind, keep=0.5)
    failed = place.begin(page, bundle.ORDINARY)[-1]
    assert failed["state"] == "failed"
    assert failed["detail"]
    heard = page.evaluate("(request) => ask([request])", asked()[0])
    assert heard[-1] == {"id": 0, "error": failed["detail"]}
    place.lose(kind)
    failed = place.begin(page, bundle.ORDINARY)[-1]
    assert failed["state"] == "failed"
    assert failed["detail"]
