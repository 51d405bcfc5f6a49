"""How the golden files are written."""

import json
from pathlib import Path


def compact(value: object, indent: str = "") -> str:
    """JSON with a row of numbers on one line, and floats in the shortest form that reads back the same."""
    deeper = indent + " "
    if isinstance(value, dict):
        inside = [f"{deeper}{json.dumps(key)}: {compact(item, deeper)}" for key, item in value.items()]
        return "{\n" + ",\n".join(inside) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(item, (dict, list, str)) for item in value):
        return "[\n" + ",\n".join(deeper + compact(item, deeper) for item in value) + f"\n{indent}]"
    return json.dumps(value, allow_nan=False)


def write(path: Path, document: dict) -> None:
    path.write_text(compact(document) + "\n")
