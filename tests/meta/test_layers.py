"""The layers of the architecture hold: what is pure stays pure, modules are glue, files and functions stay small."""

from __future__ import annotations

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
UTILS = ROOT / "plugins/module_utils"
MATCHBOX = (
    "changes", "document", "events", "explain", "findings", "graph", "manifest", "model", "overlap", "preview", "reader", "script",
    "select", "steps", "surprises", "validate", "wanted",
)  # fmt: skip
PURE = sorted(
    [
        *(UTILS / "boot").glob("*.py"),
        *(UTILS / "matchbox" / f"{name}.py" for name in MATCHBOX),
        *(UTILS / "common" / f"{name}.py" for name in ("errors", "urls")),
        *(UTILS / "talos" / f"{name}.py" for name in ("alignment", "custom", "factory", "files", "lock", "prune", "resolve", "stock", "version")),
        *(UTILS / "omni" / f"{name}.py" for name in ("hints", "redaction", "values")),
    ]
)
# Of the standard library, what pure code may import: nothing here opens a file, a socket or a process.
PURE_IMPORTS = {
    "__future__", "base64", "bisect", "collections", "contextlib", "dataclasses", "decimal", "enum", "functools", "hashlib", "heapq",
    "itertools", "json", "math", "posixpath", "re", "string", "struct", "typing", "unicodedata", "urllib.parse",
}  # fmt: skip
ALL = sorted(path for folder in ("plugins", "roles", "tests") for path in (ROOT / folder).rglob("*.py"))
MODULES = sorted((ROOT / "plugins/modules").glob("*.py"))


def relative(path: pathlib.Path) -> str:
    return str(path.relative_to(ROOT))


def imports(tree: ast.AST):
    """``(level, name)`` of every import; level 0 is absolute."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or ""


@pytest.mark.parametrize("path", PURE, ids=relative)
def test_pure_code_does_no_io_and_imports_no_ansible(path):
    tree = ast.parse(path.read_text())
    foreign = [name for level, name in imports(tree) if not level and name not in PURE_IMPORTS]
    assert not foreign, f"{relative(path)} imports {foreign}"
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not calls & {"open", "print", "input", "exec", "eval", "__import__"}


@pytest.mark.parametrize("path", PURE, ids=relative)
def test_pure_code_imports_only_pure_code_of_ours(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = path.parents[node.level - 1]
            target = base.joinpath(*(node.module or "").split(".")).with_suffix(".py")
            targets = [target] if target.exists() else [base.joinpath(node.module or "", f"{alias.name}.py") for alias in node.names]
            assert set(targets) <= set(PURE), f"{relative(path)} imports {[relative(found) for found in targets]}"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_module_is_documentation_and_glue(path):
    tree = ast.parse(path.read_text())
    documented = [node for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id in ("DOCUMENTATION", "EXAMPLES", "RETURN")]
    assert len(documented) == 3
    glue = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    lines = sum(node.end_lineno - node.lineno + 1 for node in glue)
    assert lines <= 40, f"{relative(path)} has {lines} lines of glue; logic belongs into module_utils"


@pytest.mark.parametrize("path", ALL, ids=relative)
def test_files_and_functions_are_small(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = node.end_lineno - node.lineno + 1
            assert length <= 60, f"{relative(path)}: {node.name} has {length} lines"


def test_every_module_is_tested_as_a_module():
    for path in MODULES:
        test = ROOT / "tests/unit/plugins/modules" / f"test_{path.stem}.py"
        assert test.exists(), f"{relative(path)} has no {relative(test)}"
        assert "modules.converge(" in test.read_text() or "modules.run(" in test.read_text(), f"{relative(test)} does not run the module"
