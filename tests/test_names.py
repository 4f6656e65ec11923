"""Published names lead to the right architecture, or to none."""

import pytest

from calculator.evaluation.names import known, resolve
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
