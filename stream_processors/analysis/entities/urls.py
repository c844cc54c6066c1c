"""URLs: of the web, with or without a scheme, whose host ends in a top-level domain that there is."""

import re

import regex

from stream_processors.analysis.entities.entity import Entity
from stream_processors.analysis.entities.top_level import TOP_LEVEL_DOMAINS, top_level_length

_LATIN = r"A-Za-z0-9À-ÖØ-öø-ɏḀ-ỿ"
# Behind a scheme, hosts have letters and symbols of all scripts, and the joiners that Persian needs.
_ANY = r"[\p{L}\p{M}\p{N}\p{So}\u200C\u200D_\-]"
# Without a scheme they are Latin, since in scripts without spaces the text around them is no part of them. But
# the last label may be of another script.
_OTHER = rf"[{_ANY}--[{_LATIN}_\-]]"

# A run of characters that a host may have. Whether it is one is decided afterwards: the pattern takes the run
# as a whole, so that no character is looked at twice.
_find_run = regex.compile(
    rf"""
    (?<![{_LATIN}])
    (?P<scheme>[Hh][Tt][Tt][Pp][Ss]?+:// (?:[A-Za-z0-9._~%!$&'()*+,;=:\-]{{1,64}}+@)?+ )
    (?P<host> {_ANY}++ (?:\.{_ANY}++)++ )
    |
    (?<![{_LATIN}_\-])
    (?P<host> [{_LATIN}_\-]++ (?: (?:\.[{_LATIN}_\-]++)++ (?:\.{_OTHER}++)?+ | \.{_OTHER}++ ) )
    """,
    regex.VERSION1 | regex.VERBOSE,
).search

# What most runs are: one in ASCII that begins a word. Several times as fast, and no more.
_match_plain = re.compile(
    r"(?:\s|(?<!\S))([Hh][Tt][Tt][Pp][Ss]?://)?([A-Za-z0-9_\-]++(?:\.[A-Za-z0-9_\-]++)++)(?=[/?#\s]|\Z)"
).match

# Paths have Latin, Greek, Cyrillic, Hebrew and Arabic letters: scripts with spaces between words. Parentheses
# come in pairs, up to two deep.
_CHARACTERS = (
    rf"[{_LATIN}\u0370-\u052F\u0591-\u05F4\u0610-\u061A\u0620-\u06D3\u06D5-\u06FF\u1F00-\u1FFE"
    r"!*';:=+,.$/%#\[\]–_~@|&?\-]++"
)
_TAIL = rf"(?:{_CHARACTERS}|\((?:{_CHARACTERS}|\((?:{_CHARACTERS})?+\))*+\))*+"
_match_tail = re.compile(rf"[/?]{_TAIL}").match
_match_tail_after_scheme = re.compile(rf"[/?#]{_TAIL}").match
_match_query = re.compile(rf"\?{_TAIL}").match
_match_port = re.compile(r":[0-9]{1,5}(?![0-9])").match
_match_slug = re.compile(r"/[A-Za-z0-9]+").match

#: What ends the sentence and not the URL.
_TRAILING = "!*';:,.$%[]|@~?–"
#: Code points. DNS counts octets of the encoded name; who writes that much is not naming a host.
_LONGEST_HOST = 253
_LONGEST_LABEL = 63
_LONGEST_SLUG = 40

_find_labels = re.compile(r"\.([A-Za-z0-9À-ÖØ-öø-ɏḀ-ỿ\-]+|[^\W\d_])").finditer


def find_urls(text: str) -> list[Entity]:
    """The URLs of a text, in order; the value is the URL as written."""
    found: list[Entity] = []
    if "." not in text:
        return found
    place = 0
    # Most full stops of a text are seen here not to be those of a host, which spares the look for one.
    for label in _find_labels(text):
        dot = label.start()
        if dot < place or (label[1].isascii() and label[1].lower() not in TOP_LEVEL_DOMAINS):
            continue
        # No host begins before the last space before its dot.
        place = max(place, text.rfind(" ", place, dot))
        while place <= dot:
            run = _match_plain(text, place) or _find_run(text, place)
            if run is None:
                return found
            scheme, host = run.group(1, 2)
            place = run.end()
            start = run.start(1 if scheme else 2)
            end = _host_end(text, start, place, scheme, host)
            if end == place:
                end, place = _url_end(text, end, scheme, host)
            if end:
                found.append(Entity("url", start, end, text[start:end]))
    return found


def _host_end(text: str, start: int, end: int, scheme: str | None, host: str) -> int:
    """Where the host ends that a run from `start` to `end` begins with; 0 if it begins with none."""
    # Parts of a tag, a mention or an e-mail address; without a scheme also of a path or of a longer run.
    if start and text[start - 1] in ("@＠#＃$" if scheme else "@＠#＃$./"):
        return 0
    if text[end : end + 1] in ("@", "+"):
        return 0
    longest = end - len(host) + _LONGEST_HOST
    labels = host.split(".")
    whole = True
    while True:
        last = labels.pop()
        length = top_level_length(last)
        if length and (whole or length < len(last)):
            break
        # What other scripts write behind the full stop may be the next sentence, not a label.
        whole = not last[0].isascii()
        end -= len(last) + 1
        if len(labels) < 2:
            return 0
    end += length - len(last)
    if end > longest or "_" in labels[-1] or not all(map(_is_label, labels)):
        return 0
    return end


def _is_label(label: str) -> bool:
    if len(label) > _LONGEST_LABEL or label[0] in "-_" or label[-1] in "-_":
        return False
    return label.isascii() or label[:4].lower() != "xn--"


def _url_end(text: str, end: int, scheme: str | None, host: str) -> tuple[int, int]:
    """Where a URL ends whose host ends at `end` (0 if it is none), and from where to look for the next."""
    if host.lower() == "t.co" and (slug := _match_slug(text, end)) is not None:
        # X's short links: what follows the slug is text, but for a query.
        end = slug.end()
        if end - slug.start() > 1 + _LONGEST_SLUG:
            return 0, end
        tail = _match_query(text, end)
    else:
        if (port := _match_port(text, end)) is not None:
            end = port.end()
        tail = (_match_tail_after_scheme if scheme else _match_tail)(text, end)
    if tail is None:
        return end, end
    return end + len(tail[0].rstrip(_TRAILING)), tail.end()
