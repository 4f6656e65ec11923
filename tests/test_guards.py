"""Guards that nothing else would miss: what may leave the site, how much may come in, what is said and charged."""

import json
import subprocess
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from faults import Place

from calculator import MODEL_VERSION, catalog, engine, links
from calculator.decisions import fine_tune_or_not as overall
from calculator.faces import browser, exchange
from calculator.fields import defaults_of
from calculator.web import serve
from tests import mutants


@pytest.fixture
def small_site(tmp_path):
    root = tmp_path / "site"
    (root / "a").mkdir(parents=True)
    (root / "index.html").write_text("home")
    (root / "a" / "index.html").write_text("a")
    (root / "sitemap.xml").write_text("<urlset><url><loc>https://example.test/x/</loc></url></urlset>")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "site-of-others").mkdir()
    (tmp_path / "site-of-others" / "index.html").write_text("others")
    return root


@pytest.mark.parametrize(
    "path",
    ["../secret.txt", "%2e%2e/secret.txt", "a/../../secret.txt", "..%2fsecret.txt", "../site-of-others/"],
)
def test_no_path_leaves_the_site(small_site, path):
    assert serve.Site(small_site).find(path) is None


@pytest.mark.parametrize("path", ["%00", "a%00b", "x" * 5000, "%ff", "a/" * 3000])
def test_a_path_that_no_file_can_have_is_not_found(small_site, path):
    assert serve.Site(small_site).find(path) is None


def ask(address, method, path, headers=None):
    parts = urlsplit(address)
    connection = HTTPConnection(parts.hostname, parts.port, timeout=20)
    connection.request(method, path, headers=headers or {})
    response = connection.getresponse()
    found = response.status, response.read(), dict(response.getheaders())
    connection.close()
    return found


def test_the_server_answers_strange_requests_and_goes_on(small_site):
    with serve.running(small_site) as address:
        for path in ("/x/%00", "/x/" + "y" * 4000, "/x/..%2f..%2fsecret.txt", "/elsewhere"):
            assert ask(address, "GET", path)[0] == 404
        status, body, headers = ask(address, "HEAD", "/x/")
        assert (status, body, headers["Content-Length"]) == (200, b"", "4")
        assert ask(address, "GET", "/x/")[1] == b"home"
        assert ask(address, "GET", "/x/a")[2]["Location"] == "/x/a/"
        etag = headers["ETag"]
        assert ask(address, "GET", "/x/", {"If-None-Match": etag})[0] == 304


@pytest.mark.parametrize("port", ["99999", "-1", "65536"])
def test_a_port_that_there_is_not_is_refused_in_one_line(small_site, capsys, port):
    with pytest.raises(SystemExit) as ended:
        serve.main([str(small_site), "--port", port])
    assert ended.value.code == 2
    assert "argument --port: must be from 0 to 65535" in capsys.readouterr().err


def test_a_head_request_meets_the_faults_and_the_site_in_force(small_site):
    with Place(small_site).running() as place:
        place.break_("a/", missing=True)
        assert ask(place.address, "HEAD", "/x/a/")[0] == 404
        assert ask(place.address, "GET", "/x/a/")[0] == 404
        place.mend()
        assert ask(place.address, "HEAD", "/x/a/")[0] == 200
        assert place.asked == ["/x/a/"] * 3


def test_a_request_is_read_up_to_its_limit_and_not_beyond():
    def padded(length):
        text = json.dumps({"decision": "real_time_updates"})
        return text + " " * (length - len(text))

    assert json.loads(browser.answer(padded(400_000)))["problems"] == []
    (problem,) = json.loads(browser.answer(padded(400_001)))["problems"]
    assert problem["message"] == "a request must be at most 400,000 characters; given: 400,001"


def test_a_file_is_read_up_to_its_limit_and_not_beyond():
    text = 'gpus = "2"\n'
    assert exchange.read_file(text + "#" * (200_000 - len(text))).fields == {"gpus": "2"}
    (problem,) = exchange.read_file(text + "#" * (200_001 - len(text))).problems
    assert problem.message == "a file must be at most 200,000 characters; given: 200,001"


def test_an_old_link_is_told_what_changed_and_a_present_one_nothing():
    numbers = [number for number, _ in links.CHANGES]
    assert numbers[-1] == MODEL_VERSION
    assert links.changed_since(MODEL_VERSION) == links.changed_since("") == ()
    for at, number in enumerate(numbers[:-1]):
        said = links.changed_since(number)
        assert [text.partition(":")[0] for text in said] == numbers[at + 1 :]
        assert all(text for text in said)
    (said,) = links.changed_since("1999.01.01")
    assert "1999.01.01" in said
    assert MODEL_VERSION in said
    asked = {"decision": "real_time_updates", "given": {}, "v": numbers[0]}
    assert json.loads(browser.answer(json.dumps(asked)))["notices"] == list(links.changed_since(numbers[0]))


def inputs(**given):
    decision = catalog.decision("fine_tune_or_not")
    return engine.make_inputs(decision, {**defaults_of(decision.Inputs), **given})


def test_work_that_takes_longer_than_the_deadline_shuts_an_option():
    answer = overall.Answer.TUNE_SMALL
    generous = overall.options(inputs(budget_usd=1e9, deadline_days=10_000.0))[answer]
    days = generous.days
    assert generous.gate is overall.Gate.OPEN
    for deadline, gate in ((days * 1.001, overall.Gate.OPEN), (days * 0.999, overall.Gate.DEADLINE)):
        assert overall.options(inputs(budget_usd=1e9, deadline_days=deadline))[answer].gate is gate


def test_a_retraining_costs_its_price_as_often_as_facts_and_base_models_pass():
    given = {"facts_per_answer_count": 1.0, "fact_half_life_days": 100.0, "retraining_days": 100.0}
    given |= {"base_life_months": 20.0, "hosting": str(overall.Hosting.TOKENS)}
    without, with_ = (
        overall.options(inputs(**given, retraining_usd=usd))[overall.Answer.TUNE_SMALL].run_usd_per_month
        for usd in (0.0, 1000.0)
    )
    # Half of the facts have changed after 100 days, so every second retraining is needed; and one for each base model.
    assert with_ - without == pytest.approx(1000 * (0.5 * (365.25 / 12) / 100 + 1 / 20), rel=1e-3)


def test_knowing_is_worth_the_mean_of_the_best_less_the_best_mean():
    decision = replace(catalog.decision("fine_tune_or_not"), values={"one": "a", "other": "b"})
    rows = [{"a": 10.0, "b": 0.0}, {"a": 0.0, "b": 4.0}]
    # Means 5 and 2; the best of each draw 10 and 4, in the mean 7.
    assert engine._value_of_knowing(decision, rows) == pytest.approx(2.0)
    assert engine._value_of_knowing(decision, [{"a": 10.0, "b": 0.0}] * 2) == 0
    # An option that is shut in one draw counts there as the worst that there is.
    shut = [{"a": float("-inf"), "b": 4.0}, {"a": 10.0, "b": 0.0}]
    assert engine._value_of_knowing(decision, shut) == pytest.approx((4 + 10) / 2 - max(10, 4) / 2)
    assert engine._value_of_knowing(SimpleNamespace(values={}), rows) is None


@pytest.mark.node
def test_a_late_reply_reaches_only_the_page_that_asked_and_only_while_it_is_there():
    script = Path(__file__).parent / "node" / "late-replies.mjs"
    done = subprocess.run(["node", str(script)], capture_output=True, text=True, check=True)
    nothing = {"replies": [], "addresses": []}
    assert json.loads(done.stdout) == {
        "stays": {"replies": ["an answer"], "addresses": ["/asks/?gpus=7"]},
        "section is gone": nothing,
        "address is another page's": nothing,
    }


def test_every_guard_of_the_list_of_mutants_stands_where_the_list_says():
    assert not {row["name"]: why for row in mutants.mutants() if (why := mutants.wrong(row))}
