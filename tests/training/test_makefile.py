"""What `make clean` takes away, and what it leaves."""

import subprocess
from pathlib import Path

MAKEFILE = Path(__file__).parents[2] / "Makefile"


def test_make_clean_leaves_a_shops_own_data(tmp_path):
    theirs = [tmp_path / ".regulars" / name for name in ("log", "bundles", "mlflow")]
    ours = [tmp_path / name for name in (".regulars/demo", ".venv", ".mypy_cache")]
    for folder in (*theirs, *ours):
        folder.mkdir(parents=True)
    (tmp_path / ".regulars" / "store.db").touch()
    subprocess.run(["make", "-f", MAKEFILE, "clean"], cwd=tmp_path, check=True, text=True)
    assert all(folder.exists() for folder in theirs)
    assert (tmp_path / ".regulars" / "store.db").exists()
    assert not any(folder.exists() for folder in ours)
