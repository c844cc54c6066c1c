"""Every metric of every service, declared once. Named as Prometheus does: base units, `_total`."""

from prometheus_client import Counter, Gauge, Histogram

from postpulse.telemetry.loop_metrics import LoopCounter, LoopHistogram

_LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SIZE_BUCKETS = (1, 5, 10, 50, 100, 250, 500, 1000, 5000)

# HTTP, both APIs. `route` is the pattern, never the path: ids must not become labels. Its `_count` counts requests.
HTTP_SECONDS = LoopHistogram(
    "postpulse_http_request_seconds",
    "Time to answer",
    ["method", "route", "status"],
    buckets=_LATENCY_BUCKETS,
)
HTTP_IN_FLIGHT = Gauge("postpulse_http_requests_in_flight", "Requests being answered")

# Intake.
POSTS_ACCEPTED = LoopCounter(
    "postpulse_posts_accepted", "Posts acknowledged by the brokers (log) or durable on disk (spool)", ["how"]
)
POSTS_REFUSED = Counter("postpulse_posts_refused", "Posts refused", ["reason"])
BROKER_REACHABLE = Gauge("postpulse_broker_reachable", "1 while a broker can be reached")
BROKER_REACHABLE.set(1)
SPOOL_BYTES = Gauge("postpulse_spool_bytes", "What the spool holds")
SPOOL_RECORDS = Gauge("postpulse_spool_records", "Records that the spool holds")
SPOOL_OLDEST_AGE_SECONDS = Gauge(
    "postpulse_spool_oldest_age_seconds", "Age of the oldest record in the spool"
)
SPOOL_DRAINED = Counter("postpulse_spool_drained_records", "Records that went from the spool into the log")

# Stream processors.
RECORDS_PROCESSED = Counter("postpulse_records_processed", "Records finished", ["stage"])
BATCH_RECORDS = Histogram("postpulse_batch_records", "Records in a batch", ["stage"], buckets=_SIZE_BUCKETS)
BATCH_SECONDS = Histogram(
    "postpulse_batch_seconds", "Time to finish a batch", ["stage"], buckets=_LATENCY_BUCKETS
)
BATCH_RETRIES = Counter("postpulse_batch_retries", "Attempts of a batch that failed for a while", ["stage"])
DEAD_LETTERS = Counter("postpulse_dead_letters", "Records dead-lettered", ["stage", "error_class"])
PARTITIONS_STOPPED = Gauge(
    "postpulse_partitions_stopped",
    "Partitions that wait since too many of their stage's records fail",
    ["stage"],
)
BATCHES_SPLIT = Counter(
    "postpulse_batches_split", "Batches cut in two to find the record that fails", ["stage"]
)
FENCED = Counter("postpulse_batches_fenced", "Transactions refused by their checkpoint", ["stage"])
RECORDS_LOST = Counter(
    "postpulse_records_lost", "Offsets that were gone from the log before they were read", ["topic"]
)
LOGS_BEGUN_AGAIN = Counter(
    "postpulse_logs_begun_again", "Logs read from their start, as they are others than before", ["topic"]
)
LOGS_STOPPED = Gauge(
    "postpulse_logs_stopped", "Topics and partitions that are not read since their log is not whole"
)
POST_AGE_SECONDS = Histogram(
    "postpulse_post_age_seconds",
    "From the API's acceptance of a post to its analysis being stored",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
PARTITIONS_ASSIGNED = Gauge("postpulse_partitions_assigned", "Partitions owned by this worker", ["topic"])
LOOP_LAG_SECONDS = Gauge("postpulse_event_loop_lag_seconds", "Longest block of the event loop of late")

COUNTERS_FOLDED = Counter(
    "postpulse_counters_folded_documents", "Old counter documents that this worker folded into coarser ones"
)
REPLAY_COPIED = Counter("postpulse_replay_copied_records", "Records that this worker copied for replays")
REPLAY_RECORDS = Counter(
    "postpulse_replay_records",
    "Replayed records that changed a post, changed nothing, or were given up",
    ["how"],
)
REPLAY_RUNNING = Gauge("postpulse_replay_running", "1 while this worker drives a replay")

# Queries.
DEAD_LETTERS_SETTLED = Counter(
    "postpulse_dead_letters_settled", "Dead letters redriven or discarded", ["how"]
)
CACHE_ANSWERS = Counter(
    "postpulse_cache_answers",
    "Answers kept before (hit), made (miss), or old and the database away (stale)",
    ["how"],
)
CACHE_BYTES = Gauge("postpulse_cache_bytes", "Answers that this process keeps")
WAITERS = Gauge("postpulse_waiters", "Requests that wait for an analysis")
FEED_UP = Gauge("postpulse_feed_up", "1 while the feed of finished analyses is answered by the brokers")
FEED_LAG = Gauge("postpulse_feed_lag_records", "Finished analyses that the feed has not seen yet")
STREAMS = Gauge("postpulse_streams", "Streams of finished analyses that are open")
STREAM_EVENTS = LoopCounter(
    "postpulse_stream_events", "Results and deletes told to streams, each one counted"
)
STREAM_RESUMES = Counter(
    "postpulse_stream_resumes",
    "Streams that went on where their reader was, or were told that they cannot (reset)",
    ["how"],
)
STREAMS_CUT_OFF = Counter("postpulse_streams_cut_off", "Streams ended since their readers were too slow")
