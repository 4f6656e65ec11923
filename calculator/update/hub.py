"""What makers published on the Hugging Face hub, for `python -m calculator update models`. Development only.

The hub is asked through huggingface_hub for config.json files alone. A model is known by its maker, how often it is
downloaded and how many numbers its files hold, which its dimensions must come to (`models.toml`).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

ASKED = ("createdAt", "downloads", "gated", "safetensors", "tags")
OPEN = "hubcfg"
"""The row in sources.csv of what the hub's files say."""


def client() -> Any:
    """The hub. ValueError, with what to install, when its package is not there."""
    try:
        return import_module("huggingface_hub").HfApi()
    except ImportError:
        missing = "huggingface_hub is missing: pip install --require-hashes -r requirements-update.txt"
        raise ValueError(missing) from None


def files(hub: Any, known: Iterable[str], chosen: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The newest models of the makers and those known by name: id, config, license, released, numbers in their files.

    One that cannot be had, because its maker asks for consent first or it is gone, comes with a ``problem`` in place
    of a config. A model that is known keeps its month: the hub's oldest is that in which it began
    to write them down. Raises ConnectionError when the hub does not answer.
    """
    known = set(known)
    found: dict[str, Any] = {}
    leave = re.compile(chosen["leave"])
    for maker in chosen["makers"]:
        try:
            listed = list(hub.list_models(author=maker, sort="created_at", limit=chosen["newest"], expand=list(ASKED)))
        # The package passes on what its HTTP library raises, which may be another one in its next release.
        except Exception as problem:
            raise ConnectionError(f"the hub does not list the models of {maker}: {problem}") from problem
        for model in listed:
            if (model.downloads or 0) >= chosen["downloads"] and model.safetensors and not leave.search(model.id):
                found[model.id] = model
    for name in sorted(known):
        found.setdefault(name, None)
    for name, model in found.items():
        try:
            about = model or hub.model_info(name, expand=list(ASKED))
            config = json.loads(Path(hub.hf_hub_download(name, "config.json")).read_text("utf-8"))
        except (OSError, ValueError) as problem:
            yield {"id": name, "problem": str(problem).partition("\n")[0]}
            continue
        yield {
            "id": name, "config": config, "license": _license(about.tags or ()), "source": OPEN,
            "released": "" if name in known else f"{about.created_at:%Y-%m}",
            "numbers": about.safetensors.total if about.safetensors else 0,
        }


def _license(tags: Iterable[str]) -> str:
    said = [tag.partition(":")[2] for tag in tags if tag.startswith("license:")]
    return said[0] if said and said[0] != "other" else ""
