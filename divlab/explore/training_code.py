"""Python that trains what an explorer trains, and prints the numbers that it shows."""

import dataclasses
import json
import textwrap
from collections.abc import Mapping
from typing import Any

import divlab
from divlab.explore.target_code import UNKNOWN, TargetCode

_ADVICE = f"# Put in the model that was given, in place of {UNKNOWN}\n"


def code_of_model(model: Any) -> str:
    """A GAN or a VAE as Python; `UNKNOWN` where it has parts that cannot be written."""
    if type(model) not in (divlab.GAN, divlab.VAE):
        return UNKNOWN
    kind, objective = type(model).__name__, model.objective
    table = divlab.GAN_OBJECTIVES if kind == "GAN" else divlab.VAE_OBJECTIVES
    names = [f'"{name}"' for name, one in table.items() if repr(one) == repr(objective)]
    is_public = getattr(divlab.objectives, type(objective).__name__, None) is type(objective)
    settings = (getattr(objective, field.name) for field in dataclasses.fields(objective))
    if not names and not (is_public and all(isinstance(one, int | float) for one in settings)):
        return UNKNOWN
    said = names[0] if names else f"divlab.objectives.{objective!r}"
    usual = type(model)()
    more = [
        f", {field.name}={getattr(model, field.name)!r}"
        for field in dataclasses.fields(model)
        if field.name != "objective" and getattr(model, field.name) != getattr(usual, field.name)
    ]
    return f"divlab.{kind}({said}{''.join(more)})"


def code_of_training(model: str, seed: int, step: int, more: str = "") -> str:
    """The lines that make `run` and `learned`.

    A training of 400 steps ends where one of 2000 steps is at its step 400, so it goes no further
    than is shown. It must have one step or more; step 0 is recorded too.

    Args:
        model: the code of the model.
        seed: of the training.
        step: that is shown.
        more: further arguments of `divlab.fit`.

    Returns:
        The lines.
    """
    advice = _ADVICE if model == UNKNOWN else ""
    return (
        f"{advice}run = divlab.fit({model}, target, steps={max(step, 1)}, key={seed}{more})\n"
        f"learned = run.distribution({step})\n"
    )


def code_of_comparison(
    target: TargetCode, models: Mapping[str, str], seed: int, step: int, more: str = ""
) -> str:
    """Code that trains models and compares each with the target, as `learned.measure` does.

    Args:
        target: the code of the target.
        models: the code of each model, by its name.
        seed: of the trainings.
        step: that is shown.
        more: further lines for each model, which know its `name`, `run` and what `covered` is.

    Returns:
        The code.
    """
    made = "".join(f'    "{name}": {code},\n' for name, code in models.items())
    advice = _ADVICE if UNKNOWN in models.values() else ""
    numbers = {name: f"covered.{name}" for name in _SHARES} | target.distances(seed, step)
    each = f"""\
{code_of_training("model", seed, step)}\
covered = divlab.coverage(learned, {target.compared})
for i, fraction in enumerate(covered.mode_fractions):
    print(f"{{name}}.mode_fractions.{{i}}", float(fraction))
{"".join(_PRINT.format(name=name, code=code) for name, code in numbers.items())}\
{more}"""
    return f"""\
{target.text}
{advice}models = {{
{made}}}
for name, model in models.items():
{textwrap.indent(each, "    ")}"""


_SHARES = ("modes_covered", "high_quality", "bridge", "sharpness")
_PRINT = 'print(f"{{name}}.{name}", float({code}))\n'


def code_of_seeds(steps: Mapping[str, int], models: int, seeds: int) -> str:
    """The lines for `code_of_comparison` that count the seeds that cover every mode.

    Args:
        steps: how far the seeds of each model were trained, by its name; none where they were not.
        models: how many models there are.
        seeds: how many seeds of each.

    Returns:
        The lines. Where nothing was trained they print -1.
    """
    if not steps:
        return 'print(f"{name}.seeds_covered", -1)\n'
    shared = set(steps.values())
    is_even = len(shared) == 1 and len(steps) == models
    each = f"""\
steps = {json.dumps(steps)}.get(name)  # how far the seeds were trained
if steps is None:
    print(f"{{name}}.seeds_covered", -1)
    continue
"""
    return f"""\
{"" if is_even else each}\
runs = divlab.fit_many(model, target, seeds={seeds}, steps={shared.pop() if is_even else "steps"})
is_whole = divlab.coverage(runs, target).modes_covered == len(covered.mode_fractions)
print(f"{{name}}.seeds_covered", int(is_whole.sum()))
"""
