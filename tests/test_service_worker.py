"""The service worker against a made-up server: what it keeps, what it shows, and what it leaves alone."""

import json
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.node

HERE = Path(__file__).parent
ORIGIN, SCOPE = "https://example.test", "/ours/"
PAGE, STYLE, MISSING, LATER, HEAP = "the page", "the style", "not found here", "the encoding", "the heap"


def digest(text: str) -> str:
    """As the build writes it."""
    return sha256(text.encode()).hexdigest()[:16]


RUNTIME = f"assets/runtime/heap-{digest(HEAP)}.bin"
RELEASE = {
    "version": "new",
    "pages": {"decide/": digest(PAGE), "assets/page.css?v=0123456789ab": digest(STYLE), "404.html": digest(MISSING)},
    "later": {"assets/tokenizer/o200k_base.js": digest(LATER)},
    "runtime": [RUNTIME],
}
FILES = {
    "decide/": PAGE,
    "assets/page.css": STYLE,
    "404.html": MISSING,
    "assets/tokenizer/o200k_base.js": LATER,
    RUNTIME: HEAP,
}


def server(changed: dict[str, Any] | None = None, scope: str = SCOPE) -> list[Any]:
    """A step: the site as it is, save for what is changed."""
    return ["serve", {scope + name: file for name, file in {**FILES, **(changed or {})}.items()}]


def run(*steps: list[Any], scope: str = SCOPE, caches: dict[str, dict[str, str]] | None = None) -> Any:
    """What the worker told at each step but the server's, and what is kept in the end."""
    given = {"scope": scope, "release": RELEASE, "steps": steps, "caches": caches or {}}
    command = ["node", str(HERE / "node" / "service-worker.mjs")]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    return found["told"], found["caches"]


PAGES_KEPT, RUNTIME_KEPT = f"calculator {SCOPE} pages new", f"calculator {SCOPE} runtime"
INSTALL, ACTIVATE = ["install"], ["activate"]
OPEN = ["fetch", f"{SCOPE}decide/?gpus=7", "navigate"]
OFFLINE = server(dict.fromkeys(FILES))


def test_a_release_is_kept_whole_and_its_later_files_are_not_fetched_for_it() -> None:
    told, kept = run(server(), INSTALL)
    assert told == ["done"]
    assert kept == {
        PAGES_KEPT: {
            f"{ORIGIN}{SCOPE}decide/": PAGE,
            f"{ORIGIN}{SCOPE}assets/page.css?v=0123456789ab": STYLE,
            f"{ORIGIN}{SCOPE}404.html": MISSING,
        },
        RUNTIME_KEPT: {f"{ORIGIN}{SCOPE}{RUNTIME}": HEAP},
    }


def test_a_page_of_the_release_before_in_the_browsers_own_cache_is_asked_for_past_it() -> None:
    _, kept = run(server({"decide/": {"body": PAGE, "browser": "the page before"}}), INSTALL)
    assert kept[PAGES_KEPT][f"{ORIGIN}{SCOPE}decide/"] == PAGE


@pytest.mark.parametrize("name", ["decide/", "assets/page.css", RUNTIME])
@pytest.mark.parametrize("wrong", ["of another release", {"body": "gone", "status": 404}, None])
def test_what_did_not_come_whole_fails_the_installation_and_the_next_one_mends_it(name: str, wrong: Any) -> None:
    told, kept = run(server({name: wrong}), INSTALL, server(), INSTALL)
    assert told[0].startswith("failed")
    assert told[1] == "done"
    found = {address.partition("?")[0]: body for files in kept.values() for address, body in files.items()}
    assert found[f"{ORIGIN}{SCOPE}{name}"] == FILES[name]


def test_old_releases_go_and_nothing_else_does() -> None:
    other = {"calculator /theirs/ pages old": {"x": "y"}, "something else": {"x": "y"}}
    old = {f"calculator {SCOPE} pages old": {"x": "y"}}
    before = {RUNTIME_KEPT: {f"{ORIGIN}{SCOPE}assets/runtime/heap-0.bin": "old", f"{ORIGIN}{SCOPE}{RUNTIME}": HEAP}}
    _, kept = run(server(), INSTALL, ACTIVATE, caches={**other, **old, **before})
    assert set(kept) == {*other, PAGES_KEPT, RUNTIME_KEPT}
    assert kept[RUNTIME_KEPT] == {f"{ORIGIN}{SCOPE}{RUNTIME}": HEAP}


def test_without_a_network_a_page_is_the_kept_one_and_an_unknown_one_says_so() -> None:
    unknown = ["serve", {f"{SCOPE}no/": None}], ["fetch", f"{SCOPE}no/", "navigate"]
    told, _ = run(server(), INSTALL, OFFLINE, OPEN, *unknown)
    assert told[1:] == [f"200 {PAGE}", f"200 {MISSING}"]


@pytest.mark.parametrize("answer", [{"silent": True}, {"body": "none", "status": 404}, {"body": "", "status": 503}])
def test_a_server_that_is_silent_or_has_no_page_gives_way_to_the_kept_one(answer: dict[str, Any]) -> None:
    told, _ = run(server(), INSTALL, server({"decide/": answer}), OPEN)
    assert told[1] == f"200 {PAGE}"


def test_a_server_that_has_no_page_is_heard_when_none_is_kept() -> None:
    told, _ = run(server(), INSTALL, ["fetch", f"{SCOPE}no/such/", "navigate"])
    assert told[1] == "404 not found"


def test_a_newer_page_or_a_networks_own_is_shown_but_never_kept() -> None:
    told, _ = run(server(), INSTALL, server({"decide/": "sign in"}), OPEN, OFFLINE, OPEN)
    assert told[1:] == ["200 sign in", f"200 {PAGE}"]


def test_a_later_file_is_kept_when_it_came_whole_and_only_then() -> None:
    asked = ["fetch", f"{SCOPE}assets/tokenizer/o200k_base.js"]
    key = f"{ORIGIN}{SCOPE}assets/tokenizer/o200k_base.js"
    _, kept = run(server({"assets/tokenizer/o200k_base.js": "cut o"}), INSTALL, asked)
    assert key not in kept[PAGES_KEPT]
    told, kept = run(server(), INSTALL, asked, OFFLINE, asked)
    assert kept[PAGES_KEPT][key] == LATER
    assert told[1:] == [f"200 {LATER}"] * 2


def test_a_damaged_kept_file_is_replaced_by_another_copy_that_the_page_asks_for() -> None:
    damaged = {RUNTIME_KEPT: {f"{ORIGIN}{SCOPE}{RUNTIME}": "nonsense"}}
    asked = f"{SCOPE}{RUNTIME}"
    told, kept = run(server(), ["fetch", asked], ["fetch", f"{asked}?again=1"], ["fetch", asked], caches=damaged)
    assert told == ["200 nonsense", f"200 {HEAP}", f"200 {HEAP}"]
    assert kept[RUNTIME_KEPT] == {f"{ORIGIN}{SCOPE}{RUNTIME}": HEAP}


def test_a_file_named_by_its_content_is_not_asked_for_again() -> None:
    told, _ = run(server(), INSTALL, server({RUNTIME: "other"}), ["fetch", f"{SCOPE}{RUNTIME}"])
    assert told[1] == f"200 {HEAP}"


def test_a_script_of_another_release_does_not_come_from_what_is_kept() -> None:
    asked = ["fetch", f"{SCOPE}assets/page.css?v=ba9876543210"]
    told, _ = run(server(), INSTALL, OFFLINE, asked)
    assert told[1].startswith("failed")


def test_at_the_root_of_an_origin_other_projects_are_left_to_the_browser() -> None:
    told, kept = run(
        server(scope="/"), INSTALL, ["fetch", "/theirs/", "navigate"], ["fetch", "/theirs/app.0123456789ab.js"],
        ["fetch", "/decide/", "navigate"], scope="/",
    )  # fmt: skip
    assert told[1:] == ["left to the browser", "left to the browser", f"200 {PAGE}"]
    assert not [address for files in kept.values() for address in files if "theirs" in address]
