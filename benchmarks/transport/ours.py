"""postpulse's runtime: an agent over record batches, sending with the publisher."""

import os

import msgspec
import uvloop

from postpulse.garbage import tune_garbage_collection
from postpulse.kafka.publisher import Publisher, Record
from postpulse.settings import load_settings
from stream_processors.runtime.batch_app import add_agent, create_batch_app
from stream_processors.runtime.batches import RecordBatch
from stream_processors.runtime.retries import Safeguards
from stream_processors.runtime.slices import Slices


class Post(msgspec.Struct):
    post_id: str
    content: str


class Length(msgspec.Struct):
    post_id: str
    length: int


async def main() -> None:
    decode = msgspec.json.Decoder(Post).decode
    encode = msgspec.json.Encoder().encode
    settings = load_settings()
    destination = os.environ["DESTINATION"]
    publisher = Publisher(settings.kafka, "benchmark")
    publisher.start()

    async def process(batch: RecordBatch) -> None:
        records = []
        async with Slices() as slices:
            for record in batch:
                await slices.pause()
                post = decode(record.value or b"")
                value = encode(Length(post.post_id, len(post.content)))
                records.append(Record(destination, record.key, value, []))
        await publisher.publish(records)

    safeguards = Safeguards(settings.worker)
    app = create_batch_app("benchmark-ours", settings, safeguards)
    add_agent(app, "benchmark", os.environ["SOURCE"], process, settings.worker.concurrency, safeguards)
    tune_garbage_collection()
    await app.start()
    await app.wait_until_stopped()


uvloop.run(main())
