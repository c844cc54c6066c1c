"""Faust as its documentation shows it: an agent over values, sending to a topic."""

import os
import tempfile

import faust
import msgspec

app = faust.App(
    os.environ["GROUP"],
    broker=f"kafka://{os.environ['BOOTSTRAP_SERVERS']}",
    value_serializer="raw",
    key_serializer="raw",
    topic_disable_leader=True,
    topic_allow_declare=False,
    web_enabled=False,
    store="memory://",
    producer_acks=-1,
    consumer_auto_offset_reset="earliest",
    datadir=tempfile.mkdtemp(),
)
source = app.topic(os.environ["SOURCE"], key_type=bytes, value_type=bytes)
destination = app.topic(os.environ["DESTINATION"], key_type=bytes, value_type=bytes)


class Post(msgspec.Struct):
    post_id: str
    content: str


class Length(msgspec.Struct):
    post_id: str
    length: int


decode = msgspec.json.Decoder(Post).decode
encode = msgspec.json.Encoder().encode


@app.agent(source)
async def work(stream: faust.Stream) -> None:
    async for key, value in stream.items():
        post = decode(value)
        await destination.send(key=key, value=encode(Length(post.post_id, len(post.content))))


if __name__ == "__main__":
    app.finalize()
    faust.Worker(app, loglevel="WARN").execute_from_commandline()
