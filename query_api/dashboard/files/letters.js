// Records that could not be processed: how many, which, and their way back.

import { ApiError, call, get, poll } from "./api.js";
import { byId, confirmed, el, show } from "./dom.js";
import * as format from "./format.js";

const SECONDS = 5;
const SHOWN = 6;
const PATH = "dead-letters/";

export function startLetters() {
  const again = poll(byId("letters"), SECONDS, async (signal) => {
    const stage = byId("letters-stage").value;
    const which = stage ? `&stage=${encodeURIComponent(stage)}` : "";
    const [stats, page] = await Promise.all([
      get(`${PATH}stats/`, { signal }),
      get(`${PATH}?limit=${SHOWN}${which}`, { signal }),
    ]);
    const letters = page.dead_letters;
    show(byId("letters"), letters.length ? "ready" : "empty", letters.length ? "" : "None. Every record could be processed.");
    showStages(stats);
    byId("letters-redrive").disabled = !letters.length;
    byId("letters-rows").replaceChildren(...letters.map(letter));
  });
  byId("letters-stage").addEventListener("change", () => again());
  byId("letters-redrive").addEventListener("click", async () => {
    await redrive(byId("letters-stage").value);
    again();
  });
}

function showStages({ letters, stages }) {
  const select = byId("letters-stage");
  const wanted = [["", `All stages (${format.count(letters)})`], ...Object.entries(stages).map(([stage, number]) => [stage, `${stage} (${format.count(number)})`])];
  // An option that is taken away under the pointer is a nuisance.
  if (select.childElementCount === wanted.length && wanted.every(([, words], index) => select.options[index].text === words)) return;
  const chosen = select.value;
  select.replaceChildren(...wanted.map(([value, words]) => el("option", { value }, words)));
  select.value = wanted.some(([value]) => value === chosen) ? chosen : "";
}

function letter({ id, stage, reason, dead_at: at, attempt, value_bytes: size }) {
  return el(
    "li",
    {},
    el("p", { class: "by" }, el("strong", {}, `${stage} gave up`), " ", el("time", { datetime: at, title: format.time(at) }, format.since(at))),
    el("p", { class: "reason" }, reason),
    el("p", { class: "aside" }, `${id}, ${format.bytes(size)}${attempt > 1 ? `, attempt ${attempt}` : ""}`),
  );
}

async function redrive(stage) {
  const which = stage ? { stage } : { all: true };
  try {
    const trial = (await call("POST", `${PATH}redrive/`, { body: { ...which, dry_run: true } })).document;
    const text = `${records(trial.redriven.length)} to where they came from, to be processed again.` +
      `${refusals(trial)}${trial.left ? ` ${format.count(trial.left)} more are left for another time.` : ""}`;
    if (!(await confirmed("Redrive dead letters?", text, "Redrive"))) return;
    const done = (await call("POST", `${PATH}redrive/`, { body: which })).document;
    say(`Redriven: ${format.count(done.redriven.length)}.${refusals(done)}`);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    say(`That did not work: ${error.message}`);
  }
}

const records = (number) => (number === 1 ? "One record goes" : `${format.count(number)} records go`);
const refusals = ({ refused }) => (refused.length ? ` Refused: ${format.count(refused.length)} (${[...new Set(refused.map((each) => each.reason.replaceAll("_", " ")))].join(", ")}).` : "");
const say = (words) => {
  byId("letters-said").textContent = words;
};
