// How the pipeline is: the checks of this server, the lag of the workers.

import { call, get, poll } from "./api.js";
import { byId, el, show, styled } from "./dom.js";
import * as format from "./format.js";

const SECONDS = 3;
const NAMES = { mongo: "MongoDB", kafka: "Kafka", feed: "Live feed", spool: "Spool" };

export function startHealth() {
  poll(byId("health"), SECONDS, async (signal) => {
    const { document } = await call("GET", "/health/ready", { signal, expected: [503] });
    show(byId("health"), "ready");
    byId("health-rows").replaceChildren(...Object.entries(document.checks).map(check));
  });
  poll(byId("lag"), SECONDS, async (signal) => {
    const { topics } = await get("pipeline/", { signal });
    show(byId("lag"), topics.length ? "ready" : "empty", topics.length ? "" : "There are no topics yet.");
    byId("lag-rows").replaceChildren(...topics.map(topic));
  });
}

function check([name, { status, reason, milliseconds, ...details }]) {
  const words = reason ?? details.note ?? said(name, details);
  return el(
    "li",
    { "data-state": status === "ok" ? (details.note ? "warning" : "ok") : "failing" },
    el("strong", {}, NAMES[name] ?? name),
    " ",
    el("span", { class: "aside" }, words),
    " ",
    el("span", { class: "state" }, status === "ok" ? `ok, ${format.decimal(milliseconds)} ms` : status),
  );
}

function said(name, details) {
  if (name === "spool") {
    if (!details.records) return "empty";
    return `${format.count(details.records)} records, ${format.bytes(details.bytes)} of ${format.bytes(details.limit)}`;
  }
  if (name === "kafka") {
    const last = details.last_acknowledged_at;
    return last ? `last acknowledgement ${format.since(last * 1000)}` : "nothing sent yet";
  }
  if (name === "feed") return `${format.count(details.lag ?? 0)} behind, open streams: ${format.count(details.streams)}`;
  return name === "mongo" ? "a primary answers" : "";
}

function topic({ topic: name, lag, partitions }) {
  const most = Math.max(1, ...partitions.map((each) => each.lag));
  const cells = partitions.map((each) =>
    styled(
      el("li", { class: each.lag ? "behind" : "", title: `committed ${each.committed ?? "nothing"} of ${each.end}` },
        el("span", { class: "hidden" }, `partition ${each.partition}: `),
        format.brief(each.lag),
      ),
      { "--share": each.lag / most },
    ),
  );
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, name),
    el("td", { class: "number" }, format.brief(lag)),
    el("td", {}, el("ul", { class: "partitions" }, ...cells)),
  );
}
