"""The catalogue of models is rebuilt from config files: what is new, changed or refused is said."""

import json

from calculator.catalogs import architectures
from calculator.update import models

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
