"""What may be asked of the calls about replays; each error names the parameter and what is allowed."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from postpulse.collections import Document
from postpulse.replays import ID_PATTERN
from postpulse.web.problems import Problem

#: Posts that one replay names, at most.
MOST_POSTS = 10_000
MOST_BODY_BYTES = 1024 * 1024
MOST_LISTED = 1000

_Time = Annotated[datetime, msgspec.Meta(tz=True)]
#: Kafka's offsets have 63 bits.
_Offset = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_Partition = Annotated[str, msgspec.Meta(pattern=r"^(0|[1-9][0-9]{0,8})$")]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
_WAYS = ("all", "from, until", "offsets", "post_ids")


class StartParameters(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which records, and how fast."""

    all: bool = False
    from_: _Time | None = msgspec.field(default=None, name="from")
    until: _Time | None = None
    offsets: Annotated[dict[_Partition, tuple[_Offset, _Offset]], msgspec.Meta(min_length=1)] | None = None
    post_ids: Annotated[list[_Id], msgspec.Meta(min_length=1, max_length=MOST_POSTS)] | None = None
    into: Literal["new"] | None = None
    rate: Annotated[float, msgspec.Meta(ge=0.1, le=1_000_000)] | None = None
    dry_run: bool = False

    @property
    def selection(self) -> Document:
        """As `postpulse.replays.new_replay` takes it.

        Raises:
            Problem: 422; nothing is said, things that exclude one another, or what covers nothing.
        """
        timed = self.from_ is not None or self.until is not None
        ways = (self.all, timed, self.offsets is not None, self.post_ids is not None)
        given = [way for way, is_said in zip(_WAYS, ways, strict=True) if is_said]
        if len(given) != 1:
            nots = " and ".join(given) or "none"
            raise Problem(
                422,
                'Say which records: "all": true, or "from" and "until" (times; one will do), or "offsets" '
                f'({{"<partition>": [from, until]}}), or "post_ids"; one of them, not {nots}.',
                field=given[1].split(",")[0] if given else "all",
            )
        if self.into is not None and not self.all:
            raise Problem(
                422,
                f'into "new" takes all posts ("all": true), not {given[0]}.',
                field=given[0].split(",")[0],
            )
        if self.offsets is not None:
            for partition, (first, end) in self.offsets.items():
                if first >= end:
                    raise Problem(
                        422,
                        f"offsets of {partition} must be [from, until] with from < until.",
                        field="offsets",
                    )
            return {"offsets": {partition: list(span) for partition, span in self.offsets.items()}}
        if self.post_ids is not None:
            return {"post_ids": len(set(self.post_ids))}
        if self.all:
            return {"all": True}
        if self.from_ is not None and self.until is not None and self.from_ >= self.until:
            raise Problem(422, "until must be later than from.", field="until")
        times = {"from": self.from_, "until": self.until}
        return {name: time for name, time in times.items() if time is not None}


class ListParameters(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_LISTED)] = 100
    cursor: Annotated[str, msgspec.Meta(pattern=ID_PATTERN)] | None = None
