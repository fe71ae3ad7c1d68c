from cis_assets_tests.writers.conftest import server as model_server  # noqa: F401
