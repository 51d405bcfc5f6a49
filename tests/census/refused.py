"""Looks whether the reason of a refusal is true: `refused.py FOLDER CENSUS.csv`.

A refusal says that there is no schedule in the text, that it belongs to no framework that is known, or what it lacks.
Its opposite would stand in the text: a call of a scheduler's class, a schedule's flag or key. Comments, strings and
definitions of classes are taken out first, so that what is left is said and not spoken of. What is found is printed for
a person to read; it is not a verdict by itself.
"""

import csv
import io
import os
import re
import sys
import tokenize

CALLS = re.compile(
    r"\b(StepLR|MultiStepLR|LinearLR|ExponentialLR|PolynomialLR|CosineAnnealingLR|CosineAnnealingWarmRestarts|CyclicLR|"
    r"OneCycleLR|LambdaLR|SequentialLR|get_(?:linear|cosine|constant|polynomial\w*)_schedule\w*|"
    r"CosineLRScheduler|StepLRScheduler|PlateauLRScheduler|"
    r"CosineDecay|ExponentialDecay|PolynomialDecay|PiecewiseConstantDecay|LearningRateScheduler|"
    r"(?:optax\.)(?:\w*cosine\w*|\w*linear\w*schedule|exponential_decay|piecewise_\w+|join_schedules|polynomial_schedule))\("
)
KEYS = re.compile(r"(?m)^\s*-{0,2}[\"']?(lr_scheduler_type|lr_scheduler|sched|lr_decay_style|lr-decay-style|lr_policy)[\"']?\s*[:= ]\s*\S+")


def code(path, text):
    """A Python text without its comments, strings, definitions and what only checks a type."""
    if not path.endswith(".py"):
        return text
    kept = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type not in (tokenize.COMMENT, tokenize.STRING):
                kept.append((token.type, token.string))
    except (tokenize.TokenError, SyntaxError, IndentationError):
        return text
    words = " ".join("\n" if kind in (tokenize.NEWLINE, tokenize.NL) else word for kind, word in kept)
    words = re.sub(r" ?(\.|\() ?", r"\1", words)
    return re.sub(r"\b(?:class|def) \w+\(", "(", words)


def main(folder, census):
    reasons = {"no schedule in it": 0, "belongs to no framework": 0, "something is lacking": 0}
    doubted = []
    with open(census, newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["verdict"] == "refused"]
    for row in rows:
        why = row["what"]
        kind = ("no schedule in it" if "there is no learning-rate scheduler" in why else
                "belongs to no framework" if "known here (" in why or "nothing in it belongs" in why else
                "something is lacking")
        reasons[kind] += 1
        path = os.path.join(folder, row["repository"].replace("/", "+", 1), row["path"])
        if kind == "something is lacking" or not os.path.exists(path):
            continue
        with open(path, errors="replace") as file:
            text = file.read()
        found = CALLS.search(code(path, text)) or (KEYS.search(text) if not path.endswith((".py", ".ipynb")) else None)
        if found:
            doubted.append((row["repository"], row["path"], found[0].strip(), why[:110]))
    for kind, count in reasons.items():
        print(f"{count} {kind}")
    print(f"{len(doubted)} to look at:")
    for one in doubted:
        print("  " + " | ".join(one))


if __name__ == "__main__":
    main(*sys.argv[1:3])
