// Parts of the log looked at again: ask for one, watch it, cancel it.

import { ApiError, call, get, poll } from "./api.js";
import { byId, confirmed, el, show } from "./dom.js";
import * as format from "./format.js";

const SECONDS = 2;
const SHOWN = 4;
const PATH = "replays/";
const HOUR = 3_600_000;
const GOING = ["waiting", "running"];

export function startReplays() {
  const again = poll(byId("replays"), SECONDS, async (signal) => {
    const { replays } = await get(`${PATH}?limit=${SHOWN}`, { signal });
    show(byId("replays"), replays.length ? "ready" : "empty", replays.length ? "" : "None was asked for. One corrects analyses and counts in place, slowly enough for live posts.");
    update(replays, again);
  });
  byId("replay-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    await start(byId("replay-what").value);
    again();
  });
}

/** Rows stay as they are where they can: one may be about to press their button. */
const rows = new Map();
function update(replays, again) {
  for (const id of rows.keys()) if (!replays.some((replay) => replay.id === id)) rows.delete(id);
  for (const replay of replays) {
    if (!rows.has(replay.id)) rows.set(replay.id, row(replay, again));
    rows.get(replay.id).show(replay);
  }
  const elements = replays.map(({ id }) => rows.get(id).element);
  const list = byId("replays-rows");
  if (elements.some((element, index) => list.children[index] !== element) || list.childElementCount !== elements.length) list.replaceChildren(...elements);
}

function row(replay, again) {
  const state = el("span", { class: "state" });
  const bar = el("progress", { max: 1, "aria-label": `Progress of the replay of ${said(replay)}` });
  const words = el("span", { class: "aside" });
  const button = el("button", { type: "button", class: "quiet" }, "Cancel");
  button.addEventListener("click", async () => {
    button.disabled = true;
    await cancel(replay.id);
    again();
  });
  const title = `${said(replay)}${replay.into ? ", into a new generation" : ""}`;
  const element = el("li", {}, el("p", { class: "by" }, el("strong", {}, title), " ", state), bar, el("p", { class: "foot" }, words, " ", button));
  return {
    element,
    show(now) {
      const { offsets, offsets_passed: passed, changed, unchanged, failed, seconds_left: left } = now;
      element.dataset.state = now.state;
      state.textContent = now.state;
      bar.value = now.state === "done" || !offsets ? Number(now.state === "done") : passed / offsets;
      button.hidden = !GOING.includes(now.state);
      const rest = left ? `, ${format.lasting(left * 1000)} left` : "";
      words.textContent =
        now.reason ??
        (now.state === "waiting" ? `waits for its turn${now.rate_limit ? `, ${format.count(now.rate_limit)} a second at most` : ""}` : null) ??
        `${format.count(passed)} of ${format.count(offsets)} looked at: ${format.count(changed)} changed, ` +
          `${format.count(unchanged)} not${failed ? `, ${format.count(failed)} failed` : ""}${rest}`;
    },
  };
}

function said({ selection }) {
  if (selection.all) return "All posts";
  if (selection.post_ids) return `${format.count(selection.post_ids)} posts`;
  if (selection.offsets) return "Offsets";
  const from = selection.from ? `from ${format.time(selection.from, "hour")}` : "";
  return `Posts ${[from, selection.until ? `until ${format.time(selection.until, "hour")}` : ""].filter(Boolean).join(" ")}`;
}

async function start(what) {
  const which = what === "all" ? { all: true } : { from: new Date(Date.now() - what * HOUR).toISOString() };
  try {
    const { document } = await call("POST", PATH, { body: { ...which, dry_run: true } });
    const text = `${format.count(document.offsets)} records of the log are looked at again. Nothing is counted twice, and live posts go first.`;
    if (!(await confirmed("Start a replay?", text, "Start"))) return;
    await call("POST", PATH, { body: which });
    say("The replay was asked for.");
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    say(`That did not work: ${error.message}`);
  }
}

async function cancel(id) {
  try {
    await call("DELETE", `${PATH}${id}/`);
    say("The replay was cancelled.");
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    say(error.message);
  }
}

const say = (words) => {
  byId("replays-said").textContent = words;
};
