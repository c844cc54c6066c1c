// Before queries go to another generation: what it holds beside the one that is served.

import { call, get, tried } from "./api.js";
import { byId, el } from "./dom.js";
import * as format from "./format.js";
import { openedToFill } from "./modal.js";

const STATES = { analyzed: "Analyzed", analyzing: "Under way", dead: "Dead-lettered", deleted: "Deleted" };

/** Compares, and switches if one wants to; what is to be said of it, "" where it was left. */
export function switchTo({ number, status }) {
  byId("switch-title").textContent = `Switch to generation ${number}?`;
  byId("switch-said").textContent = "";
  byId("switch-yes").disabled = true;
  byId("switch-yes").textContent = "Switch";
  const words = "All that both hold is being counted. With many posts that takes a while.";
  return openedToFill(byId("switch"), byId("switch-part"), words, (signal) => compare(number, status === "building", signal));
}

async function compare(number, building, signal) {
  const compared = await get(`generations/${number}/comparison/`, { signal });
  showCounts(compared);
  const force = showDifferences(compared, building);
  byId("switch-yes").onclick = () => tried(byId("switch-said"), () => change(number, force));
  byId("switch-yes").disabled = false;
}

function showCounts({ number, current, posts }) {
  byId("switch-current").textContent = `Generation ${current}, served`;
  byId("switch-other").textContent = `Generation ${number}`;
  const row = ([state, held]) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, STATES[state] ?? state),
      el("td", { class: "number" }, format.count(held.current)),
      el("td", { class: "number" }, format.count(held.other)),
    );
  byId("switch-rows").replaceChildren(...Object.entries(posts).map(row));
}

/** Whether only force switches. */
function showDifferences({ number, differences }, building) {
  const words = [];
  if (building) words.push("It is being filled still: what it lacks so far would be missing from answers.");
  if (differences.length) words.push(`Generation ${number} has:`);
  const force = words.length > 0;
  byId("switch-agree").className = force ? "warning" : "agree";
  byId("switch-agree").textContent = words.join(" ") || "Both agree where they must.";
  byId("switch-differences").replaceChildren(...differences.map((each) => el("li", {}, each)));
  byId("switch-yes").textContent = force ? "Switch all the same" : "Switch";
  byId("switch-yes").className = force ? "danger" : "strong";
  return force;
}

async function change(number, force) {
  byId("switch-said").textContent = "";
  const { document } = await call("POST", `generations/${number}/switch/`, { body: { force } });
  const kept = document.generations.filter(({ status }) => status === "kept").map((each) => `generation ${each.number} is kept until ${format.time(each.drop_at, "hour")}`);
  byId("switch").close([`Generation ${number} is served now`, ...kept].join("; ") + ".");
}
