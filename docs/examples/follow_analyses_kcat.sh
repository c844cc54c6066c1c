#!/bin/sh
# Follow the finished analyses with kcat: key, a tab, and the JSON (NULL where a post was deleted), from the first one on.
exec kcat -q -u -C -Z -o beginning -f '%k\t%s\n' \
  -b "${POSTPULSE_KAFKA_BOOTSTRAP_SERVERS:-127.0.0.1:9092}" \
  -t "${POSTPULSE_KAFKA_TOPIC_PREFIX:-}post-analyses.v1"
