"""What three decisions say of reinforcement tuning: its cost, and how many prompts it can learn from."""

from typing import TYPE_CHECKING

from calculator.fields import out
from calculator.llm.training.cost import mixed_group_share, reinforcement_usd

if TYPE_CHECKING:
    from calculator.decisions import high_accuracy, small_model_limited_data, too_little_data

REINFORCEMENT_USD = out(
    "Reinforcement, all runs: rollouts, grades, training", how="llm.training.cost.reinforcement_usd"
)
LEARNABLE_SHARE = out(
    "Prompts that reinforcement can learn from", how="llm.training.cost.mixed_group_share: not all tried answers alike"
)


def reinforcement(
    i: "high_accuracy.Inputs | small_model_limited_data.Inputs | too_little_data.Inputs",
) -> dict[str, float]:
    """The outputs `reinforcement_usd` and `learnable_share`, which three decisions have."""
    return {
        "reinforcement_usd": reinforcement_usd(
            prompts=i.rollout_prompts_count,
            rollouts=i.rollouts_count,
            prompt_tokens=i.prompt_tokens,
            answer_tokens=i.answer_tokens + i.thinking_tokens,
            input_usd_per_mtok=i.rollout_input_usd_per_mtok,
            output_usd_per_mtok=i.rollout_output_usd_per_mtok,
            training_usd_per_mtok=i.managed_small_usd_per_mtok,
            grader_usd=i.grader_usd,
            runs=i.runs_count,
        ),
        "learnable_share": mixed_group_share(right_share=i.prompted_accuracy_share, rollouts=i.rollouts_count),
    }
