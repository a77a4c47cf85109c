"""House rules that no other tool checks: docstrings, lengths, versions, pins."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.version import VERSION

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "core").rglob("*.py"))
MOST_LINES = 350


def public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef]:
    """Yields the public functions, classes and methods of public classes of a module."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    bodies = [tree.body]
    while bodies:
        for node in bodies.pop():
            if isinstance(node, kinds) and not node.name.startswith("_"):
                yield node
                if isinstance(node, ast.ClassDef):
                    bodies.append(node.body)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_everything_public_has_a_docstring(path):
    tree = ast.parse(path.read_text("utf-8"))
    if tree.body:
        assert ast.get_docstring(tree), "the module has none"
    assert [node.name for node in public(tree) if not ast.get_docstring(node)] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_is_short_enough_to_be_read(path):
    assert len(path.read_text("utf-8").splitlines()) < MOST_LINES


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_are_absolute(path):
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    assert not [node for node in nodes if isinstance(node, ast.ImportFrom) and node.level]


def test_version_is_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == VERSION
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(rf"^## \[{re.escape(VERSION)}\]", changelog, re.MULTILINE)


@pytest.mark.parametrize(
    "name", ["requirements.txt", "requirements-cluster.txt", "requirements-dev.txt"]
)
def test_every_requirement_is_pinned(name):
    lines = (ROOT / name).read_text("utf-8").splitlines()
    wanted = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    loose = [
        line
        for line in wanted
        if not re.fullmatch(r"[\w.\-\[\]]+==[\w.+!]+( ?;.*)?|-r requirements(-cluster)?\.txt", line)
    ]
    assert wanted
    assert loose == []


def test_no_machine_path_stands_in_the_sources():
    paths = [p for folder in ("core", "tests") for p in sorted((ROOT / folder).rglob("*.py"))]
    words = ["/".join(["", "work", ""]), "/".join(["", "root", ""]), "/".join(["", "home", ""])]
    found = [
        str(path.relative_to(ROOT))
        for path in paths
        if any(word in path.read_text("utf-8") for word in words)
    ]
    assert found == []
