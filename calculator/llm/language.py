"""How a tokenizer and a model find a language: what it costs, what fits, how surprising it is.

Tokens per word (fertility) say what a language or a field costs, not whether the model understands it. Perplexities of
two tokenizers can't be compared; bits per byte can.
"""

from math import exp, log

from calculator.stats.checks import not_negative, positive


def window_words(window_tokens: float, tokens_per_word: float) -> float:
    """Words that fit a context window. ValueError for an argument that is not above 0."""
    positive(window_tokens=window_tokens, tokens_per_word=tokens_per_word)
    return window_tokens / tokens_per_word


def bits_per_byte(nats_per_token: float, bytes_per_token: float) -> float:
    """The loss on a text, whatever its tokenizer: nats per token over ln 2, shared by the bytes of a token.

    Raises ValueError for a negative loss or tokens without bytes.
    """
    not_negative(nats_per_token=nats_per_token)
    positive(bytes_per_token=bytes_per_token)
    return nats_per_token / log(2.0) / bytes_per_token


def perplexity_ratio(nats_per_token: float, other_nats_per_token: float) -> float:
    """Perplexity on one text over that on another: e to the difference of the losses, for one and the same tokenizer.

    Part of it is the tokenizer's doing when it cuts one of the texts into shorter pieces.
    """
    return exp(nats_per_token - other_nats_per_token)
