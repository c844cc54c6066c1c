"""Follow the finished analyses with aiokafka: a line for each result, from the first one on."""

import asyncio
import json
import os

from aiokafka import AIOKafkaConsumer


async def main() -> None:
    prefix = os.environ.get("POSTPULSE_KAFKA_TOPIC_PREFIX", "")
    consumer = AIOKafkaConsumer(
        f"{prefix}post-analyses.v1",
        bootstrap_servers=os.environ.get("POSTPULSE_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092"),
        # Readers of one group share the partitions; another group has a place of its own.
        group_id="example-aiokafka",
        auto_offset_reset="earliest",
    )
    async with consumer:
        async for record in consumer:
            post_id = record.key.decode()
            if record.value is None:
                print(post_id, "deleted", flush=True)
            else:
                analysis = json.loads(record.value)
                metrics = analysis["metrics"]
                print(
                    post_id,
                    analysis["revision"],
                    metrics["num_of_words"],
                    metrics["sentiment_label"],
                    flush=True,
                )


try:
    asyncio.run(main())
except KeyboardInterrupt:
    pass
