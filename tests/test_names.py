"""Published names lead to the right architecture, or to none."""

import pytest

from calculator.evaluation.names import find, known, resolve
from calculator.llm import parameters


@pytest.mark.parametrize(
    ("published", "base"),
    [
        ("meta-llama/Llama-2-7b-hf", "meta-llama/Llama-2-7b-hf"),
        ("Llama-2-7b", "meta-llama/Llama-2-7b-hf"),
        ("unsloth/llama-2-7b-bnb-4bit", "meta-llama/Llama-2-7b-hf"),
        ("TheBloke/Llama-2-70B-GPTQ", "meta-llama/Llama-2-70b-hf"),
        ("NousResearch/Llama-2-70b-hf", "meta-llama/Llama-2-70b-hf"),
        ("meta-llama/Llama-3.3-70B-Instruct", "meta-llama/Meta-Llama-3-70B"),
        ("unsloth/Meta-Llama-3.1-8B-Instruct-unsloth-bnb-4bit", "meta-llama/Llama-3.1-8B"),
        ("mistral-7b-instruct-v0.3", "mistralai/Mistral-7B-v0.3"),
        ("TheBloke/Mixtral-8x7B-Instruct-v0.1-GPTQ", "mistralai/Mixtral-8x7B-v0.1"),
        ("Qwen/Qwen2.5-Coder-7B-Instruct", "Qwen/Qwen2.5-7B"),
        ("Qwen/Qwen3-30B-A3B-Thinking-2507", "Qwen/Qwen3-30B-A3B"),
        ("google/gemma-3-12b-pt", "google/gemma-3-12b-it"),
        ("Falcon 7B", "tiiuae/falcon-7b"),
        ("Vicuna 7B", "huggyllama/llama-7b"),
        ("Llama 2 13B (chat)", "meta-llama/Llama-2-13b-hf"),
        ("Qwen/Qwen-1_8B-Chat", "Qwen/Qwen-1_8B"),
    ],
)
def test_a_variant_has_the_dimensions_of_its_base(published: str, base: str) -> None:
    found = resolve(published)
    assert found is not None
    assert found.hf_id == base


@pytest.mark.parametrize("published", ["", "bigscience/mt0-xxl", "nobody/unheard-of-7b"])
def test_an_unknown_name_leads_to_none(published: str) -> None:
    assert resolve(published) is None


def test_a_size_that_does_not_fit_the_name_leads_to_none() -> None:
    assert resolve("meta-llama/Llama-2-7b-hf", 6.74) is not None
    assert resolve("meta-llama/Llama-2-7b-hf", 13.0) is None


def test_a_model_that_grows_with_its_context_has_the_published_size() -> None:
    found = resolve("MPT benchmark 125m", 0.1741)
    assert found is not None
    assert parameters.total(found) == pytest.approx(0.1741e9, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("llama-3.1-405b", 405.8534), ("qwen-72b", 72.2879), ("qwen3-30b-a3b", 30.5321), ("deepseek-v3", 671.0264),
        ("gpt-neox-20b", 20.5546), ("mpt-7b", 6.6493), ("phi-2", 2.7797), ("gemma-2-2b", 2.6143),
    ],
)
def test_the_added_architectures_have_their_published_size(name: str, billions: float) -> None:
    assert parameters.total(known()[name]) == pytest.approx(billions * 1e9, rel=1e-4)


@pytest.mark.parametrize(("name", "size"), [
    ("deepseek-ai/DeepSeek-V9", None), ("nvidia/Nemotron-H-8B", None), ("nvidia/Nemotron-4-340B", None),
    ("mistralai/Mistral-Large-3-675B", None), ("teknium/OpenHermes-13B", None), ("HuggingFaceH4/starchat2-15b", None),
    ("deepseek-ai/DeepSeek-V4.7", 671.0), ("google/gemma-3-270m", None),
])  # fmt: skip
def test_another_version_is_not_taken_for_the_one_we_know(name, size):
    assert resolve(name, size) is None


@pytest.mark.parametrize(("name", "size", "known"), [
    ("deepseek-ai/DeepSeek-V3.1", None, "deepseek-ai/DeepSeek-V3"),
    ("deepseek-ai/DeepSeek-V3-0324", 671.0, "deepseek-ai/DeepSeek-V3"),
    ("deepseek-ai/DeepSeek-R1-0528-Qwen3-8B", None, "Qwen/Qwen3-8B"),
    ("mistralai/Mistral-7B-Instruct-v0.2", None, "mistralai/Mistral-7B-v0.1"),
    ("mistralai/Mistral-7B-Instruct-v0.3", None, "mistralai/Mistral-7B-v0.3"),
    ("mistral nemo", None, "mistralai/Mistral-Nemo-Base-2407"),
    ("Qwen3-8B", None, "Qwen/Qwen3-8B"),
    ("qwen3:8b", None, "Qwen/Qwen3-8B"),
    ("TinyLlama", None, "TinyLlama/TinyLlama-1.1B-Chat-v1.0"),
    ("TinyLlama-1.1B-intermediate-step-1431k-3T", 1.1, "TinyLlama/TinyLlama-1.1B-Chat-v1.0"),
    ("mistralai/Ministral-3-14B-Reasoning-2512", None, "mistralai/Ministral-3-14B-Instruct-2512"),
    ("Ministral-8B", None, "mistralai/Ministral-8B-Instruct-2410"),
    ("gemma-4-26b-a4b", None, "google/gemma-4-26B-A4B-it"),
    ("Qwen3.5-4B-Instruct", None, "Qwen/Qwen3.5-4B"),
    ("Qwen3.6-35B-A3B", None, "Qwen/Qwen3.6-35B-A3B"),
    ("zai-org/GLM-4.6-FP8", None, "zai-org/GLM-4.7"),
    ("MiniMax-M2", 229.0, "MiniMaxAI/MiniMax-M2.5"),
    ("deepseek-ai/DeepSeek-V3.2-Exp", None, "deepseek-ai/DeepSeek-V3.2"),
])  # fmt: skip
def test_the_same_dimensions_under_another_version_are_found(name, size, known):
    assert resolve(name, size).hf_id == known


def test_a_copy_with_a_head_of_its_own_is_that_model_with_a_head_of_its_own():
    found = resolve("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", 1.777)
    assert not found.tied_embeddings
    assert found.hidden_size == resolve("Qwen/Qwen2.5-1.5B").hidden_size


@pytest.mark.parametrize(("name", "billions"), [
    ("someone/thing-7b-chat", 7.0), ("thing 350M", 0.35), ("someone/Thing-30B-A3B", 30.0), ("thing:13b", 13.0),
])  # fmt: skip
def test_a_model_that_nobody_knows_has_the_usual_shape_of_the_size_in_its_name(name, billions):
    found, doubt = find(name)
    assert doubt > 0
    assert parameters.total(found) == pytest.approx(billions * 1e9, rel=0.15)
    assert bool(found.experts) == ("A3B" in name)


def test_a_model_of_known_dimensions_adds_no_doubt():
    assert find("Qwen3-8B") == (resolve("Qwen3-8B"), 0.0)


@pytest.mark.parametrize(("name", "why"), [
    ("someone/thing", "its size is not stated"), ("someone/thing-v3b2", "its size is not stated"),
    ("someone/moe-14b", "has experts"), ("someone/thing-340B", "not a usual one"), (" ", "does not name it"),
])  # fmt: skip
def test_a_model_that_is_not_a_usual_one_is_refused_with_the_reason(name, why):
    with pytest.raises(ValueError, match=f"model: .*{why}"):
        find(name)
