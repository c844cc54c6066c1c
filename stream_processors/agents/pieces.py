"""What a piece of a post must say beyond its form, for the stages that read pieces of posts."""

from postpulse.events import Chunk, ChunkAnalysis, UndecodableError
from postpulse.post_ids import id_in

#: MongoDB stores no larger numbers, nor do the events that tell of them.
_MOST = 2**63 - 1
#: A sum over the chunks of a post is stored too.
_MOST_MICROSECONDS = 2**53 - 1


def check_piece(piece: Chunk | ChunkAnalysis) -> None:
    """Refuse a chunk, or its partial result, that no post can have.

    Raises:
        UndecodableError: it names no post, or a number in it is out of its range.
    """
    if id_in(piece.post_id.encode()) is None:
        raise UndecodableError(f"its post_id is no post_id: {piece.post_id[:100]!r}")
    if not 0 <= piece.index < piece.count <= _MOST:
        raise UndecodableError(f"its index is {piece.index} of {piece.count} chunks")
    if not (0 <= piece.place.partition <= _MOST and 0 <= piece.place.offset <= _MOST):
        raise UndecodableError(f"its place is {piece.place.partition}/{piece.place.offset}")
    if isinstance(piece, Chunk):
        if not 0 <= piece.start <= _MOST:
            raise UndecodableError(f"it starts at {piece.start}")
    elif not (0 <= piece.took_us <= _MOST_MICROSECONDS and abs(piece.analysis_version) <= _MOST):
        raise UndecodableError(
            f"its analysis_version is {piece.analysis_version}, and took {piece.took_us} microseconds"
        )
