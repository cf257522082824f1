"""Imports run one way, lazy and typing imports counted; the top level holds what was agreed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PACKAGES = {
    "features": set[str](),
    "models": {"features"},
    "training": {"features", "models"},
    "serving": {"features", "models"},
}
"""What each package may import of ours, besides itself."""

FEATURE_LAYERS = [
    {"columns", "errors", "instants", "settings"},
    {"gaps", "ranges", "toml"},
    {"events", "catalog", "attributes"},
    {"identity"},
    {"links"},
    {"consents"},
    {"timeline"},
    {"timeline_build", "permits"},
    {"reference"},
    {"definitions"},
    {"program", "cart", "lifecycle"},
    {"compute", "pairs"},
    {"notebook"},
    {"__init__"},
]
"""Bottom first; a module imports from its own layer and those below."""

TOP_LEVEL = {
    "pyproject.toml",
    "README.md",
    "Makefile",
    "CHANGELOG.md",
    "LICENSE",
    "requirements.lock",
    "docs",
    "features",
    "models",
    "training",
    "serving",
    "tests",
}


def imports(path: Path) -> set[str]:
    """Dotted names that a file imports, wherever in it the import stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level)
    return found


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    forbidden = set(PACKAGES) - PACKAGES[package] - {package} | {"tests"}
    for path in modules(package):
        used = {name.split(".")[0] for name in imports(path)}
        assert not used & forbidden, f"{path.relative_to(ROOT)} imports {used & forbidden}"


def test_within_features_imports_run_downward() -> None:
    level = {name: i for i, layer in enumerate(FEATURE_LAYERS) for name in layer}
    for path in modules("features"):
        own = path.relative_to(ROOT / "features").parts[0].removesuffix(".py")
        for name in imports(path):
            parts = name.split(".")
            if parts[0] == "features" and len(parts) > 1 and parts[1] in level:
                assert level[parts[1]] <= level[own], f"features/{own} imports {name} from above"
    known = {p.stem for p in (ROOT / "features").iterdir() if p.suffix == ".py" or p.is_dir()}
    assert known - {"__pycache__"} == set(level), "give a new module its layer here"


def test_no_relative_imports() -> None:
    for package in PACKAGES:
        for path in modules(package):
            assert not {name for name in imports(path) if name.startswith(".")}, path


def test_only_tracking_imports_mlflow() -> None:
    users = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in modules(package)
        if any(name.split(".")[0] == "mlflow" for name in imports(path))
    }
    assert users == {"training/tracking.py"}


def test_models_know_no_web_and_no_database() -> None:
    forbidden = {"fastapi", "starlette", "sqlalchemy", "duckdb", "httpx", "uvicorn"}
    for path in modules("models"):
        assert not {name.split(".")[0] for name in imports(path)} & forbidden, path


def test_the_top_level_holds_what_was_agreed() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    top = {name.split("/")[0] for name in listed if name}
    assert {name for name in top if not name.startswith(".")} <= TOP_LEVEL


def test_no_file_has_outgrown_one_idea() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for package in PACKAGES
        for path in modules(package)
        if (count := len(path.read_text("utf-8").splitlines())) > 400
    }
    assert not long, f"split these: {long}"


def test_importing_opens_nothing() -> None:
    """Every module of ours imports without a thread, a socket or a written file left behind."""
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for package in PACKAGES
        for path in modules(package)
        # env.py is Alembic's to run
        if path.name not in {"__init__.py", "__main__.py", "env.py"}
    ]
    code = (
        "import sys, threading, importlib, os\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "assert not os.path.exists('.regulars-import'), 'wrote a file'\n"
    )
    env = {"REGULARS_DATA": ".regulars-import", "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
