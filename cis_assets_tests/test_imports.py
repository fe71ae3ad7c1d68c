from __future__ import annotations

import subprocess
import sys

_IMPORT_ALL = """
import importlib, pkgutil, sys
import cis_assets.catalog, cis_assets.silver
for package in (cis_assets.catalog, cis_assets.silver):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_neither_catalog_nor_silver_load_dagster_or_storage():
    done = subprocess.run([sys.executable, "-c", _IMPORT_ALL], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "cis_assets" in loaded
    assert not loaded & {"dagster", "dagster_deltalake", "deltalake", "obstore", "openai", "sklearn"}
