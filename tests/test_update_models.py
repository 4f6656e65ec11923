"""The catalogue of models is rebuilt from config files: what is new, changed or refused is said."""

import json
import re
from datetime import date
from types import SimpleNamespace

import pytest

from calculator import __main__ as command
from calculator.catalogs import architectures
from calculator.llm import parameters
from calculator.update import hub, models

QWEN3_8B = {
    "model_type": "qwen3", "vocab_size": 151936, "hidden_size": 4096, "num_hidden_layers": 36,
    "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 12288,
    "max_position_embeddings": 40960, "tie_word_embeddings": False,
}


def test_files_of_a_folder_are_taken_over(tmp_path, monkeypatch):
    (tmp_path / "Somebody--New-8B_config.json").write_text(json.dumps(QWEN3_8B))
    line = {"id": "Somebody/Odd", "config": {"model_type": "odd"}}
    (tmp_path / "more.jsonl").write_text(json.dumps(line) + "\n")
    monkeypatch.setattr(models, "FILE", tmp_path / "models.csv")
    said = models.update(models.read_folder(tmp_path))
    assert said["new"] == ["Somebody/New-8B"]
    assert "model_type 'odd'" in said["refused"]["Somebody/Odd"]
    assert said["models"] == len(architectures()) + 1
    assert "\nSomebody/New-8B,Qwen3ForCausalLM,4096,36,32,8,128,12288,151936,0,40960," in models.FILE.read_text()


def test_the_catalogue_rebuilt_from_nothing_new_stays_as_it_is(tmp_path, monkeypatch):
    shipped = models.FILE.read_text()
    monkeypatch.setattr(models, "FILE", tmp_path / "models.csv")
    models.update([])
    assert models.FILE.read_text() == shipped


class Hub:
    """The hub's package as far as it is asked, over models by name."""

    def __init__(self, folder):
        self.folder = folder
        self.asked = []
        self.silent = False
        self.models = {}

    def add(self, name, config, downloads=10**6, license="mit", numbers=None):
        numbers = numbers or parameters.total(models.read_config(QWEN3_8B))
        self.models[name] = config, SimpleNamespace(
            id=name, downloads=downloads, tags=["en", f"license:{license}"], created_at=date(2026, 11, 5),
            safetensors=SimpleNamespace(total=numbers),
        )

    def list_models(self, *, author, sort, limit, expand):
        if self.silent:
            raise RuntimeError("connection refused")
        self.asked.append((author, sort, limit, tuple(expand)))
        return [about for name, (_, about) in self.models.items() if name.startswith(f"{author}/")]

    def model_info(self, name, *, expand):
        if name not in self.models:
            raise OSError(f"404: {name}\nmore of it")
        return self.models[name][1]

    def hf_hub_download(self, name, file):
        assert file == "config.json"
        if self.models[name][0] is None:
            raise OSError("ask its maker first")
        path = self.folder / name.replace("/", "--")
        path.write_text(json.dumps(self.models[name][0]))
        return str(path)


CHOSEN = {"makers": ["Maker"], "newest": 5, "downloads": 100, "leave": r"-FP8$"}


@pytest.fixture
def asked_hub(tmp_path, monkeypatch):
    found = Hub(tmp_path)
    monkeypatch.setattr(hub, "client", lambda: found)
    monkeypatch.setattr(models, "rules", lambda name: CHOSEN)
    monkeypatch.setattr(models, "FILE", tmp_path / "models.csv")
    return found


def test_the_newest_models_come_from_the_hub_with_licence_and_month(asked_hub, capsys):
    asked_hub.add("Maker/New-8B", QWEN3_8B)
    asked_hub.add("Maker/New-8B-FP8", QWEN3_8B)
    asked_hub.add("Maker/Unused-8B", QWEN3_8B, downloads=99)
    asked_hub.add("Maker/Closed-8B", None)
    asked_hub.add("Maker/Odd-8B", QWEN3_8B, numbers=9_000_000_000)
    assert command.main(["update", "models"]) == 0
    said = capsys.readouterr().out
    assert asked_hub.asked == [("Maker", "created_at", 5, hub.ASKED)]
    assert "new: Maker/New-8B\n" in said
    assert "New-8B-FP8" not in said
    assert "Unused" not in said
    assert "not to be had: Maker/Closed-8B: ask its maker first\n" in said
    assert "its dimensions come to 8,190,735,360 parameters, its files hold 9,000,000,000\n" in said
    row = next(line for line in models.FILE.read_text().splitlines() if line.startswith("Maker/New-8B,"))
    assert row.endswith(",mit,2026-11,hubcfg")
    known = sum(model.source == hub.OPEN for model in architectures().values())
    assert said.count("not to be had: ") == 1 + known
    assert said.endswith(f"{len(architectures()) + 1} models\n")


def test_a_known_model_keeps_its_month_and_is_asked_for_by_name(asked_hub):
    name, model = next((name, model) for name, model in architectures().items() if model.source == hub.OPEN)
    asked_hub.add(name, QWEN3_8B, license="other")
    said = models.update(models.from_hub())
    assert said["changed"] == [name]
    assert f",{model.license},{model.released},hubcfg\n" in models.FILE.read_text()


def test_numbers_in_packed_files_refuse_no_model(asked_hub):
    packed = {"quantization_config": {"quant_method": "awq", "bits": 4}}
    asked_hub.add("Maker/Packed-8B", QWEN3_8B | packed, numbers=10**9)
    assert "Maker/Packed-8B" in models.update(models.from_hub(), write=False)["new"]


def test_a_hub_that_does_not_answer_is_said_and_changes_nothing(asked_hub, capsys):
    asked_hub.silent = True
    assert command.main(["update", "models"]) == 2
    assert capsys.readouterr().err == "the hub does not list the models of Maker: connection refused\n"
    assert not models.FILE.exists()


def test_without_the_package_it_says_what_to_install(capsys):
    assert command.main(["update", "models", "--dry-run"]) == 2
    assert "huggingface_hub is missing: pip install --require-hashes" in capsys.readouterr().err


def test_the_rules_leave_out_copies_and_keep_models():
    leave = re.compile(models.rules("models.toml")["leave"])
    for name in ("Qwen/Qwen3-8B-FP8", "google/gemma-4-31b-it", "a/B-Instruct-2507", "a/b-GGUF", "a/b-w4a16"):
        assert leave.search(name), name
    for name in ("Qwen/Qwen3.6-35B-A3B", "openai/gpt-oss-20b", "google/gemma-4-E2B", "a/Titan-1B"):
        assert not leave.search(name), name
