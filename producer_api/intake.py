"""From the bytes of a request to a post, or to a problem that says what was wrong and what is allowed. Pure."""

import json
import re
import time
from datetime import datetime
from typing import Annotated

import msgspec

from postpulse.events import Post
from postpulse.post_ids import PostIds
from postpulse.settings import IntakeSettings
from postpulse.web.problems import Problem

MAX_NAME_LENGTH = 200
MAX_TAG_LENGTH = 100
MAX_IDEMPOTENCY_KEY_LENGTH = 255
_MAX_FUTURE_MS = 5 * 60 * 1000

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME_LENGTH)]
_Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TAG_LENGTH)]


class PostRequest(msgspec.Struct):
    """What a client sends; fields that are not named here are ignored."""

    content: str
    author: _Name | None = None
    created_at: str | None = None
    lang: str | None = None
    source: _Name | None = None
    tags: tuple[_Tag, ...] = ()
    idempotency_key: str | None = None
    """As the header Idempotency-Key, for each post of a batch."""


_decoder = msgspec.json.Decoder(PostRequest)
_FIELDS = tuple(f'"{name}"'.encode() for name in PostRequest.__struct_fields__)
#: RFC 3339: a date and time with seconds and an offset.
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
#: BCP 47, loosely: a language and subtags.
LANG = r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}"
_LANG = re.compile(LANG)
#: Where msgspec says that a value is, at the end of its message.
_AT = re.compile(r" - at `\$\.?(?P<field>[^`]*)`$")
_IDEMPOTENCY_KEY = re.compile(rf"[!-~]{{1,{MAX_IDEMPOTENCY_KEY_LENGTH}}}")


class Intake:
    """Makes posts from requests, with the limits in force."""

    def __init__(self, settings: IntakeSettings, ids: PostIds) -> None:
        self._settings = settings
        self._ids = ids
        self.max_body_bytes = settings.max_content_bytes * 6 + 65_536
        """Of one post as JSON, which may lengthen each character of its content six times (`\\u0001`)."""

    def post(self, body: bytes, idempotency_key: str | None = None, caller: str = "") -> Post:
        """The post in a JSON body.

        Args:
            body: as sent, unpacked.
            idempotency_key: the header of that name, which goes before the field; the same key, caller and
                content give the same post_id.
            caller: whose keys these are.

        Raises:
            Problem: 400 where the body is no JSON object, 413 where the content is too long, 422 where a field
                is not allowed.
        """
        request = _decode(body)
        now = time.time_ns() // 1_000_000
        content = self._content(request.content)
        _refuse_nul(request.author, "author")
        _refuse_nul(request.source, "source")
        if request.tags:
            self._check_tags(request.tags)
        post_id = self._post_id(content, idempotency_key, request.idempotency_key, caller)
        return Post(
            post_id=post_id,
            content=content,
            received_at=now,
            created_at=_created_at(request.created_at, now) if request.created_at is not None else now,
            author=request.author,
            lang=_lang(request.lang) if request.lang is not None else None,
            source=request.source,
            tags=request.tags,
        )

    def _check_tags(self, tags: tuple[str, ...]) -> None:
        if len(tags) > self._settings.max_tags:
            raise Problem(422, f"tags must be at most {self._settings.max_tags}.", field="tags")
        for index, tag in enumerate(tags):
            _refuse_nul(tag, f"tags[{index}]")

    def _post_id(self, content: str, header: str | None, field: str | None, caller: str) -> str:
        key = field if header is None else header
        if key is None:
            return self._ids.mint()
        for given, name, status in ((header, "Idempotency-Key", 400), (field, "idempotency_key", 422)):
            if given is not None and not _IDEMPOTENCY_KEY.fullmatch(given):
                allowed = f"1 to {MAX_IDEMPOTENCY_KEY_LENGTH} visible ASCII characters"
                raise Problem(status, f"{name} must be {allowed}.", field=name)
        return self._ids.derive(key, caller, content)

    def _content(self, content: str) -> str:
        limit = self._settings.max_content_bytes
        # UTF-8 takes four bytes a character at most, so that most posts need not be encoded to be measured.
        if len(content) * 4 > limit and len(content.encode()) > limit:
            raise Problem(
                413, f"content must be at most {limit} bytes of UTF-8.", field="content", limit=limit
            )
        if not content or content.isspace():
            raise Problem(422, "content must not be empty or blank.", field="content")
        _refuse_nul(content, "content")
        return content


def _decode(body: bytes) -> PostRequest:
    if not body:
        raise Problem(400, 'The body is empty; send a JSON object such as {"content": "..."}.')
    try:
        request = _decoder.decode(body)
    except msgspec.ValidationError as exc:
        raise _invalid(str(exc)) from None
    except msgspec.DecodeError as exc:
        raise Problem(400, f"The body is not JSON: {_malformed(body, str(exc))}.") from None
    except UnicodeDecodeError as exc:
        raise Problem(400, f"The body is not UTF-8: {exc.reason}.") from None
    except RecursionError:
        raise Problem(400, "The body is nested too deep.") from None
    # Each string under a name takes four quotation marks: with no more of them than that, no name is there twice.
    if body.count(b'"') != 4 * _strings(request):
        _refuse_duplicates(body)
    return request


def _strings(request: PostRequest) -> int:
    return (
        1
        + (request.author is not None)
        + (request.created_at is not None)
        + (request.lang is not None)
        + (request.source is not None)
        + (request.idempotency_key is not None)
    )


def _invalid(message: str) -> Problem:
    match = _AT.search(message)
    if match is not None:
        field = match["field"].replace("[...]", "[]")
        return Problem(422, f"{field}: {_lower(message[: match.start()])}.", field=field or None)
    missing = re.search(r"missing required field `(\w+)`", message)
    if missing is not None:
        return Problem(422, f"{missing[1]} is required.", field=missing[1])
    return Problem(422, f"The body must be a JSON object: {_lower(message)}.")


def _malformed(body: bytes, message: str) -> str:
    # msgspec calls an escaped half of a surrogate pair "truncated", which would send the caller the wrong way.
    if b"\\ud" in body.lower():
        try:
            json.loads(body)
        except (ValueError, RecursionError):
            pass
        else:
            return "it escapes a lone surrogate, which is no character"
    return _lower(message)


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]


def _refuse_duplicates(body: bytes) -> None:
    # A known field's name appears twice, or may hide behind an escape: then, and only then, look closely.
    if b"\\u" not in body:
        for quoted in _FIELDS:
            if body.count(quoted) > 1:
                break
        else:
            return
    try:
        # The outermost object is built last; objects inside unknown fields are none of our business.
        outermost = json.loads(body, object_pairs_hook=lambda pairs: [name for name, _ in pairs])
    except RecursionError:
        raise Problem(400, "The body is nested too deep.") from None
    for name in PostRequest.__struct_fields__:
        if outermost.count(name) > 1:
            raise Problem(400, f"{name} is given more than once.", field=name)


def _refuse_nul(text: str | None, field: str) -> None:
    if text is not None and "\0" in text:
        raise Problem(422, f"{field} must not contain the character NUL (U+0000).", field=field)


def _created_at(text: str, now: int) -> int:
    if not _RFC_3339.fullmatch(text):
        raise Problem(
            422,
            "created_at must be an RFC 3339 time with an offset, such as 2026-01-31T12:00:00Z.",
            field="created_at",
        )
    try:
        written = datetime.fromisoformat(text.upper())
    except ValueError as exc:
        raise Problem(422, f"created_at is no time that exists: {exc}.", field="created_at") from None
    milliseconds = round(written.timestamp() * 1000)
    if milliseconds < 0:
        raise Problem(422, "created_at must not be before 1970.", field="created_at")
    if milliseconds > now + _MAX_FUTURE_MS:
        raise Problem(422, "created_at must not be more than 5 minutes in the future.", field="created_at")
    return milliseconds


def _lang(text: str) -> str:
    if not _LANG.fullmatch(text):
        raise Problem(422, "lang must be a BCP 47 language tag, such as en or pt-br.", field="lang")
    return text.lower()
