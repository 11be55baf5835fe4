"""Requests made from the running API's own OpenAPI, right and wrong ones: none is answered with a 5xx."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from perf.deploy.processes import ManagedProcess

OPERATIONS = ("GET /api/health", "POST /api/videos", "GET /api/videos", "GET /api/videos/{video_id}",
              "GET /api/videos/{video_id}/download")  # fmt: skip
AS_DOCUMENTED = [status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 25


def test_no_operation_is_left_out(server: tuple[str, ManagedProcess]) -> None:
    schema = schemathesis.openapi.from_url(f"{server[0]}/openapi.json")
    assert sorted(each.ok().label for each in schema.get_all_operations()) == sorted(OPERATIONS)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_no_request_breaks_the_api(server: tuple[str, ManagedProcess], mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"{server[0]}/openapi.json")
    tried: set[str] = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        if mode is GenerationMode.NEGATIVE and operation.label == "GET /api/health":
            continue  # it takes nothing that could be wrong

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck)
        )
        def call(case: schemathesis.Case) -> None:
            tried.add(case.operation.label)
            answer = case.call(timeout=60)
            # A part behind the API that is slow on a busy machine is health's to tell, as a 503.
            if case.operation.label != "GET /api/health":
                case.validate_response(answer, checks=[not_a_server_error])
            case.validate_response(answer, checks=AS_DOCUMENTED)

        call()
    assert len(tried) >= len(OPERATIONS) - 1
