"""What the topics carry, described for those who consume them: docs/streams.md and AsyncAPI."""
