"""`python -m bench.examine`: how fast a data set is read on the command line, and that its memory stays flat.

Two files of chats are made and read, one twice the other, both with more texts than are remembered. The speed is in
bytes of the file over processor time, so that what else the machine does does not count; the memory is the most that
the process held. Prints one line of JSON, and ends with 1 when memory grew or the speed is below the least.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

SEED = 20
BLOCK_CHATS = 20_000
WORDS = """the of a to and in is your order invoice account please thanks number support when how billing reset password
shipping return item contract clause agreement policy because therefore should would could about customer delivery"""
LEAST_MB_PER_S = 40.0
MOST_GROWTH_MIB = 16.0
"""Between the two files."""

READ = """
import json, resource, sys, time
from calculator import examine
reader, began = examine.Reader("chats.jsonl"), time.process_time()
with open(sys.argv[1], "rb") as file:
    while chunk := file.read(2**20):
        reader.feed(chunk)
seconds = time.process_time() - began
found = reader.finish()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([reader.bytes_read / 1e6 / seconds, peak, found["numbers"]["examples"]]))
"""


def write(path: Path, megabytes: float) -> None:
    """Chats of about 500 bytes, each different, until the file is so long."""
    chance, words = random.Random(SEED), WORDS.split()

    def text() -> str:
        return " ".join(chance.choices(words, k=chance.randint(10, 50)))

    block = "".join(
        json.dumps(
            {
                "messages": [
                    {"role": "system", "content": "You answer for the support of a shop."},
                    {"role": "user", "content": f"{text()} case COPY{k}"},
                    {"role": "assistant", "content": text()},
                ]
            }
        )
        + "\n"
        for k in range(BLOCK_CHATS)
    )
    with path.open("w", encoding="utf-8") as file:
        copy = 0
        while file.tell() < megabytes * 1e6:
            # Another word in every chat, so that none repeats: letters, since digits make no other example.
            file.write(block.replace("COPY", "".join(chr(97 + int(digit)) for digit in str(copy))))
            copy += 1


def measure(megabytes: float) -> dict[str, float]:
    """Megabytes a second of processor time, MiB at most, and the chats of a file of so many megabytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "chats.jsonl")
        write(path, megabytes)
        ran = subprocess.run([sys.executable, "-c", READ, str(path)], check=True, capture_output=True, text=True)
    speed, peak, chats = json.loads(ran.stdout)
    return {"megabytes": megabytes, "mb_per_s": round(speed, 1), "peak_mib": round(peak, 1), "chats": chats}


def main() -> int:
    """Measure both files, print what was found, and give 1 when it is not what it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=1_000, help="of the larger file")
    parsed = parser.parse_args()
    small, large = measure(parsed.megabytes / 2), measure(parsed.megabytes)
    print(json.dumps({"small": small, "large": large}))
    grown = large["peak_mib"] - small["peak_mib"]
    return int(grown > MOST_GROWTH_MIB or large["mb_per_s"] < LEAST_MB_PER_S)


if __name__ == "__main__":
    sys.exit(main())
