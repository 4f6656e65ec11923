"""What a tokenizer makes of a field's language: worked by hand."""

import pytest

from calculator.llm import language


def test_a_loss_in_bits_per_byte_can_be_compared_between_tokenizers():
    domain, general = language.bits_per_byte(2.10, 4.2), language.bits_per_byte(1.75, 4.6)
    assert domain == pytest.approx(0.721, abs=5e-4)
    assert general == pytest.approx(0.549, abs=5e-4)
    assert domain / general - 1 == pytest.approx(0.31, abs=0.005)


def test_a_perplexity_ratio_is_the_exponential_of_the_losses_difference():
    assert language.perplexity_ratio(2.10, 1.75) == pytest.approx(8.17 / 5.75, rel=2e-3)


def test_a_window_holds_fewer_words_of_a_language_cut_finer():
    assert language.window_words(128_000, 1.3) == pytest.approx(98_000, rel=0.01)
    assert language.window_words(128_000, 1.8) == pytest.approx(71_000, rel=0.01)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: language.window_words(0, 1), "window_tokens: must be above 0, 0 was given"),
        (lambda: language.bits_per_byte(-1, 4), "nats_per_token: must be 0 or more, -1 was given"),
        (lambda: language.bits_per_byte(1, 0), "bytes_per_token: must be above 0, 0 was given"),
    ],
)
def test_a_bad_argument_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
