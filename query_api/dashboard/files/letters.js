// Records that could not be processed: how many, which, and what is done with them.

import { get, poll, tried } from "./api.js";
import { byId, el, show } from "./dom.js";
import * as format from "./format.js";
import { look } from "./letter.js";
import { rows } from "./rows.js";
import { settle } from "./settle.js";

const SECONDS = 5;
const SHOWN = 6;
const MOST = 60;
const TYPING = 300;
const NONE = "None. Every record could be processed.";
const NONE_SUCH = "None of this stage and reason.";

export function startLetters() {
  let shown = SHOWN;
  const update = rows(byId("letters-rows"), ({ id }) => id, row);
  const again = poll(byId("letters"), SECONDS, async (signal) => {
    const filters = chosen();
    const query = new URLSearchParams({ ...filters, limit: shown });
    const [stats, page] = await Promise.all([
      get("dead-letters/stats/", { signal }),
      get(`dead-letters/?${query}`, { signal }),
    ]);
    const letters = page.dead_letters;
    const none = Object.keys(filters).length ? NONE_SUCH : NONE;
    show(byId("letters"), letters.length ? "ready" : "empty", letters.length ? "" : none);
    showStages(stats);
    byId("letters-more").hidden = !page.next_cursor || shown >= MOST;
    update(letters);
  });

  function row({ id, stage, reason, dead_at: at, attempt, value_bytes: size }) {
    const stamp = el("time", { datetime: at, title: format.time(at) });
    const button = el("button", { type: "button", class: "quiet", "aria-label": `Look at ${id}` }, "Look");
    button.addEventListener("click", async () => {
      const words = await look(id);
      if (!words) return;
      byId("letters-said").textContent = words;
      again();
    });
    const words = `${id}, ${format.bytes(size)}${attempt > 1 ? `, attempt ${attempt}` : ""}`;
    const element = el(
      "li",
      {},
      el("p", { class: "by" }, el("strong", {}, `${stage} gave up`), " ", stamp),
      el("p", { class: "reason" }, reason),
      el("p", { class: "foot" }, el("span", { class: "aside" }, words), " ", button),
    );
    return { element, show: () => (stamp.textContent = format.since(at)) };
  }

  let typing = 0;
  byId("letters-filter").addEventListener("input", () => {
    clearTimeout(typing);
    shown = SHOWN;
    typing = setTimeout(again, TYPING);
  });
  byId("letters-filter").addEventListener("submit", (event) => {
    event.preventDefault();
    again();
  });
  byId("letters-more").addEventListener("click", () => {
    shown = Math.min(MOST, shown * 2);
    again();
  });
  for (const deed of ["redrive", "discard"]) {
    byId(`letters-${deed}`).addEventListener("click", async () => {
      const filters = chosen();
      const which = Object.keys(filters).length ? filters : { all: true };
      await tried(byId("letters-said"), async () => (await settle(deed, which))?.words);
      again();
    });
  }
}

/** The filters that say something, as the API names them. */
function chosen() {
  return Object.fromEntries([...new FormData(byId("letters-filter"))].filter(([, value]) => value));
}

function showStages({ letters, stages }) {
  const select = byId("letters-stage");
  const wanted = [["", letters], ...Object.entries(stages)].map(([stage, number]) => [
    stage,
    `${stage || "All stages"} (${format.count(number)})`,
  ]);
  // One that is chosen stays, also without letters: what is shown is what is done.
  if (select.value && !(select.value in stages)) wanted.push([select.value, `${select.value} (0)`]);
  // An option that is taken away under the pointer is a nuisance.
  if (select.childElementCount === wanted.length && wanted.every(([, words], index) => select.options[index].text === words)) return;
  const before = select.value;
  select.replaceChildren(...wanted.map(([value, words]) => el("option", { value }, words)));
  select.value = before;
}
