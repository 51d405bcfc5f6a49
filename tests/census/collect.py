"""Copies out of bare clones the files that may set a learning rate: `collect.py CLONES OUT [MOST]`.

CLONES holds `owner+name/repo` git directories; OUT gets `owner+name/path` files, and of Markdown the fenced blocks of
commands, and `owner+name/.commit` the commit. Nothing of it is meant to be committed: `judge.py` reads it and writes
down paths and verdicts only.
"""

import os
import re
import subprocess
import sys

TELLS = re.compile(
    r"lr_scheduler|learning_rate|lr_config|param_scheduler|BASE_LR|LearningRate|lr0|scheduler\._?component|CosineDecay|"
    r"_schedule\(|adjust_learning_rate|get_lr\(|LRScheduler|lr-decay|warmup[-_](steps|epochs|iters|updates)|StepLR|"
    r"OneCycle|CosineAnnealing|\"scheduler\"|alpha_f|--sched\b|--blr\b"
)
BASES = re.compile(r"(?m)(?:[\"']|_BASE_: +)([\w./-]+\.(?:py|ya?ml))[\"']?")
KINDS = (".py", ".yaml", ".yml", ".json", ".sh", ".toml", ".ipynb", ".md")


def main(clones, out, most):
    for clone in sorted(os.listdir(clones)):
        git = os.path.join(clones, clone, "repo")
        if not os.path.isdir(git):
            continue
        names = subprocess.run(
            ["git", "-C", git, "grep", "-lIE", TELLS.pattern.replace(r"\b", ""), "HEAD"],
            capture_output=True, text=True, check=False,
        ).stdout.splitlines()
        names = [name.split(":", 1)[1] for name in names if name.endswith(KINDS)]
        head = subprocess.run(["git", "-C", git, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
        if names:
            os.makedirs(os.path.join(out, clone), exist_ok=True)
            with open(os.path.join(out, clone, ".commit"), "w") as file:
                file.write(head.stdout)
        # Evenly over the repository, so that no folder fills the census.
        step = max(1, len(names) // most)
        chosen = names[::step][:most]
        for name in chosen:
            shown = subprocess.run(["git", "-C", git, "show", f"HEAD:{name}"], capture_output=True, check=False)
            text = shown.stdout.decode("utf-8", "replace")
            if shown.returncode != 0 or len(text) > 400_000:
                continue
            # What a configuration inherits from belongs to it.
            inherits = "_base_" in text or "_BASE_" in text
            for base in BASES.findall(text) if inherits and len(chosen) < 4 * most else []:
                beside = os.path.normpath(os.path.join(os.path.dirname(name), base))
                if beside not in chosen and not beside.startswith(".."):
                    chosen.append(beside)
            target = os.path.join(out, clone, name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if name.endswith(".md"):
                blocks = re.findall(r"```(?:bash|sh|shell|console)?\n(.*?)```", text, re.S)
                for index, block in enumerate(block for block in blocks if TELLS.search(block)):
                    with open(f"{target}.{index}.sh", "w") as file:
                        file.write(block)
            else:
                with open(target, "w") as file:
                    file.write(text)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 40)
