"""Flask with MongoDB: the shape of a small service without a log in between."""

import os
import uuid

from flask import Flask, request
from pymongo import MongoClient

app = Flask(__name__)
posts = MongoClient(os.environ["MONGO_URI"])[os.environ["DATABASE"]].posts.with_options()


@app.post("/api/v1/posts/")
def create() -> tuple[dict[str, str], int]:
    content = request.get_json()["content"]
    post_id = uuid.uuid4().hex
    posts.insert_one({"_id": post_id, "content": content, "words": len(content.split())})
    return {"post_id": post_id, "status": "accepted"}, 202
