"""What a training run takes: padded rows, hours, money, energy and CO2.

Arithmetic on plain floats; prices, powers and grids are arguments. Speeds come from ``training_time.throughput``.
Bad arguments raise ValueError with the name of the argument, what is allowed and what was given.
"""

from dataclasses import dataclass
from math import exp, log, sqrt

from calculator.stats.checks import not_negative, positive, shares
from calculator.stats.normal import normal_cdf

_STEP = 0.2
_SLICES = tuple((-8 + (i + 0.5) * _STEP, normal_cdf(-8 + (i + 1) * _STEP)) for i in range(80))
"""Slices of the standard normal: the middle of each, and the share below its upper end."""


def padded_row_tokens(*, mean_tokens: float, spread: float, micro_batch: float, seq_len: float) -> float:
    """Expected length of a batch's rows when every row is padded to the longest of the batch.

    Lengths are taken as log-normal with this mean and ``spread`` (standard deviation over mean), cut at ``seq_len``.
    The expectation of the longest of b is an integral over the normal quantile, here a sum of 80 slices, good to 0.2 %.
    """
    positive(mean_tokens=mean_tokens, micro_batch=micro_batch, seq_len=seq_len)
    not_negative(spread=spread)
    sigma = sqrt(log(1 + spread * spread))
    middle = log(mean_tokens) - sigma * sigma / 2
    below = expected = 0.0
    for z, share in _SLICES:
        up_to = share**micro_batch
        expected += (up_to - below) * min(seq_len, exp(middle + sigma * z))
        below = up_to
    return expected



@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingCost:
    """What one run costs."""

    wall_hours: float
    gpu_hours: float
    usd: float
    kwh: float
    kg_co2e: float


def training_cost(
    *,
    tokens: float,
    tokens_per_s_per_gpu: float,
    gpus: float,
    gpu_usd_per_hour: float,
    gpu_watts: float,
    load_share: float,
    pue: float,
    grid_g_per_kwh: float,
) -> TrainingCost:
    """Hours, money, energy and CO2 equivalent of a model.

    The band of a speed gives the band of all of these: call it with the estimate's low and high as well.

    ``tokens`` are those of one run over all epochs. Energy = GPU-hours × watts × load × PUE, the load being the mean
    power over the GPU's limit and PUE what the building takes per unit of computing; the host's power is in neither.
    CO2 = energy × grid.
    """
    positive(tokens_per_s_per_gpu=tokens_per_s_per_gpu, gpus=gpus)
    not_negative(
        tokens=tokens, gpu_usd_per_hour=gpu_usd_per_hour, gpu_watts=gpu_watts, load_share=load_share, pue=pue,
        grid_g_per_kwh=grid_g_per_kwh,
    )
    wall_hours = tokens / (tokens_per_s_per_gpu * gpus * 3600)
    gpu_hours = wall_hours * gpus
    kwh = gpu_hours * gpu_watts / 1000 * load_share * pue
    return TrainingCost(
        wall_hours=wall_hours,
        gpu_hours=gpu_hours,
        usd=gpu_hours * gpu_usd_per_hour,
        kwh=kwh,
        kg_co2e=kwh * grid_g_per_kwh / 1000,
    )


FLOPS_PER_PARAMETER = {"full": 6.0, "lora": 4.0, "qlora": 4.0}
"""The rule of thumb, per token, without recomputation (2 more with it)."""


def planned_gpu_hours(
    *, parameters_active: float, tokens: float, method: str, recompute: bool, peak_tflops: float, utilisation: float
) -> float:
    """GPU-hours by the rule of thumb k·N·T / (peak × utilisation): for a check by hand, or a GPU no law knows.

    k is 6 for full training and 4 with a frozen base, and 2 more with recomputation; then ``utilisation`` is that of
    the hardware (HFU), otherwise of the model (MFU). Raises ValueError for an unknown method or a share of 0.
    """
    if method not in FLOPS_PER_PARAMETER:
        raise ValueError(f"method: must be one of {', '.join(FLOPS_PER_PARAMETER)}; {method!r} was given")
    positive(peak_tflops=peak_tflops, utilisation=utilisation)
    not_negative(parameters_active=parameters_active, tokens=tokens)
    k = FLOPS_PER_PARAMETER[method] + (2.0 if recompute else 0.0)
    return k * parameters_active * tokens / (peak_tflops * 1e12 * utilisation * 3600)


def mixed_group_share(*, right_share: float, rollouts: float) -> float:
    """Share of prompts whose tried answers are neither all right nor all wrong: 1 - p^k - (1 - p)^k.

    Reinforcement within groups (GRPO) learns from differences inside a group alone: the other prompts teach nothing.
    """
    shares(right_share=right_share)
    positive(rollouts=rollouts)
    alike: float = right_share**rollouts + (1.0 - right_share) ** rollouts
    return max(0.0, 1.0 - alike)


def reinforcement_usd(
    *,
    prompts: float,
    rollouts: float,
    prompt_tokens: float,
    answer_tokens: float,
    input_usd_per_mtok: float,
    output_usd_per_mtok: float,
    training_usd_per_mtok: float,
    grader_usd: float,
    runs: float = 1.0,
) -> float:
    """US dollars of reinforcement tuning: every answer that is tried is sampled, graded and trained on.

    ``prompts`` counts repeats, ``runs`` those that failed. It holds where a service bills by the token.
    """
    not_negative(
        prompts=prompts, rollouts=rollouts, prompt_tokens=prompt_tokens, answer_tokens=answer_tokens,
        input_usd_per_mtok=input_usd_per_mtok, output_usd_per_mtok=output_usd_per_mtok,
        training_usd_per_mtok=training_usd_per_mtok, grader_usd=grader_usd, runs=runs,
    )
    sampled = prompt_tokens * input_usd_per_mtok + answer_tokens * output_usd_per_mtok
    trained = (prompt_tokens + answer_tokens) * training_usd_per_mtok
    return runs * prompts * rollouts * ((sampled + trained) / 1e6 + grader_usd)
