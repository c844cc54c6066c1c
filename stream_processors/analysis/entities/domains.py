"""The domain of a URL, in one canonical form."""

import re

import idna

_match_scheme = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.\-]*:)?//").match
_find_end = re.compile(r"[/?#\\]").search
_find_delimiter = re.compile(r"[/?#\\@:\s]").search
_PORT = re.compile(r":[0-9]*\Z")

#: Longer ones are no names of the DNS; normalizing them would take time quadratic in their marks.
_LONGEST = 253
_LONGEST_LABEL = 63


def domain(url: str) -> str:
    """The host of a URL, as what its domain is counted under.

    Lower case; internationalized names in Unicode, whether written so or in punycode (mapped by UTS #46, so
    `BÜCHER.example`, `xn--bcher-kva.example` and `bücher。example` are one); without user, password, port, a
    final dot and a leading `www.` (unless only a top-level domain would be left). What UTS #46 does not allow
    stays as written, in lower case.

    Args:
        url: a URL as `extract` finds them, with or without a scheme; any other string is answered too.

    Returns:
        The domain; empty where the string has no host.
    """
    scheme = _match_scheme(url)
    start = scheme.end() if scheme is not None else 0
    end = _find_end(url, start)
    host = url[start : end.start() if end is not None else len(url)].rpartition("@")[2]
    host = _PORT.sub("", host).lower()
    if not host.isascii() or "xn--" in host:
        host = _in_unicode(host)
    host = host.rstrip(".")
    shorter = host.removeprefix("www.")
    return shorter if "." in shorter else host


def _in_unicode(host: str) -> str:
    if len(host) > _LONGEST:
        return host
    try:
        mapped = idna.uts46_remap(host, std3_rules=False)
    except UnicodeError:
        return host
    # Wide signs are mapped to those that end a host.
    if _find_delimiter(mapped) is not None:
        return host
    return ".".join(map(_decoded, mapped.split(".")))


def _decoded(label: str) -> str:
    if not label.startswith("xn--") or len(label) > _LONGEST_LABEL:
        return label
    try:
        decoded = label[4:].encode("ascii").decode("punycode")
        # Only what needs punycode, and is mapped already, may be written in it: `xn--google-` is not `google`.
        genuine = not decoded.isascii() and idna.uts46_remap(decoded, std3_rules=False) == decoded
    except UnicodeError:
        return label
    return decoded if genuine else label
