"""Docstrings and signatures as the reference shows them."""

import ast
import inspect
import re
import textwrap
from typing import Any

from sphinx.application import Sphinx
from sphinx.ext.napoleon.docstring import GoogleDocstring

# Code between backticks; else what reStructuredText would take for markup.
_PIECES = re.compile(r"``.+?``|`(?P<code>[^`]+)`|(?P<mark>[|*]|(?<=\w)_(?!\w))", re.DOTALL)

_TYPE = re.compile(r"^(\s*:vartype (?P<name>\w+): )(?P<type>.+)$")


def escape(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are plain text with code between backticks: nothing else is markup."""
    lines[:] = plain("\n".join(lines)).split("\n")


def types_as_code(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """The types of attributes are shown as the source has them, too."""
    written = _annotations(thing) if inspect.isclass(thing) else {}

    def become(found: re.Match[str]) -> str:
        return f"{found[1]}``{written.get(found['name'], found['type'])}``"

    lines[:] = [_TYPE.sub(become, line) for line in lines]


def _annotations(kind: type) -> dict[str, str]:
    """Attribute -> its annotation in the source, of a class and of those that it inherits from."""
    found: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        try:
            (made,) = ast.parse(textwrap.dedent(inspect.getsource(one))).body
        except (OSError, TypeError):
            continue
        for line in made.body if isinstance(made, ast.ClassDef) else ():
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                text = ast.unparse(line.annotation)
                found[line.target.id] = re.sub(r"^ClassVar\[(.*)\]$", r"\1", text)
    return found


def plain(text: str) -> str:
    """Such a text as reStructuredText."""

    def become(found: re.Match[str]) -> str:
        if found["code"]:
            return f"``{found['code']}``"
        return "\\" + found["mark"] if found["mark"] else found[0]

    blocks = re.split(r"(\n\s*>>> (?:.*\n?)*?(?:\n\s*\n|\Z))", text)
    return "".join(
        block if block.lstrip().startswith(">>>") else _PIECES.sub(become, block)
        for block in blocks
    )


def signature(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, given: Any, returned: Any
) -> tuple[str | None, str | None]:
    """The signature as the source has it: evaluated, an alias such as `Argument` is a page long."""
    if what == "class":
        return _fields(thing, given), returned
    return (_written(thing) if what in ("function", "method") else None) or (given, returned)


def _fields(kind: type, given: str | None) -> str | None:
    """The signature of a class that is made from its fields."""
    own = _written(inspect.getattr_static(kind, "__init__"))
    if own:
        return own[0]
    try:
        arguments = inspect.signature(kind).parameters.values()
    except (TypeError, ValueError):
        return given
    written = _annotations(kind)
    return f"({', '.join(_argument(one, written) for one in arguments)})"


def _argument(one: inspect.Parameter, written: dict[str, str]) -> str:
    kind = f": {written[one.name]}" if one.name in written else ""
    if one.default is inspect.Parameter.empty:
        return f"{one.name}{kind}"
    return f"{one.name}{kind}{' = ' if kind else '='}{one.default!r}"


def _written(thing: Any) -> tuple[str, str] | None:
    try:
        source = textwrap.dedent(inspect.getsource(inspect.unwrap(thing)))
        (made,) = ast.parse(source).body
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    if not isinstance(made, ast.FunctionDef):
        return None
    arguments = made.args
    first = [*arguments.posonlyargs, *arguments.args][:1]
    if first and first[0].arg in ("self", "cls"):
        (arguments.posonlyargs or arguments.args).pop(0)
    return f"({ast.unparse(arguments)})", ast.unparse(made.returns) if made.returns else ""


def as_function(app: Sphinx, name: str, thing: Any) -> str:
    """The reStructuredText of a name that is called, from the docstring of what it stands for."""
    called = thing.__init__ if inspect.isclass(thing) else thing
    arguments, _ = _written(called) or ("()", "")
    text = plain(inspect.getdoc(thing) or "")
    body = str(GoogleDocstring(text, app.config, app, "function", name, thing))
    module, _, short = name.rpartition(".")
    return f".. py:function:: {short}{arguments}\n   :module: {module}\n\n" + textwrap.indent(
        body, "   "
    )
