"""The public conformance cases of twitter-text: every exception is listed here with its reason."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from stream_processors.analysis.entities import extract
from stream_processors.analysis.entities.top_level import TOP_LEVEL_DOMAINS

#: group -> (kind of entity, key of the value in cases with indices, how many cases there are)
GROUPS = {
    "hashtags": ("hashtag", "hashtag", 65),
    "hashtags_from_astral": ("hashtag", "hashtag", 3),
    "hashtags_with_indices": ("hashtag", "hashtag", 8),
    "mentions": ("mention", "screen_name", 23),
    "mentions_with_indices": ("mention", "screen_name", 3),
    "cashtags": ("cashtag", "cashtag", 8),
    "cashtags_with_indices": ("cashtag", "cashtag", 2),
    "urls": ("url", "url", 91),
    "urls_with_indices": ("url", "url", 10),
    "urls_with_directional_markers": ("url", "url", 2),
    "tco_urls_with_params": ("url", "url", 5),
}

#: Domains that the cases know and that are gone: taken back by their owners after the cases were made, or
#: reserved for a country and never delegated (bl, bq, eh, mf, um). The list of those that there are wins.
GONE = {
    "an", "bl", "bq", "eh", "mf", "tp", "um", "abarth", "active", "adac", "afamilycompany", "aigo",
    "alfaromeo", "avianca", "bananarepublic", "bentley", "blanco", "bnl", "boots", "budapest", "bugatti",
    "cancerresearch", "cartier", "caseih", "cbs", "ceb", "chloe", "chrysler", "cityeats", "comcast",
    "cookingchannel", "csc", "dabur", "dodge", "doha", "doosan", "duck", "dunlop", "duns", "epost",
    "esurance", "etisalat", "everbank", "fiat", "flsmidth", "foodnetwork", "frontdoor", "fujixerox", "glade",
    "goo", "goodhands", "guardian", "hgtv", "honeywell", "hoteles", "htc", "iinet", "intel", "iselect",
    "iveco", "iwc", "jcp", "jlc", "juniper", "kerrylogistics", "kinder", "ladbrokes", "lancaster", "lancia",
    "lancome", "liaison", "linde", "lipsy", "lixil", "loft", "lupin", "macys", "maserati", "mcd", "mcdonalds",
    "meo", "metlife", "mobily", "montblanc", "mopar", "movistar", "mtpc", "mutual", "mutuelle", "nadex",
    "nationwide", "natura", "newholland", "northwesternmutual", "off", "oldnavy", "onyourside",
    "orientexpress", "pamperedchef", "panerai", "passagens", "piaget", "pramerica", "qvc", "raid", "redstone",
    "rightathome", "rmit", "rocher", "sapo", "sca", "scjohnson", "scor", "ses", "shaw", "showtime", "shriram",
    "spiegel", "spreadbetting", "srt", "starhub", "statoil", "swiftcover", "symantec", "telecity",
    "telefonica", "tiffany", "travelchannel", "uconnect", "vista", "vistaprint", "volkswagen", "vuelos",
    "warman", "wolterskluwer", "xfinity", "xperia", "zippo", "诺基亚", "珠宝", "手表", "工行", "大众汽车",
    "موبايلي", "اتصالات",
}  # fmt: skip


def cases(test_data: Path, name: str, group: str) -> list[dict[str, Any]]:
    loaded = yaml.safe_load((test_data / "twitter-text" / name).read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = loaded["tests"][group]
    return found


@pytest.mark.parametrize("group", GROUPS)
def test_extract(group: str, test_data: Path) -> None:
    kind, key, count = GROUPS[group]
    given = cases(test_data, "extract.yml", group)
    assert len(given) == count
    for case in given:
        entities = [entity for entity in extract(case["text"]) if entity.kind == kind]
        if case["expected"] and isinstance(case["expected"][0], dict):
            found: list[Any] = [
                {key: entity.value, "indices": [entity.start, entity.end]} for entity in entities
            ]
        else:
            found = [entity.value for entity in entities]
        assert found == case["expected"], case["description"]


def test_mentions_of_lists(test_data: Path) -> None:
    """Exception: `@user/list` mentions the user. The list behind it, a feature of one platform, is text."""
    given = cases(test_data, "extract.yml", "mentions_or_lists_with_indices")
    assert len(given) == 5
    for case in given:
        assert [
            (entity.value, entity.start, entity.end)
            for entity in extract(case["text"])
            if entity.kind == "mention"
        ] == [
            (
                expected["screen_name"],
                expected["indices"][0],
                expected["indices"][1] - len(expected["list_slug"]),
            )
            for expected in case["expected"]
        ]


def test_replies_begin_with_a_mention(test_data: Path) -> None:
    given = cases(test_data, "extract.yml", "replies")
    assert len(given) == 13
    for case in given:
        text = case["text"]
        replied_to = [
            entity.value
            for entity in extract(text)
            if entity.kind == "mention" and not text[: entity.start].strip()
        ]
        assert replied_to == ([case["expected"]] if case["expected"] else []), case["description"]


@pytest.mark.parametrize(("group", "count"), [("country", 315), ("generic", 1259)])
def test_top_level_domains(group: str, count: int, test_data: Path) -> None:
    given = cases(test_data, "tlds.yml", group)
    assert len(given) == count
    for case in given:
        found = [entity.value for entity in extract(case["text"])]
        if case["text"].rpartition(".")[2] in GONE:
            assert found == []
        else:
            assert found == case["expected"], case["description"]


def test_what_is_gone_is_gone() -> None:
    assert len(GONE) == 145
    assert GONE.isdisjoint(TOP_LEVEL_DOMAINS)
