"""The API under schemathesis: what OpenAPI allows is answered as it says, and nothing breaks."""

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
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
    registry.add("fake", lambda precision: FakeEngine())
    return schemathesis.openapi.from_asgi(
        "/openapi.json", application(Tonescope(folder / "store", registry=registry))
    )


schema = schemathesis.pytest.from_fixture("api")


@schema.parametrize()
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_route_answers_as_it_says(case):
    case.headers["Host"] = "localhost"
    case.call_and_validate(checks=list(CHECKS))
