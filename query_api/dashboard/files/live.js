// The stream of finished analyses. It is resumed where it broke off: by the browser, or here where that gives up.

import { trouble } from "./api.js";
import { byId } from "./dom.js";

const PAUSE = 3000;
const WORDS = { connecting: "Connecting", live: "Live", still: "Standing still" };

/** `analysis` and `deleted` are called for each such event; `reset` where events were missed for good. */
export function follow({ analysis, deleted, reset }) {
  let lastId = "";

  function open() {
    const resumed = lastId ? `?last_event_id=${encodeURIComponent(lastId)}` : "";
    const source = new EventSource(`/api/v1/stream/${resumed}`);
    const on = (name, heard) =>
      source.addEventListener(name, (event) => {
        lastId = event.lastEventId || lastId;
        heard(JSON.parse(event.data));
      });
    on("analysis", analysis);
    on("deleted", ({ post_id }) => deleted(post_id));
    on("reset", reset);
    on("position", ({ live }) => state(live ? "live" : "still"));
    // Where it stands comes with the first event, and a stream that is resumed may have to wait for one.
    source.onopen = () => state("live");
    source.onerror = () => {
      state("connecting");
      // Closed: it was refused, which browsers take for good.
      if (source.readyState === EventSource.CLOSED) setTimeout(open, PAUSE);
    };
  }

  open();
}

function state(name) {
  const pill = byId("live");
  if (pill.dataset.state === name) return;
  pill.dataset.state = name;
  byId("live-text").textContent = WORDS[name];
  trouble("stream", name === "still" ? "Kafka does not answer: nothing new comes, and nothing is lost." : null);
}
