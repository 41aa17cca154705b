"""Write docs/API.md from the docstrings of what is public and from docs/examples; `--check` writes nothing.

Public is what the modules of MODULES export. With --check the exit code is 1 if the file differs. Every
Python that runs dispatch writes the same: annotations stand as they do in the code.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import sys
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any, NamedTuple

from scripts.written import write_or_check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "API.md"
EXAMPLES = ROOT / "docs" / "examples"
WIDTH = 100

# Each with what a reader looks for first.
MODULES = {
    "dispatch": (),
    "dispatch.office": ("Office",),
    "dispatch.drafts": ("parse_draft", "read_draft", "Reading"),
    "dispatch.audit": ("run", "verify"),
    "dispatch.errors": (),
    "keys.age": ("encrypt", "decrypt", "encrypt_stream", "decrypt_stream"),
    "keys.sshsig": ("sign", "verify"),
}

HEAD = """\
# The library

This file is written by `scripts/api-reference` from the docstrings and from docs/examples; a test fails when
it is out of date.
"""

EXAMPLES_HEAD = """\
## Examples

They lie in [docs/examples](examples/), and the tests run each of them. Copy the folder, and run one in it.
"""

OTHER_TYPES = """\
## Other types

These stand in the signatures above, and no public module exports them. Read their fields and properties;
their names and places may change.
"""

# The docstring of the package shows this one.
SHOWN = "issue_receive_audit.py"


class Export(NamedTuple):
    """A public name: the module that exports it, and what it is."""

    module: ModuleType
    name: str
    value: Any


def exports(name: str) -> list[Export]:
    """List what a module exports: by `__all__`, or else what it defines without an underscore."""
    module = import_module(name)
    names = getattr(module, "__all__", None) or [
        key for key in _definitions(module) if not key.startswith("_")
    ]
    first = MODULES[name]
    rest = [key for key in names if key not in first and not key.startswith("__")]
    return [Export(module, key, getattr(module, key)) for key in (*first, *rest)]


def reference() -> str:
    """Make the whole file."""
    parts = [HEAD, prose(inspect.getdoc(import_module("dispatch"))), *examples()]
    for name in MODULES:
        parts += [f"## {name}", *section(name)]
    parts.append(other_types())
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def examples() -> Iterator[str]:
    """Show each example, with links to the texts that it reads."""
    yield EXAMPLES_HEAD
    for path in sorted(EXAMPLES.glob("*.py"), key=lambda path: (path.name != SHOWN, path.name)):
        source = path.read_text("utf-8")
        links = ", ".join(
            f"[{text.name}](examples/{text.name})"
            for text in sorted(EXAMPLES.glob("*.md"))
            if f'"{text.name}"' in source
        )
        yield f"### {path.name}\n\n[{path.name}](examples/{path.name}) reads {links}." + (
            " It is the one above." if path.name == SHOWN else f"\n\n```python\n{source.strip()}\n```"
        )


def section(name: str) -> Iterator[str]:
    """Write what a module exports, but for what another public module is the home of."""
    found = exports(name)
    if name == "dispatch":
        elsewhere = {one.name for other in MODULES if other != name for one in exports(other)}
        yield "\n".join(map(_where, found))
        found = [one for one in found if one.name not in elsewhere and not inspect.ismodule(one.value)]
    else:
        yield prose(inspect.getdoc(import_module(name)))
    found = [one for one in found if getattr(one.value, "__module__", name) not in {*MODULES} - {name}]
    errors = [one for one in found if _is_error(one.value)]
    constants = [one for one in found if not callable(one.value)]
    for one in found:
        if one not in errors and one not in constants:
            yield entry(one)
    if errors:
        yield "\n".join(f"- `{_error_signature(one)}`: {prose(_doc(one.value))}" for one in errors)
    if constants:
        yield "\n".join(map(_constant, constants))


def _where(one: Export) -> str:
    if inspect.ismodule(one.value):
        return f"- `{one.name}`: the module [{one.value.__name__}](#{_anchor(one.value.__name__)})"
    return f"- [`{one.name}`](#{_anchor(one.name)}): {prose(_doc(one.value)).splitlines()[0]}"


def entry(one: Export) -> str:
    """Write a class or function: its signature, its docstring, its members."""
    value = one.value
    if not inspect.isclass(value):
        return f"### {one.name}\n\n{_code([signature(value, one.name)])}\n\n{prose(_doc(value))}"
    properties, methods = [], []
    for name, member in vars(value).items():
        match member:
            case _ if name.startswith("_"):
                pass
            case property(fget=function) | cached_property(func=function) if function is not None:
                returns = _annotation(inspect.signature(function).return_annotation)
                properties.append(f"- `{name}: {returns}`: {prose(_doc(function))}")
            case classmethod(__func__=function) | staticmethod(__func__=function):
                methods.append((name, function, [f"@{type(member).__name__}"]))
            case _ if inspect.isfunction(member):
                methods.append((name, member, []))
    parts = [f"### {one.name}", _code(_class_lines(value, one.name)), prose(_doc(value))]
    parts += ["\n".join(properties)] if properties else []
    for name, function, decorators in methods:
        code = _code([*decorators, signature(function, name)])
        parts.append(f"#### {one.name}.{name}\n\n{code}\n\n{prose(_doc(function))}")
    return "\n\n".join(parts)


def other_types() -> str:
    """List the types of ours that stand in the signatures, and that no public module exports."""
    public = {one.name for name in MODULES for one in exports(name)}
    found: dict[str, ModuleType] = {}
    for one in (each for name in MODULES for each in exports(name) if callable(each.value)):
        for block in re.findall(r"^```python\n.*?^```|^- `[^`]+`", entry(one), re.MULTILINE | re.DOTALL):
            for name in re.findall(r"\b[A-Z]\w+", block):
                home = home_of(import_module(one.value.__module__), name)
                if home is not None and name not in public:
                    found[name] = home
    lines = []
    for name, home in sorted(found.items()):
        path = home.__name__.replace(".", "/") + ("/__init__.py" if hasattr(home, "__path__") else ".py")
        lines.append(f"- `{name}`, in [{path}](../{path})")
    return "\n".join([OTHER_TYPES, *lines])


def home_of(module: ModuleType, name: str) -> ModuleType | None:
    """Find the module of ours that defines a name of another module; None if it is from elsewhere."""
    while name not in _definitions(module):
        source = _source_of(module, name)
        if source is None or source.__name__.partition(".")[0] not in ("dispatch", "keys"):
            return None
        module = source
    return module


def signature(function: Callable[..., Any], name: str) -> str:
    """Write a signature as the code has it; one parameter a line if it is long."""
    found = inspect.signature(function)
    parameters = [_parameter(one) for one in found.parameters.values()]
    kinds = [one.kind for one in found.parameters.values()]
    keyword = inspect.Parameter.KEYWORD_ONLY
    if keyword in kinds and inspect.Parameter.VAR_POSITIONAL not in kinds:
        parameters.insert(kinds.index(keyword), "*")
    if inspect.Parameter.POSITIONAL_ONLY in kinds:
        last = max(place for place, kind in enumerate(kinds) if kind is inspect.Parameter.POSITIONAL_ONLY)
        parameters.insert(last + 1, "/")
    returns = _annotation(found.return_annotation)
    end = f") -> {returns}" if returns else ")"
    line = f"def {name}({', '.join(parameters)}{end}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"def {name}(", *(f"    {one}," for one in parameters), end])


def _parameter(one: inspect.Parameter) -> str:
    name = str(one.replace(annotation=one.empty, default=one.empty))  # with the stars that it has
    annotation = _annotation(one.annotation)
    text = f"{name}: {annotation}" if annotation else name
    if one.default is inspect.Parameter.empty:
        return text
    default = one.default.__name__ if callable(one.default) else repr(one.default)
    return f"{text} = {default}" if annotation else f"{text}={default}"


def _annotation(annotation: Any) -> str:
    """Give an annotation as it is written."""
    if annotation is inspect.Parameter.empty:
        return ""
    text = getattr(annotation, "__forward_arg__", annotation)
    return text if isinstance(text, str) else inspect.formatannotation(text)


def _class_lines(value: type, name: str) -> list[str]:
    """Write the head of a class: its fields, or else how one is made."""
    bases = [base.__name__ for base in value.__bases__ if base.__name__ not in ("object", "Generic", "tuple")]
    head = f"class {name}({', '.join(bases)}):" if bases else f"class {name}:"
    if dataclasses.is_dataclass(value):
        fields = [one for one in dataclasses.fields(value) if one.init]
        by = "frozen=True, kw_only=True" if all(one.kw_only for one in fields) else "frozen=True"
        shown = [f"    {one.name}: {_annotation(one.type)}{_default(one)}" for one in fields]
        return [f"@dataclass({by})", head, *shown]
    if issubclass(value, tuple):
        annotations = inspect.get_annotations(value)
        return [f"class {name}(NamedTuple):", *(f"    {k}: {_annotation(v)}" for k, v in annotations.items())]
    made = vars(value).get("__init__")
    if inspect.isfunction(made) and not getattr(value, "_is_protocol", False):
        return [head, *(f"    {line}" for line in signature(made, "__init__").split("\n"))]
    return [head.removesuffix(":")]


def _default(one: dataclasses.Field[Any]) -> str:
    return "" if one.default is dataclasses.MISSING else f" = {one.default!r}"


def _error_signature(one: Export) -> str:
    made = vars(one.value).get("__init__")
    return one.name if made is None else signature(made, one.name).removeprefix("def ").replace("self, ", "")


def _constant(one: Export) -> str:
    """Write a constant: its value if that is short, and the text that stands below it in the code."""
    value = repr(one.value)
    shown = f"`{one.name} = {value}`" if len(value) <= WIDTH // 2 else f"`{one.name}`"
    about = prose(_constant_doc(one))
    return f"- {shown}: {about}" if about else f"- {shown}"


def _constant_doc(one: Export) -> str:
    """Find the string below the assignment, in the module or in the one that it is imported from."""
    module: ModuleType | None = one.module
    while module is not None:
        doc = _definitions(module).get(one.name)
        if doc is not None:
            return doc
        module = _source_of(module, one.name)
    return ""


def _source_of(module: ModuleType, name: str) -> ModuleType | None:
    """Find the module from which another imports a name."""
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.ImportFrom) and node.module and name in [one.name for one in node.names]:
            return import_module(node.module)
    return None


@cache
def _tree(module: ModuleType) -> ast.Module:
    return ast.parse(inspect.getsource(module))


@cache
def _definitions(module: ModuleType) -> dict[str, str]:
    """Give the names that a module defines, in order, with the string below each that is assigned."""
    found: dict[str, str] = {}
    body = _tree(module).body
    for node, below in zip(body, [*body[1:], None], strict=True):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found[name] = ""
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                match below:
                    case ast.Expr(value=ast.Constant(value=str(text))):
                        found[name] = inspect.cleandoc(text)
                    case _:
                        found[name] = ""
    return found


def _is_error(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, BaseException)


def _doc(value: Any) -> str:
    """Give the docstring that stands at a thing itself, not one that it inherits."""
    own = value.__dict__.get("__doc__") if inspect.isclass(value) else value.__doc__
    return inspect.cleandoc(own or "")


def _code(lines: Iterable[str]) -> str:
    return "\n".join(["```python", *lines, "```"])


def prose(text: str | None) -> str:
    """Turn a docstring into Markdown: what is indented becomes code, and marks outside of code are plain."""
    parts: list[str] = []
    for part in (text or "").strip("\n").split("\n\n"):
        if part.startswith(" ") and parts and parts[-1].startswith(" "):
            parts[-1] += f"\n\n{part}"  # an empty line within code
        else:
            parts.append(part)
    return "\n\n".join(_block(part) if part.startswith(" ") else _escaped(part) for part in parts)


def _block(text: str) -> str:
    language = "python" if re.search(r"^ *(from \S+ )?import ", text, re.MULTILINE) else "text"
    return f"```{language}\n{dedent(text)}\n```"


def _escaped(text: str) -> str:
    """Keep Markdown from seeing marks in prose; code between backticks stays as it is."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([*<\[\]])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


if __name__ == "__main__":
    sys.exit(write_or_check(TARGET, reference(), "scripts/api-reference"))
