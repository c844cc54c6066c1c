"""Follow the finished analyses with confluent-kafka: a line for each result, from the first one on."""

import json
import os

from confluent_kafka import Consumer

consumer = Consumer(
    {
        "bootstrap.servers": os.environ.get("POSTPULSE_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092"),
        # Readers of one group share the partitions; another group has a place of its own.
        "group.id": "example-confluent",
        "auto.offset.reset": "earliest",
    }
)
prefix = os.environ.get("POSTPULSE_KAFKA_TOPIC_PREFIX", "")
consumer.subscribe([f"{prefix}post-analyses.v1"])
try:
    while True:
        record = consumer.poll(1.0)
        if record is None:
            continue
        if record.error() is not None:
            raise SystemExit(record.error().str())
        post_id = record.key().decode()
        if record.value() is None:
            print(post_id, "deleted", flush=True)
        else:
            analysis = json.loads(record.value())
            metrics = analysis["metrics"]
            print(
                post_id, analysis["revision"], metrics["num_of_words"], metrics["sentiment_label"], flush=True
            )
except KeyboardInterrupt:
    pass
finally:
    # Commits how far we have come.
    consumer.close()
