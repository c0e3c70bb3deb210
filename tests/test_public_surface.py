"""Every public module states what it offers, and explains it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("campaign", "generators", "showers", "detectors", "jets", "dataset", "loaders", "report", "audit")


def public_modules():
    """Modules that others may import; a package that only holds modules offers nothing itself."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            offers = not path.stem.startswith("_") or (path.stem == "__init__" and surface(path))
            if offers:
                yield path


def syntax(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def surface(path):
    """The names in ``__all__``."""
    for node in syntax(path).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return ast.literal_eval(node.value)
    return []


def explained(path):
    """Name to whether a docstring explains it; what a module imports is explained elsewhere."""
    body = syntax(path).body
    found = {}
    for node, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = bool(ast.get_docstring(node))
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            text = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            names = [each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)]
            found |= dict.fromkeys(names, text)
        elif isinstance(node, ast.With):  # an import that may fail
            found |= {alias.name: True for each in node.body for alias in getattr(each, "names", [])}
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: True for alias in node.names}
    return found


@pytest.mark.parametrize("path", list(public_modules()), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_states_its_surface_and_explains_every_name_of_it(path):
    names, known = surface(path), explained(path)
    assert names, "__all__ is missing"
    assert len(names) == len(set(names))
    assert [name for name in names if name.startswith("_")] == []
    assert [name for name in names if name not in known] == [], "not defined"
    assert [name for name in names if not known[name]] == [], "without a docstring"


def test_rooms_take_from_each_other_only_what_is_offered():
    offered = {path: surface(path) for path in public_modules()}
    taken = {
        (file.relative_to(ROOT).as_posix(), f"{node.module}.{alias.name}")
        for folder in ROOT.glob("*/__init__.py")
        if folder.parent.name != "tests"
        for file in folder.parent.rglob("*.py")
        for node in ast.walk(syntax(file))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("jetresim.")
        for alias in node.names
        if (module := ROOT / f"{node.module.removeprefix('jetresim.').replace('.', '/')}.py") in offered
        and alias.name not in offered[module]
    }
    assert taken == set()
