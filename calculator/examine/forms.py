"""The forms that training examples come in, told apart by the names of their fields.

Each form turns a row into an `Example`: all before the last answer, the answer, and what stands beside them.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import methodcaller
from typing import Any, NamedTuple

Row = Mapping[str, Any]


class Example(NamedTuple):
    """One training example as text.

    rejected: the answer that lost, in a preference pair. label: the class, where a field of its own names it.
    """

    prompt: str
    answer: str
    system: str
    turns: int
    label: str | None
    rejected: str | None


class Form(NamedTuple):
    """One form. read raises KeyError, TypeError, ValueError or AttributeError for a row that is not of it."""

    key: str
    words: str
    examples: str
    """What its rows are called, in the plural."""
    read: Callable[[Row], Example]


_SYSTEM = ("system", "developer")
_ANSWERING = ("assistant", "gpt", "model", "chatgpt", "bot", "bing")


def as_text(value: Any) -> str:
    """What a field holds, as text: parts of a message, lists and objects included."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        for name in ("text", "content", "value"):
            if isinstance(value.get(name), str):
                return str(value[name])
        return " ".join(filter(None, map(as_text, value.values())))
    if isinstance(value, Sequence):
        return "\n".join(filter(None, map(as_text, value)))
    return str(value)


def _message(message: Mapping[str, Any], role: str, content: str) -> tuple[str, str]:
    text = as_text(message.get(content))
    if calls := message.get("tool_calls") or message.get("function_call"):
        text = f"{text}\n{as_text(calls)}" if text else as_text(calls)
    return str(message[role]), text


def _conversation(messages: Sequence[Mapping[str, Any]], role: str, content: str, system: str = "") -> Example:
    """Split at the last message of the model; without one, all of it is the prompt."""
    said = [_message(message, role, content) for message in messages]
    if not said:
        raise ValueError("a conversation without a message")
    if said[0][0] in _SYSTEM:
        system = system or said[0][1]
    elif system:
        said.insert(0, ("system", system))
    last = max((k for k, (who, _) in enumerate(said) if who in _ANSWERING), default=len(said))
    turns = sum(who in _ANSWERING for who, _ in said)
    answer = said[last][1] if last < len(said) else ""
    return Example("\n".join([text for _, text in said[:last]]), answer, system, turns, None, None)


_new = tuple.__new__
_CALLS = methodcaller("get", "tool_calls")


def _chat(name: str) -> Callable[[Row], Example]:
    def read(row: Row) -> Example:
        messages = row[name]
        first, last = messages[0], messages[-1]
        # The usual case without a function call a message: this loop is where a file's time goes.
        if last["role"] == "assistant" and "tool_calls" not in last:
            try:
                answer = last["content"]
                prompt = "\n".join([message["content"] for message in messages[:-1]])
                system = first["content"] if first["role"] in _SYSTEM else ""
                if type(answer) is str and (len(messages) < 4 or not any(map(_CALLS, messages))):
                    turns = 1 if len(messages) < 4 else [m["role"] for m in messages].count("assistant")
                    return _new(Example, (prompt, answer, system, turns, None, None))
            except (KeyError, TypeError):
                pass
        return _conversation(messages, "role", "content")

    return read


def _sharegpt(name: str) -> Callable[[Row], Example]:
    def read(row: Row) -> Example:
        return _conversation(row[name], "from", "value", as_text(row.get("system")))

    return read


def _alpaca(asked: str, answered: str) -> Callable[[Row], Example]:
    def read(row: Row) -> Example:
        instruction, given, system = as_text(row[asked]), as_text(row.get("input")), as_text(row.get("system"))
        prompt = "\n".join([part for part in (system, instruction, given) if part])
        # What is the same in every row is the instruction where the input differs.
        return Example(prompt, as_text(row[answered]), system or (instruction if given else ""), 1, None, None)

    return read


def _split(value: Any) -> str:
    """A prompt or an answer, which may itself be a list of messages."""
    return value if type(value) is str else as_text(value)


def _pair(asked: str, answered: str) -> Callable[[Row], Example]:
    def read(row: Row) -> Example:
        prompt, answer = row[asked], row[answered]
        if type(prompt) is not str or type(answer) is not str:
            prompt, answer = _split(prompt), _split(answer)
        return Example(prompt, answer, "", 1, None, None)

    return read


def _preference(asked: str, chosen: str, rejected: str) -> Callable[[Row], Example]:
    def read(row: Row) -> Example:
        won, lost = row[chosen], row[rejected]
        prompt = _split(row[asked]) if asked in row else ""
        if not prompt and isinstance(won, list):
            # Whole conversations on both sides: what they begin with is the prompt.
            same = 0
            while same < min(len(won), len(lost)) and won[same] == lost[same]:
                same += 1
            prompt, won, lost = as_text(won[:same]), won[same:], lost[same:]
        return Example(prompt, _split(won), "", 1, None, _split(lost))

    return read


def _openai_preference(row: Row) -> Example:
    asked = row["input"]
    prompt = as_text(asked["messages"]) if isinstance(asked, Mapping) and "messages" in asked else _split(asked)
    return Example(prompt, _split(row["preferred_output"]), "", 1, None, _split(row["non_preferred_output"]))


def _label(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(as_text, value))
    return as_text(value)


def _labelled(text: str, label: str) -> Callable[[Row], Example]:
    def read(row: Row) -> Example:
        found = _label(row[label])
        return Example(_split(row[text]), found, "", 1, found, None)

    return read


def _text(name: str) -> Callable[[Row], Example]:
    def read(row: Row) -> Example:
        value = row[name]
        if not isinstance(value, str):
            raise TypeError(name)
        return Example("", value, "", 1, None, None)

    return read


def _anything(row: Row) -> Example:
    return Example("", as_text(row), "", 1, None, None)


CHAT, SHAREGPT, ALPACA, PAIRS, PREFERENCES, LABELLED, TEXT, UNKNOWN = (
    "chat",
    "sharegpt",
    "alpaca",
    "prompt-completion",
    "preference",
    "text-label",
    "text",
    "unknown",
)

WORDS = {
    CHAT: ("OpenAI chat messages", "chats"),
    SHAREGPT: ("ShareGPT conversations", "conversations"),
    ALPACA: ("Alpaca instructions", "examples"),
    PAIRS: ("prompt and completion", "examples"),
    PREFERENCES: ("preference pairs", "pairs"),
    LABELLED: ("text and label", "labelled texts"),
    TEXT: ("plain text", "texts"),
    UNKNOWN: ("a form we do not know: every text of a row is counted", "rows"),
}
"""Each form in words, and what its rows are called."""

_TEXTS = ("text", "sentence", "content", "utterance", "query", "question", "review", "document", "message", "comment",
          "input", "title", "body", "tweet", "prompt")  # fmt: skip
_LABELS = ("label", "labels", "class", "category", "intent", "target", "label_text", "tag", "tags", "sentiment",
           "topic", "label_name")  # fmt: skip
_ASKED = ("prompt", "question", "input", "query", "source", "instruction", "problem", "context")
_ANSWERED = ("completion", "response", "answer", "output", "target", "solution", "reply", "answers")


def _form(key: str, read: Callable[[Row], Example]) -> Form:
    return Form(key, *WORDS[key], read)


def form_of(row: Row) -> Form | None:
    """The form of a row by the names of its fields, or None. Names are compared as they stand, in lower case."""
    for name in ("messages", "conversations", "conversation", "dialogue", "dialog", "chat"):
        messages = row.get(name)
        if isinstance(messages, list) and messages and isinstance(messages[0], Mapping):
            if "role" in messages[0] and ("content" in messages[0] or "tool_calls" in messages[0]):
                return _form(CHAT, _chat(name))
            if "from" in messages[0] and "value" in messages[0]:
                return _form(SHAREGPT, _sharegpt(name))
    if "preferred_output" in row and "non_preferred_output" in row and "input" in row:
        return _form(PREFERENCES, _openai_preference)
    asked = next((name for name in _ASKED if name in row), "prompt")
    for chosen, rejected in (("chosen", "rejected"), ("preferred", "rejected"), ("winner", "loser")):
        if chosen in row and rejected in row:
            return _form(PREFERENCES, _preference(asked, chosen, rejected))
    if "instruction" in row:
        for answered in ("output", "response", "completion", "answer"):
            if answered in row:
                return _form(ALPACA, _alpaca("instruction", answered))
    label = next((name for name in _LABELS if name in row), "")
    text = next((name for name in _TEXTS if name in row and name != label), "")
    if text and label and not isinstance(row[label], Mapping):
        return _form(LABELLED, _labelled(text, label))
    for asked in _ASKED:
        for answered in _ANSWERED:
            if asked in row and answered in row and asked != answered:
                return _form(PAIRS, _pair(asked, answered))
    for name in ("text", "content", "body", "document"):
        if isinstance(row.get(name), str):
            return _form(TEXT, _text(name))
    return None


def is_row(found: Row) -> bool:
    """Whether an object is itself an example, and no file of examples or of columns."""
    form = form_of(found)
    whole = all(isinstance(value, list) for value in found.values())
    return form is not None and (form.key in (CHAT, SHAREGPT) or not whole)


def unknown() -> Form:
    """The form of rows whose names say nothing: every text in them counts as one."""
    return _form(UNKNOWN, _anything)
