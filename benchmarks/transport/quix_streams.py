"""Quix Streams as its documentation shows it: a streaming data frame from topic to topic."""

import os
import tempfile

from quixstreams import Application

app = Application(
    broker_address=os.environ["BOOTSTRAP_SERVERS"],
    consumer_group=os.environ["GROUP"],
    auto_offset_reset="earliest",
    auto_create_topics=False,
    producer_extra_config={"acks": "all"},
    state_dir=tempfile.mkdtemp(),
    loglevel="WARNING",
)
source = app.topic(os.environ["SOURCE"], key_deserializer="bytes", value_deserializer="json")
destination = app.topic(os.environ["DESTINATION"], key_serializer="bytes", value_serializer="json")
frame = app.dataframe(source)
frame = frame.apply(lambda post: {"post_id": post["post_id"], "length": len(post["content"])})
frame.to_topic(destination)
app.run()
