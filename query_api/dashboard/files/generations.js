// Generations of the collections: which one is served, switched to another, and those that go.

import { call, get, poll, tried } from "./api.js";
import { byId, el, show } from "./dom.js";
import * as format from "./format.js";
import { confirmed } from "./modal.js";
import { rows } from "./rows.js";
import { switchTo } from "./switch.js";

const SECONDS = 5;
const WORDS = { current: "served", creating: "being made", building: "being filled", dropping: "going" };
const TO_SERVE = ["building", "ready", "kept"];
const TO_DROP = [...TO_SERVE, "creating"];

const say = () => byId("generations-said");

export function startGenerations() {
  const update = rows(byId("generations-rows"), ({ number }) => number, row);
  const shown = (generations) => {
    show(byId("generations"), generations.length ? "ready" : "empty", generations.length ? "" : "There is none yet.");
    update(generations);
  };
  const again = poll(byId("generations"), SECONDS, async (signal) => {
    shown((await get("generations/", { signal })).generations);
  });

  function row({ number }) {
    let now = null;
    const state = el("span", { class: "state" });
    const words = el("span", { class: "aside" });
    const [switching, dropping] = [["Switch…", "Switch to"], ["Drop…", "Drop"]].map(([name, spoken]) =>
      el("button", { type: "button", class: "quiet", "aria-label": `${spoken} generation ${number}` }, name),
    );
    switching.addEventListener("click", async () => {
      const said = await switchTo(now);
      if (!said) return;
      say().textContent = said;
      again();
    });
    dropping.addEventListener("click", async () => {
      await tried(say(), () => drop(now));
      again();
    });
    const actions = el("div", { class: "actions" }, switching, dropping);
    const element = el("li", {}, el("p", { class: "by" }, el("strong", {}, `Generation ${number}`), " ", state), el("div", { class: "foot" }, words, " ", actions));
    return {
      element,
      show(generation) {
        now = generation;
        element.dataset.state = now.status;
        state.textContent = WORDS[now.status] ?? now.status;
        words.textContent = about(now);
        switching.hidden = !TO_SERVE.includes(now.status);
        dropping.hidden = !TO_DROP.includes(now.status);
      },
    };
  }
}

function about({ status, posts_estimated: posts, analysis_version: version, switched_at: since, drop_at: until }) {
  const said = [`about ${format.brief(posts)} posts`];
  if (version != null) said.push(`analysis version ${version}`);
  if (status === "current" && since) said.push(`served since ${format.time(since, "hour")}`);
  if (status === "kept" && until) said.push(`kept until ${format.time(until, "hour")}`);
  return said.join(", ");
}

async function drop({ number, status, posts_estimated: posts }) {
  const written = status === "building" || status === "creating" ? " The replay that fills it ends." : "";
  const text = `It goes for good, with about ${format.count(posts)} posts and their counts. This cannot be undone.${written} The log keeps every post.`;
  if (!(await confirmed({ title: `Drop generation ${number}?`, text, action: "Drop", danger: true }))) return null;
  await call("DELETE", `generations/${number}/`);
  return `Generation ${number} goes in a moment.`;
}
