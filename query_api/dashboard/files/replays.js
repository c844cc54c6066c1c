// Parts of the log looked at again: watched, and cancelled.

import { call, get, poll, tried } from "./api.js";
import { byId, el, show } from "./dom.js";
import * as format from "./format.js";
import { confirmed } from "./modal.js";
import { startReplayForm } from "./replay-form.js";
import { rows } from "./rows.js";

const SECONDS = 2;
const SHOWN = 4;
const GOING = ["waiting", "running"];
const NONE = "None was asked for. One corrects analyses and counts in place, slowly enough for live posts, or fills a new generation.";

const say = () => byId("replays-said");

export function startReplays() {
  const update = rows(byId("replays-rows"), ({ id }) => id, row);
  const again = poll(byId("replays"), SECONDS, async (signal) => {
    const { replays } = await get(`replays/?limit=${SHOWN}`, { signal });
    show(byId("replays"), replays.length ? "ready" : "empty", replays.length ? "" : NONE);
    update(replays);
  });
  startReplayForm((words) => {
    say().textContent = words;
    again();
  });

  function row(replay) {
    const title = `${of(replay)}${replay.into ? ", into a new generation" : ""}`;
    const state = el("span", { class: "state" });
    const bar = el("progress", { max: 1, "aria-label": `Progress of the replay: ${title}` });
    const words = el("span", { class: "aside" });
    const button = el("button", { type: "button", class: "quiet", "aria-label": `Cancel the replay: ${title}` }, "Cancel…");
    button.addEventListener("click", async () => {
      await tried(say(), () => cancel(replay));
      again();
    });
    const element = el("li", {}, el("p", { class: "by" }, el("strong", { title }, title), " ", state), bar, el("p", { class: "foot" }, words, " ", button));
    return {
      element,
      show(now) {
        element.dataset.state = now.state;
        state.textContent = now.state;
        bar.value = now.state === "done" || !now.offsets ? Number(now.state === "done") : now.offsets_passed / now.offsets;
        button.hidden = !GOING.includes(now.state);
        words.textContent = now.reason ?? (now.state === "waiting" ? waiting(now) : progress(now));
      },
    };
  }
}

/** What it is of. */
function of({ selection }) {
  if (selection.all) return "All posts";
  if (selection.post_ids) return selection.post_ids === 1 ? "One post" : `${format.count(selection.post_ids)} posts`;
  if (selection.offsets) return "Offsets";
  const from = selection.from ? `from ${format.time(selection.from, "hour")}` : "";
  return `Posts ${[from, selection.until ? `until ${format.time(selection.until, "hour")}` : ""].filter(Boolean).join(" ")}`;
}

const waiting = ({ rate_limit: rate }) => `waits for its turn${rate ? `, ${format.decimal(rate)} a second at most` : ""}`;

function progress({ state, offsets, offsets_passed: passed, changed, unchanged, failed, records_per_second: rate, seconds_left: left }) {
  const effects = [`${format.count(changed)} changed`, `${format.count(unchanged)} not`];
  if (failed) effects.push(`${format.count(failed)} failed`);
  const pace = state === "running" && rate != null ? `; ${format.decimal(rate)} a second` : "";
  const rest = left ? `, ${format.lasting(left * 1000)} left` : "";
  return `${format.count(passed)} of ${format.count(offsets)} looked at: ${effects.join(", ")}${pace}${rest}`;
}

async function cancel(replay) {
  const text = replay.into
    ? "The new generation goes, with what it holds so far. The one that is served stays as it is."
    : "What it has corrected so far stays so.";
  if (!(await confirmed({ title: "Cancel this replay?", text, action: "Cancel it", danger: true }))) return null;
  await call("DELETE", `replays/${replay.id}/`);
  return "The replay was cancelled.";
}
