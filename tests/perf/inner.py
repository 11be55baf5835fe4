"""The pytest that tests run within pytest, with their own cases."""

#: The suite's plugin, without those that no case uses: each run would import them anew.
INI = """\
[pytest]
addopts =
    -p no:locust -p no:schemathesis -p no:hypothesispytest -p no:anyio
    -p fixtures.plugin -p perf.plugin
filterwarnings = error
"""
#: In a conftest.py: a test is a case if it takes the fixture that runs one, and these run none.
RUN_CASE = """
import pytest

@pytest.fixture
def run_case():
    pass
"""
