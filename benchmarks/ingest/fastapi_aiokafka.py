"""FastAPI with aiokafka, as their documentations show them: validate with pydantic, send and wait."""

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from fastapi import FastAPI
from pydantic import BaseModel

TOPIC = os.environ["TOPIC"]


class Post(BaseModel):
    content: str
    author: str | None = None


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.producer = AIOKafkaProducer(
        bootstrap_servers=os.environ["BOOTSTRAP_SERVERS"], acks="all", enable_idempotence=True
    )
    await app.state.producer.start()
    yield
    await app.state.producer.stop()


app = FastAPI(lifespan=lifespan)


@app.post("/api/v1/posts/", status_code=202)
async def create(post: Post) -> dict[str, str]:
    post_id = uuid.uuid4().hex
    await app.state.producer.send_and_wait(TOPIC, post.model_dump_json().encode(), key=post_id.encode())
    return {"post_id": post_id, "status": "accepted"}
