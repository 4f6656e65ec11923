"""The calculator that every peer runs: 20 numbers in, 50 out, as JSON. Plain enough for MicroPython too."""

import json
import math

INPUTS = 20
OUTPUTS = 50


def compute(given):
    """Fifty numbers from twenty."""
    values = [float(given.get(f"field_{i}", i + 1)) for i in range(INPUTS)]
    total = sum(values)
    results = {}
    for k in range(OUTPUTS):
        a, b, c = values[k % INPUTS], values[(3 * k + 1) % INPUTS], values[(7 * k + 2) % INPUTS]
        results[f"result_{k}"] = a * math.exp(-b / total) + math.log(1 + c) * math.sqrt(a + k)
    return results


def answer(request):
    """JSON in, JSON out."""
    try:
        return json.dumps({"results": compute(json.loads(request).get("given", {})), "problems": [], "more": None})
    except ValueError as error:
        return json.dumps({"problems": [str(error)], "more": None})
