"""`make sbom`: what the site and its build are made of, as CycloneDX 1.6 JSON in `build/sbom.json`, with licences.

Versions and hashes are those of the lock files; licences those of `package-lock.json` and of what is installed. With
`--licences` it prints a table instead. What a reader is sent has the scope "required", what builds the site "optional",
what only tests it "excluded".
"""

import argparse
import base64
import json
import re
import sys
import tomllib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from calculator import MODEL_VERSION

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "sbom.json"
SITE = ROOT / "docs"
SENT: dict[str, dict[str, str]] = {
    part["name"]: part for part in tomllib.loads((ROOT / "bench" / "shipped.toml").read_text("utf-8"))["part"]
}
"""What a reader's browser is sent, and what is inside it, by name: see `shipped.toml`."""

NOT_STATED = "NOASSERTION"
REQUIRED, OPTIONAL, EXCLUDED = "required", "optional", "excluded"
_LOCKED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_IDENTIFIER = re.compile(r"^[A-Za-z0-9.+()-]+( (AND|OR|WITH) [A-Za-z0-9.+()-]+)*$")
_BY_WORDS = {
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "apache software license 2.0": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "the unlicense (unlicense)": "Unlicense",
}
"""What packages say in words that have an identifier; the BSD ones mean the clause that does not advertise."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One component. hashes: those that the lock accepts, any file of the release. version: empty when not known."""

    kind: str
    name: str
    version: str
    licence: str
    scope: str
    hashes: tuple[tuple[str, str], ...]

    @property
    def purl(self) -> str:
        """The package URL."""
        return f"pkg:{self.kind}/{self.name.replace('@', '%40')}{self.version and f'@{self.version}'}"


def parts(root: Path = ROOT) -> list[Part]:
    """Everything that the lock files name, CPython, which Pyodide holds, and what was compiled into the two."""
    found: dict[str, Part] = {}
    files = (("requirements.txt", OPTIONAL), ("requirements-node.txt", OPTIONAL), ("requirements-test.txt", EXCLUDED))
    for file, scope in files:
        for part in _python(root / file, scope):
            found.setdefault(part.purl, part)
    for part in (*_node(root), _cpython(root), *_inside()):
        found[part.purl] = part
    return sorted(found.values(), key=lambda part: (part.kind, part.name.casefold(), part.version))


def _python(path: Path, scope: str) -> Iterator[Part]:
    text = path.read_text("utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        locked = _LOCKED.match(line)
        if locked is None:
            continue
        name, version = locked["name"], locked["version"]
        yield Part(
            kind="pypi",
            name=name,
            version=version,
            licence=_installed_licence(name, version),
            scope=REQUIRED if name in SENT else scope,
            hashes=tuple(("SHA-256", digest) for digest in _HASH.findall(line)),
        )


def _installed_licence(name: str, version: str) -> str:
    """The licence of a package as it says itself; "NOASSERTION" for one that this machine does not need."""
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return NOT_STATED
    if found.version != version:
        return NOT_STATED
    told = found.metadata
    classified = [
        line.rpartition(" :: ")[2] for line in told.get_all("Classifier", []) if line.startswith("License ::")
    ]
    texts = [path.read_text("utf-8") for path in found.files or () if path.name.upper().startswith("LICENSE")]
    for said in (told.get("License-Expression"), told.get("License"), *classified, *texts):
        first = (said or "").strip().partition("\n")[0].strip()
        licence = _BY_WORDS.get(first.casefold(), first)
        if _IDENTIFIER.match(licence) and licence != "UNKNOWN":
            return licence
    return NOT_STATED


def _node(root: Path) -> Iterator[Part]:
    lock = json.loads((root / "package-lock.json").read_text("utf-8"))
    for path, entry in lock["packages"].items():
        if not path:
            continue
        name = path.rpartition("node_modules/")[2]
        algorithm, _, digest = entry["integrity"].partition("-")
        if algorithm != "sha512":
            raise ValueError(f"package-lock.json: {name} has no SHA-512: {algorithm}")
        yield Part(
            kind="npm",
            name=name,
            version=entry["version"],
            licence=entry.get("license", NOT_STATED),
            scope=REQUIRED if name in SENT else EXCLUDED if entry.get("dev") else OPTIONAL,
            hashes=(("SHA-512", base64.b64decode(digest).hex()),),
        )


def _cpython(root: Path) -> Part:
    lock = root / "node_modules" / "pyodide" / "pyodide-lock.json"
    version = json.loads(lock.read_text("utf-8"))["info"]["python"]
    return Part(kind="generic", name="cpython", version=version, licence="PSF-2.0", scope=REQUIRED, hashes=())


def _inside() -> Iterator[Part]:
    for name, part in SENT.items():
        if "inside" in part:
            yield Part(
                kind="generic",
                name=name,
                version=part.get("version", ""),
                licence=part["licence"],
                scope=REQUIRED,
                hashes=(),
            )


def as_cyclonedx(found: Sequence[Part]) -> dict[str, Any]:
    """The bill of materials; the same lock files give the same one."""
    components = [_component(part) for part in found]
    by_name = {part.name: part.purl for part in found if part.scope == REQUIRED}
    held: dict[str, list[str]] = {}
    for name, part in SENT.items():
        if "inside" in part:
            held.setdefault(by_name[part["inside"]], []).append(by_name[name])
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(components, sort_keys=True))
    ours = f"pkg:pypi/fine-tune-or-not@{MODEL_VERSION}"
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": ours,
                "name": "fine-tune-or-not",
                "version": MODEL_VERSION,
                "purl": ours,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": components,
        "dependencies": [
            {"ref": ours, "dependsOn": [part.purl for part in found if part.scope == REQUIRED]},
            *({"ref": holder, "dependsOn": sorted(purls)} for holder, purls in sorted(held.items())),
        ],
    }


def _component(part: Part) -> dict[str, Any]:
    single = _IDENTIFIER.match(part.licence) and " " not in part.licence
    licence: dict[str, Any] = {"license": {"id": part.licence}} if single else {"expression": part.licence}
    hashes = [{"alg": algorithm, "content": digest} for algorithm, digest in part.hashes]
    sent = SENT.get(part.name) if part.scope == REQUIRED else None
    if sent and single:
        licence = {"license": {"id": part.licence, "text": {"content": (SITE / sent["text"]).read_text("utf-8")}}}
    return {
        "type": "library",
        "bom-ref": part.purl,
        "name": part.name,
        **({"version": part.version} if part.version else {}),
        "scope": part.scope,
        **({"hashes": hashes} if hashes else {}),
        "licenses": [] if part.licence == NOT_STATED else [licence],
        "purl": part.purl,
        **({"externalReferences": [{"type": "vcs", "url": sent["source"]}]} if sent else {}),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the bill of materials, or print the licences."""
    parser = argparse.ArgumentParser(prog="python -m bench.sbom", description=__doc__)
    parser.add_argument("--licences", action="store_true", help="print name, version, licence and scope")
    given = parser.parse_args(arguments)
    found = parts()
    if given.licences:
        for part in found:
            print(f"{part.scope:9} {part.licence:45} {part.name} {part.version}")
        return 0
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(as_cyclonedx(found), indent=1) + "\n", "utf-8")
    print(f"{len(found)} components in {OUT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
