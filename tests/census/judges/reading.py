"""A second reading of what a file says, by other means than the program's: PyYAML, json, shlex, ast."""

import ast
import json
import os
import re
import shlex

import yaml


class Loader(yaml.SafeLoader):
    """YAML with `1e-4` as a number, as the trainers take it, and with tags of their own as what they tag."""


Loader.add_multi_constructor("!", lambda loader, tag, node: None)
Loader.add_multi_constructor("tag:", lambda loader, tag, node: None)


def number(value):
    """The number that a value is or spells, or None."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return float(value)
    try:
        return float(str(value).strip().replace("_", ""))
    except ValueError:
        return None


class Keys:
    """A tree of settings that knows which of its leaves were asked for."""

    def __init__(self, tree, path=(), asked=None):
        self.tree, self.path = tree, path
        self.asked = asked if asked is not None else set()

    def get(self, *names, otherwise=None):
        """The first of these that is there; a name may be a dotted path."""
        for name in names:
            value, found = self.tree, True
            for part in name.split("."):
                if isinstance(value, dict) and part in value:
                    value = value[part]
                else:
                    found = False
                    break
            if found:
                self.asked.add(self.path + tuple(name.split(".")))
                if value is not None:
                    return value
        return otherwise

    def num(self, *names, otherwise=None):
        value = number(self.get(*names))
        return otherwise if value is None else value

    def has(self, *names):
        return self.get(*names) is not None

    def sub(self, name):
        value = self.get(name)
        return Keys(value if isinstance(value, dict) else {}, self.path + tuple(name.split(".")), self.asked)

    def leaves(self):
        """Every leaf as its path and value."""
        found = []

        def walk(value, path):
            if isinstance(value, dict) and value:
                for key, below in value.items():
                    walk(below, (*path, str(key)))
            else:
                found.append((path, value))

        walk(self.tree, self.path)
        return found


def of_yaml(text):
    return Keys(next((one for one in yaml.load_all(text, Loader) if isinstance(one, dict)), {}))


def of_json(text):
    return Keys(json.loads(text))


def of_flags(text, needed=("lr", "learning_rate")):
    """The flags of the command that sets a rate: comments and continuations undone, shell variables put in."""
    text = re.sub(r"\\[ \t]*\n", " ", text)
    text = "\n".join(re.sub(r"(^|\s)#.*", "", line) for line in text.splitlines())
    variables = {}
    for line in text.splitlines():
        found = re.match(r"\s*(?:export\s+)?([A-Za-z_]\w*)=(?:\"([^\"]*)\"|'([^']*)'|([^\s(]*))", line)
        if found:
            variables[found[1]] = next((part for part in found.groups()[1:] if part is not None), "")

    def put(match):
        whole = match[1] or match[3]
        name, _, otherwise = whole.partition(":-")
        return variables.get(name, otherwise or "")

    for _ in range(4):
        text = re.sub(r"\$(?:\{([A-Za-z_]\w*(:-[^}]*)?)\}|([A-Za-z_]\w*))", put, text)
    commands = [line for line in text.splitlines() if "--" in line]
    # An array of arguments, or one command whose flags stand on lines without continuations.
    chosen = [line for line in commands if any(re.search(rf"--{name.replace('_', '[-_]')}[ =]", line) for name in needed)]
    source = chosen[0] if len(chosen) >= 1 and chosen[0].count("--") > 2 else " ".join(commands)
    try:
        words = shlex.split(source)
    except ValueError:
        words = source.split()
    tree, at = {}, 0
    while at < len(words):
        word = words[at]
        at += 1
        if not re.match(r"--?[A-Za-z]", word):
            continue
        name, has_value, value = word.lstrip("-").partition("=")
        values = [value] if has_value else []
        while not has_value and at < len(words) and not re.match(r"--?[A-Za-z]", words[at]):
            if words[at] in (";", "|", "&&", ")", ">", "2>&1", "\\", "&>", "&>>", "&"):
                break
            values.append(words[at])
            at += 1
        tree[name.replace("-", "_")] = values[0] if len(values) == 1 else (values or True)
    return Keys(tree)


def of_config(text):
    """The names that a Python configuration sets outside functions, with `dict(...)` and plain arithmetic."""
    names = {}

    def value(node):
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return names.get(node.id, f"?{node.id}")
        if isinstance(node, (ast.List, ast.Tuple)):
            return [value(item) for item in node.elts]
        if isinstance(node, ast.Dict):
            return {value(key): value(held) for key, held in zip(node.keys, node.values) if key is not None}
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -value(node.operand)
        if isinstance(node, ast.BinOp):
            left, right = value(node.left), value(node.right)
            if isinstance(left, (int, float)) and isinstance(right, (int, float)):
                done = {ast.Add: lambda: left + right, ast.Sub: lambda: left - right, ast.Mult: lambda: left * right,
                        ast.Div: lambda: left / right, ast.FloorDiv: lambda: left // right,
                        ast.Pow: lambda: left**right, ast.Mod: lambda: left % right}
                for kind, act in done.items():
                    if isinstance(node.op, kind):
                        return act()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
            return {word.arg: value(word.value) for word in node.keywords if word.arg}
        return f"?{ast.unparse(node)}"

    for stmt in ast.parse(text).body:
        if isinstance(stmt, ast.Assign) and len(stmt.targets) == 1:
            target = stmt.targets[0]
            if isinstance(target, ast.Name):
                names[target.id] = value(stmt.value)
        elif isinstance(stmt, ast.Expr) and isinstance(stmt.value, ast.Call):
            call = stmt.value
            if isinstance(call.func, ast.Attribute) and call.func.attr == "update" and isinstance(call.func.value, ast.Name):
                held = names.get(call.func.value.id)
                if isinstance(held, dict):
                    held.update({word.arg: value(word.value) for word in call.keywords if word.arg})
    return Keys(names)


def python_source(path, text):
    """A module's text, or the code cells of a notebook."""
    if not path.endswith(".ipynb"):
        return text
    cells = json.loads(text)["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return "\n".join("" if re.match(r"\s*[!%]", line) else line for line in code.splitlines())


def of_any(path, text):
    if path.endswith((".yaml", ".yml")):
        return of_yaml(text)
    if path.endswith(".json"):
        return of_json(text)
    if path.endswith(".py"):
        return of_config(text)
    return of_flags(text)


def inherited(file, level):
    """A configuration's names over those of the files that it inherits from, as mmengine merges them."""
    with open(file, errors="replace") as held:
        own = of_config(held.read()).tree
    bases = own.pop("_base_", None) or []
    whole = {}
    for base in [bases] if isinstance(bases, str) else bases:
        beside = os.path.join(os.path.dirname(file), base) if isinstance(base, str) else ""
        if level < 8 and beside.endswith(".py") and os.path.isfile(beside):
            whole = merged(whole, inherited(beside, level + 1))
    return merged(whole, own)


def inherited_yaml(file, level):
    """The same for YAML, where `_BASE_` names the files."""
    with open(file, errors="replace") as held:
        own = of_yaml(held.read()).tree
    bases = own.pop("_BASE_", None) or []
    whole = {}
    for base in [bases] if isinstance(bases, str) else bases:
        beside = os.path.join(os.path.dirname(file), base)
        if level < 8 and os.path.isfile(beside):
            whole = merged(whole, inherited_yaml(beside, level + 1))
    return merged(whole, own)


def merged(base, own):
    whole = dict(base)
    for name, value in own.items():
        before = whole.get(name)
        if isinstance(before, dict) and isinstance(value, dict) and not value.get("_delete_"):
            whole[name] = merged(before, value)
        else:
            whole[name] = {key: held for key, held in value.items() if key != "_delete_"} if isinstance(value, dict) else value
    return whole
