"""Parameter counts are exact."""

from calculator.catalogs import architecture
from calculator.llm import parameters


def test_lora_on_all_linear_layers_of_an_8b_llama_is_as_computed_by_hand():
    # Per layer: q and o 2·(4096+4096), k and v 2·(4096+1024), three MLP matrices of 4096 and 14336.
    per_rank = 32 * (2 * 8192 + 2 * 5120 + 3 * 18432)
    model = architecture("meta-llama/Meta-Llama-3-8B")
    assert per_rank == 2_621_440
    assert parameters.lora(model, rank=16) == 16 * per_rank == 41_943_040
