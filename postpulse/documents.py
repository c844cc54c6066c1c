"""Parts of documentation pages that are written by the code they describe; `make docs` writes, a test compares."""


def written_between(page: str, part: str, text: str) -> str:
    """The page with this text between the two marks of a part.

    Args:
        page: Markdown, with `<!-- PART: written by `make docs` -->` and `<!-- end of PART -->`.
        part: the name in the marks.
        text: what stands between them, whatever stood there before.

    Raises:
        ValueError: the page has no such marks.
    """
    begin, end = f"<!-- {part}: written by `make docs` -->", f"<!-- end of {part} -->"
    before, found, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"the page has no {begin} … {end}")
    return f"{before}{begin}\n{text}\n{end}{after}"
