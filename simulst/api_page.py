"""docs/API.md, made of docstrings: `python -m simulst.api_page > docs/API.md` writes it, a test compares."""

import ast
import inspect
from collections.abc import Iterator
from textwrap import dedent

import simulst

FUNCTIONS = ("load", "evaluate")
CLASSES = ("LiveTranslator", "TranslationStream", "Word", "Scores", "InputError")
HEAD = """# Python

Made of the docstrings by `python -m simulst.api_page > docs/API.md`; a test compares the two. Options of
agents are in [OPTIONS.md](../OPTIONS.md).
"""


def api_page() -> str:
    """The page, as Markdown."""
    parts = [HEAD, _text(simulst.__doc__)]
    for name in FUNCTIONS:
        parts.append(_function(_node(getattr(simulst, name)), f"simulst.{name}", "##"))
    for name in CLASSES:
        parts += _class(_node(getattr(simulst, name)))
    return "\n".join(parts)


def _node(thing: object) -> ast.FunctionDef | ast.ClassDef:
    """How a function or class is written: its annotations as they stand there."""
    source = dedent(inspect.getsource(thing))
    return ast.parse(source).body[0]


def _class(node: ast.ClassDef) -> Iterator[str]:
    yield f"## `simulst.{node.name}`\n\n{_text(ast.get_docstring(node))}"
    for member in node.body:
        if isinstance(member, ast.FunctionDef) and member.name == "__init__":
            yield from _attributes(member.body)
    yield from _attributes(node.body)
    for member in node.body:
        if isinstance(member, ast.FunctionDef) and not member.name.startswith("_"):
            is_property = any(ast.unparse(one) == "property" for one in member.decorator_list)
            if is_property:
                yield f"- `{member.name}`: {_line(ast.get_docstring(member))}\n"
            else:
                yield _function(member, member.name, "###")


def _attributes(body: list[ast.stmt]) -> Iterator[str]:
    """Public ones that say their type, or behind which a text says what they are."""
    for one, after in zip(body, [*body[1:], None], strict=True):
        if not isinstance(one, ast.Assign | ast.AnnAssign):
            continue
        target = one.target if isinstance(one, ast.AnnAssign) else one.targets[0]
        name = target.attr if isinstance(target, ast.Attribute) else ast.unparse(target)
        if name.startswith("_"):
            continue
        kind = f": {ast.unparse(one.annotation)}" if isinstance(one, ast.AnnAssign) else ""
        is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        says = f": {_line(after.value.value)}" if is_text else ""
        if kind or says:
            yield f"- `{name}{kind}`{says}\n"


def _function(node: ast.FunctionDef, name: str, marks: str) -> str:
    if node.args.args and node.args.args[0].arg == "self":
        del node.args.args[0]
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    signature = f"{name.removeprefix('simulst.')}({ast.unparse(node.args)}){returns}"
    return f"{marks} `{name}`\n\n```python\n{signature}\n```\n\n{_text(ast.get_docstring(node))}"


def _text(docstring: str | None) -> str:
    """Paragraphs as they are; what is indented becomes code."""
    lines, code = [], False
    for line in inspect.cleandoc(docstring or "").splitlines():
        if line.startswith("    ") != code and line:
            code = not code
            lines.append("```python" if code else "```\n")
        lines.append(line[4:] if code else line)
    text = "\n".join([*lines, "```"] if code else lines)
    return text.replace("\n\n```\n", "\n```\n") + "\n"


def _line(docstring: str) -> str:
    return " ".join(docstring.split())


if __name__ == "__main__":
    print(api_page(), end="")
