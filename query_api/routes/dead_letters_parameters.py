"""What may be asked of the calls about dead letters; each error names the parameter and what is allowed."""

import re
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from postpulse.dead_letters import key_of_id, letter_id
from postpulse.web.problems import Problem
from query_api.queries.dead_letters import Filters, Place

#: Letters that one request looks at, at most.
MOST = 1000
#: 1,000 ids with the longest names that topics may have fit.
MOST_BODY_BYTES = 512 * 1024
#: What the broker takes of one record.
MOST_VALUE_BYTES = 8 * 1024 * 1024

#: MongoDB refuses to look for a null character.
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=r"^[^\x00]*$")]
_Time = Annotated[datetime, msgspec.Meta(tz=True)]
_CURSOR = re.compile(r"(?P<milliseconds>[0-9]{1,14})_(?P<id>.*)")
_FILTERS = ("stage", "reason", "error_class", "post_id", "topic", "from_", "until")


class _Parameters(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The filters, as `Filters` describes them, and pages."""

    stage: _Text | None = None
    reason: _Text | None = None
    error_class: _Text | None = None
    post_id: _Text | None = None
    topic: _Text | None = None
    from_: _Time | None = msgspec.field(default=None, name="from")
    until: _Time | None = None
    cursor: Annotated[str, msgspec.Meta(max_length=1000)] | None = None

    @property
    def filters(self) -> Filters:
        return Filters(**{name: getattr(self, name) for name in _FILTERS})

    @property
    def after(self) -> Place | None:
        """Where the page begins.

        Raises:
            Problem: 422; it is no cursor of ours.
        """
        if self.cursor is None:
            return None
        found = _CURSOR.fullmatch(self.cursor)
        key = key_of_id(found["id"]) if found else None
        if found is None or key is None:
            raise Problem(422, "cursor must be the next_cursor of an answer, unchanged.", field="cursor")
        return datetime.fromtimestamp(int(found["milliseconds"]) / 1000, UTC), key


class ListParameters(_Parameters, kw_only=True, forbid_unknown_fields=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST)] = 100


class LetterParameters(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    max_value_bytes: Annotated[int, msgspec.Meta(ge=1, le=MOST_VALUE_BYTES)] | None = None


class ActionParameters(_Parameters, kw_only=True, forbid_unknown_fields=True):
    ids: Annotated[list[_Text], msgspec.Meta(min_length=1, max_length=MOST)] | None = None
    all: bool = False
    dry_run: bool = False
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST)] = MOST

    @property
    def which(self) -> Filters | list[str]:
        """Filters, or keys of letters.

        Raises:
            Problem: 422; nothing is said, or things that exclude one another.
        """
        filters = self.filters
        ways = [
            name
            for name, said in (
                ("ids", self.ids is not None),
                ("all", self.all),
                ("filters", filters != Filters()),
            )
            if said
        ]
        if len(ways) != 1:
            given = f", not {' and '.join(ways)} together" if ways else ""
            raise Problem(
                422,
                f'Say which letters: "ids", or filters (stage, reason, error_class, post_id, topic, from, until), '
                f'or "all": true{given}.',
            )
        if self.ids is None:
            return filters
        keys = [key_of_id(text) for text in self.ids]
        if None in keys:
            raise Problem(
                422,
                f"ids must be ids of dead letters, such as posts.v1-3-1042; {self.ids[keys.index(None)]} is none.",
                field="ids",
            )
        # Each once, in the order given.
        return list(dict.fromkeys(key for key in keys if key is not None))


def cursor_of(place: Place) -> str:
    """A place as a cursor, for `_Parameters.after`."""
    time, key = place
    return f"{round(time.timestamp() * 1000)}_{letter_id(key)}"
