"""Shell examples of the documentation, run when the page is built, so that what they show is what they print.

    ```example
    python -m calculator run limited_compute gpus=2 | head -n 12
    ```

The block holds one command of this package. After a bar may stand `python -m json.tool --no-ensure-ascii` or
`head -n N`, which do here what they do in a shell. A command that is meant to fail says `# exit code N` at its end; any
other exit code fails the build. Native only.
"""

import json
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

from calculator.faces.chart import escape

ROOT = Path(__file__).resolve().parents[2]
LONGEST_S = 120
_OURS = ["python", "-m"]
_PRETTY = ["python", "-m", "json.tool", "--no-ensure-ascii"]


def render(source: str) -> str:
    """The command and what it prints, as HTML. ValueError for one that is not of this package, or that does not end as
    it says."""
    command = source.strip()
    code = '<pre><code tabindex="0">{}</code></pre>'
    return (
        f'<div class="highlight">{code.format(escape(command))}</div>'
        f'<div class="highlight example-output no-copy">{code.format(escape(output(command)))}</div>'
    )


@cache
def output(command: str) -> str:
    """What a command prints. Raises ValueError as `render`."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|")
    lexer.whitespace_split = True
    stages: list[list[str]] = [[]]
    for word in lexer:
        if word == "|":
            stages.append([])
        else:
            stages[-1].append(word)
    first, *rest = stages
    if first[:2] != _OURS or first[2:3] not in (["calculator"], ["calculator.evaluation"]):
        raise ValueError(f"an example must begin with python -m calculator; given: {command[:80]!r}")
    ran = subprocess.run(
        [sys.executable, *first[1:]], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=LONGEST_S
    )
    _, _, announced = command.partition("# exit code ")
    if str(ran.returncode) != (announced.strip() or "0"):
        raise ValueError(f"{command[:80]!r} ended with exit code {ran.returncode}: {ran.stderr.strip()[-300:]}")
    text = ran.stdout
    for stage in rest:
        text = _filtered(text, stage)
    return text + ran.stderr


def _filtered(text: str, stage: list[str]) -> str:
    if stage == _PRETTY:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=4) + "\n"
    if stage[:2] == ["head", "-n"] and len(stage) == 3 and stage[2].isdigit():
        return "".join(text.splitlines(keepends=True)[: int(stage[2])])
    raise ValueError(f"after | may stand {' '.join(_PRETTY)!r} or 'head -n N'; given: {' '.join(stage)!r}")
