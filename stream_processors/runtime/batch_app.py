"""A Faust app whose agents iterate over record batches."""

import ssl
from typing import Any, cast

import faust
from faust.types import StreamT

from postpulse.settings import KafkaSettings, Settings
from postpulse.topics import group_name
from stream_processors.runtime.batches import RecordBatch
from stream_processors.runtime.continuity import Continuity
from stream_processors.runtime.offsets import BatchLimits
from stream_processors.runtime.retries import Process, Safeguards, work
from stream_processors.runtime.transport import BatchConsumer, BatchTopic, batch_transport

_METADATA_AGE_MS = 3_000


class _App(faust.App):
    def _create_directories(self) -> None:
        """None: they are for tables, which there are none of, and a killed worker would leave them behind."""


def create_batch_app(
    group: str, settings: Settings, safeguards: Safeguards, continuity: Continuity | None = None
) -> faust.App:
    """The app, without agents.

    Args:
        group: of consumers, which share the partitions; without the prefix that the settings add.
        settings: of the whole product.
        safeguards: of this worker.
        continuity: of this worker. None: whatever is gone from a log is passed over.
    """
    worker = settings.worker
    app = _App(
        group_name(group, settings.kafka),
        broker=[f"kafka://{address}" for address in settings.kafka.bootstrap_servers.split(",")],
        broker_credentials=_credentials(settings.kafka),
        broker_commit_interval=worker.commit_interval_seconds,
        broker_session_timeout=worker.session_timeout_seconds,
        # How long members may take to finish what is revoked and join again.
        broker_rebalance_timeout=worker.session_timeout_seconds + worker.rebalance_grace_seconds,
        broker_heartbeat_interval=worker.session_timeout_seconds / 4,
        broker_request_timeout=max(40.0, worker.session_timeout_seconds + 1),
        broker_max_poll_records=worker.batch_max_records,
        # A partition may wait for MongoDB for as long as that takes; heartbeats say that the worker lives.
        broker_max_poll_interval=24 * 60 * 60,
        consumer_auto_offset_reset="earliest",
        # aiokafka looks again after five minutes. So long a worker that joined while brokers came back, and saw
        # no topics, would own nothing, and one would ask a broker for offsets that has lost its leadership.
        consumer_metadata_max_age_ms=_METADATA_AGE_MS,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        Topic=BatchTopic,
        web_enabled=False,
        store="memory://",
        debug=False,
    )
    app.transport = batch_transport(
        app,
        app.conf.broker_consumer,
        BatchLimits(worker.batch_max_records, worker.batch_max_bytes),
        worker.rebalance_grace_seconds,
        safeguards.leave,
        continuity,
    )

    async def settle(*_: Any, **__: Any) -> None:
        await cast(BatchConsumer, app.consumer).settle()

    app.on_before_shutdown.connect(settle, weak=False)
    return app


def add_agent(
    app: faust.App, stage: str, topic: str, process: Process, concurrency: int, safeguards: Safeguards
) -> None:
    """An agent that works on the batches of a topic, several at once, each of another partition."""
    safeguards.add_stage(stage)

    async def agent(batches: StreamT[RecordBatch]) -> None:
        async for batch in batches:
            await work(cast(BatchConsumer, app.consumer), batch, stage, process, safeguards)

    app.agent(app.topic(topic), name=stage, concurrency=concurrency)(agent)


def _credentials(settings: KafkaSettings) -> Any:
    if settings.security_protocol == "PLAINTEXT":
        return None
    context = None
    if settings.security_protocol.endswith("SSL"):
        context = ssl.create_default_context(
            cafile=str(settings.ssl_ca_location) if settings.ssl_ca_location else None
        )
    if settings.security_protocol == "SSL":
        return faust.SSLCredentials(context=context)
    password = settings.sasl_password
    return faust.SASLCredentials(
        username=settings.sasl_username,
        password=password.get_secret_value() if password is not None else None,
        mechanism=settings.sasl_mechanism,
        ssl_context=context,
    )
