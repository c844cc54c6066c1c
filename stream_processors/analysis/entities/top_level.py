"""The top-level domains that there are, and where a host ends with one."""

import re
from importlib.util import find_spec
from itertools import dropwhile, takewhile
from pathlib import Path

_match_latin = re.compile("[A-Za-z0-9À-ÖØ-öø-ɏḀ-ỿ]+").match


def _load() -> frozenset[str]:
    """The last labels of all suffixes in the part of the public suffix list that is about ICANN's domains."""
    package = find_spec("publicsuffixlist")
    assert package is not None
    assert package.origin is not None
    # Line by line, and not through the package: it would keep ten times as much in memory as is wanted.
    with Path(package.origin).with_name("public_suffix_list.dat").open(encoding="utf-8") as lines:
        begun = dropwhile(lambda line: not line.startswith("// ===BEGIN ICANN DOMAINS==="), lines)
        entries = takewhile(lambda line: not line.startswith("// ===END ICANN DOMAINS==="), begun)
        # The last labels and not the suffixes of one label: some domains, such as .za, have only longer suffixes.
        labels = {
            line.rpartition(".")[2].strip().lower()
            for line in entries
            if not line.isspace() and not line.startswith("//")
        }
    encoded = {"xn--" + label.encode("punycode").decode() for label in labels if not label.isascii()}
    return frozenset(labels | encoded)


TOP_LEVEL_DOMAINS = _load()
"""Lower case, in Unicode and in punycode. As of the installed snapshot of the list; nothing is fetched."""

_LONGEST = max(map(len, TOP_LEVEL_DOMAINS))


def top_level_length(label: str) -> int:
    """How many code points of a host's last label, from its start, are a top-level domain; else 0.

    All of them, or those before a letter of another script: of `comです` three, since texts in scripts without
    spaces go on right behind a URL. Within such a script (`みんなです`) the longest possible.
    """
    if label.lower() in TOP_LEVEL_DOMAINS:
        return len(label)
    if label.isascii():
        return 0
    latin = _match_latin(label)
    if latin is None:
        for length in range(min(len(label) - 1, _LONGEST), 0, -1):
            if label[:length].lower() in TOP_LEVEL_DOMAINS:
                return length
        return 0
    end = latin.end()
    if latin[0].lower() in TOP_LEVEL_DOMAINS and label[end : end + 1] not in ("-", "_"):
        return end
    return 0
