"""The API under schemathesis: what OpenAPI allows is answered as it says, and nothing breaks."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from core.api import Tonescope
from core.engines.registry import Registry
from core.http.server import application
from tests.fakes import FakeEngine

TOKEN = "a-token-of-some-length"  # noqa: S105
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    folder = tmp_path_factory.mktemp("api")
    registry = Registry(fetched_dir=folder / "models")
    registry.add("compact", lambda precision: FakeEngine())
    app = application(Tonescope(folder / "store", registry=registry), TOKEN)
    return schemathesis.openapi.from_asgi("/openapi.json", app, headers=HEADERS)


def test_every_route_answers_as_it_says(api):
    routes = [result.ok() for result in api.get_all_operations()]
    assert len(routes) == 8
    for route in routes:

        @given(case=route.as_strategy())
        @settings(
            max_examples=4,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        def answers(case):
            case.call_and_validate(checks=list(CHECKS), headers=HEADERS, timeout=120)

        answers()
