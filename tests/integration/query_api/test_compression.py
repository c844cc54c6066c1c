"""Larger answers are smaller on the wire for clients that say they can unpack them."""

import pytest

from tests.integration.query_api.service import Service

_GZIP = {"Accept-Encoding": "gzip"}


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("br, GZIP;q=0.8", "gzip"),
        ("*", "gzip"),
        ("identity", None),
        ("gzip;q=0", None),
        ("gzip; q=0.000, br", None),
        ("x-gzip2", None),
    ],
)
async def test_a_long_answer_is_packed_for_whoever_takes_it(
    service: Service, accepted: str, coding: str | None
) -> None:
    text = "The same words again. " * 1_000
    post = service.store_received(text)
    status, body, headers = await service.get(f"{post['_id']}/", headers={"Accept-Encoding": accepted})
    assert status == 200
    assert body["content"] == text
    assert headers.get("Content-Encoding") == coding
    assert headers["Vary"] == "Accept-Encoding"
    assert (int(headers["Content-Length"]) < 2_000) == (coding is not None)


async def test_a_short_answer_is_sent_as_it_is(service: Service) -> None:
    post = service.store_received("Short.")
    _, _, headers = await service.get(f"{post['_id']}/", headers=_GZIP)
    assert "Content-Encoding" not in headers


async def test_a_packed_answer_is_known_again(service: Service) -> None:
    post = service.store_received("The same words again. " * 1_000)
    tag = (await service.get(f"{post['_id']}/", headers=_GZIP))[2]["ETag"]
    for headers in ({**_GZIP, "If-None-Match": tag}, {"If-None-Match": tag}):
        status, body, _ = await service.get(f"{post['_id']}/", headers=headers)
        assert (status, body) == (304, None)
