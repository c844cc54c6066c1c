"""The one error of the embedded servers."""


class EmbeddedError(Exception):
    """An embedded server cannot run here; the message says why and what to do, in a sentence or two."""
