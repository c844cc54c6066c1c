"""One post as OpenAPI shows it: itself, its analysis, its states."""

from typing import Any

POST_ID = "06H0PWG1ZJ330SQAZXQFTHRVQ56XGG0F"
CONTENT = "Kafka keeps every post, and I love it! @ada #kafka"
_SENT: dict[str, Any] = {
    "created_at": "2026-01-31T12:00:00.000Z",
    "received_at": "2026-01-31T12:00:00.412Z",
    "revision": 1042,
    "author": "grace",
    "tags": ["greeting"],
}
#: What the analysis says of the content.
METRICS: dict[str, Any] = {
    "num_of_words": 10,
    "num_of_characters_in_words": 37,
    "avg_word_len": 3.7,
    "longest_word": "keeps",
    "longest_word_len": 5,
    "num_of_unique_words": 9,
    "type_token_ratio": 0.9,
    "keywords": [
        {"word": "kafka", "count": 2},
        {"word": "ada", "count": 1},
        {"word": "love", "count": 1},
        {"word": "post", "count": 1},
    ],
    "num_of_characters": 50,
    "num_of_graphemes": 50,
    "num_of_sentences": 2,
    "avg_sentence_len": 5.0,
    "flesch_reading_ease": 74.86,
    "language": "en",
    "language_confidence": 0.91,
    "sentiment": 0.7147059940483435,
    "sentiment_label": "positive",
    "sentiment_positive": 0.3128,
    "sentiment_negative": 0.0,
    "sentiment_neutral": 0.6872,
    "num_of_positive_sentences": 1,
    "num_of_negative_sentences": 0,
    "num_of_neutral_sentences": 1,
    "sentiment_words": [{"word": "love", "valence": 3.2}],
    "sentiment_missing": None,
    "num_of_hashtags": 1,
    "hashtags": ["kafka"],
    "num_of_mentions": 1,
    "mentions": ["ada"],
    "num_of_cashtags": 0,
    "cashtags": [],
    "num_of_urls": 0,
    "domains": [],
    "num_of_emoji": 0,
    "emoji": [],
    "entities": [
        {"kind": "mention", "start": 39, "end": 43, "value": "ada"},
        {"kind": "hashtag", "start": 44, "end": 50, "value": "kafka"},
    ],
}
ANALYSIS: dict[str, Any] = {
    "post_id": POST_ID,
    "status": "analyzed",
    **METRICS,
    "analysis_version": 3,
    "analysis_us": 250,
    "chunks": 1,
    "approximate": [],
    "analyzed_at": "2026-01-31T12:00:00.437Z",
    **_SENT,
}
POST: dict[str, Any] = {"post_id": POST_ID, "status": "analyzed", "content": CONTENT, **_SENT}
UNDER_WAY: dict[str, Any] = {"post_id": POST_ID, "status": "analyzing"}
STATUSES: list[dict[str, Any]] = [
    {"post_id": POST_ID, "status": "analyzed", "chunks": 1, "analyzed_at": "2026-01-31T12:00:00.437Z"},
    {"post_id": POST_ID, "status": "analyzing", "chunks": 4, "chunks_done": 3},
]
