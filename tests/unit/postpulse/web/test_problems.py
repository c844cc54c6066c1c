"""Errors as RFC 9457 has them."""

import json
from http import HTTPStatus

import pytest

from postpulse.web.problems import Problem, unavailable


def test_a_problem_says_what_was_wrong_and_where() -> None:
    problem = Problem(413, "Too long: 5 bytes at most.", field="content", headers={"X-A": "b"}, limit=5)
    assert problem.document() == {
        "type": "about:blank",
        "title": "Request Entity Too Large",
        "status": 413,
        "detail": "Too long: 5 bytes at most.",
        "field": "content",
        "limit": 5,
    }
    response = problem.response("id-1")
    assert (response.status, response.content_type) == (413, "application/problem+json")
    assert response.headers["X-A"] == "b"
    assert isinstance(response.body, bytes)
    assert json.loads(response.body) == problem.document() | {"request_id": "id-1"}


def test_what_is_not_known_is_left_out() -> None:
    response = Problem(404, "No such post.").response()
    assert isinstance(response.body, bytes)
    assert json.loads(response.body).keys() == {"type", "title", "status", "detail"}


@pytest.mark.parametrize("status", [status for status in HTTPStatus if status >= 400])
def test_every_error_of_http_has_its_title(status: HTTPStatus) -> None:
    assert Problem(status, "Why.").document()["title"] == status.phrase


def test_unavailable_says_when_to_try_again() -> None:
    assert unavailable("Later.").headers == {"Retry-After": "1"}
    problem = unavailable("Later.", retry_after=7)
    assert (problem.status, problem.headers["Retry-After"]) == (503, "7")
