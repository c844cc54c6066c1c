// A new replay: of a time, of single posts, of all; in place, or into a new generation.

import { ApiError, call } from "./api.js";
import { byId } from "./dom.js";
import { clear, wrong } from "./fields.js";
import * as format from "./format.js";
import { confirmed, opened } from "./modal.js";

const HOUR = 3_600_000;
const MINUTE = 60_000;

const form = byId("replay-form");
const fields = form.elements;

/** `asked` is called when one was asked for, with what is to be said of it. */
export function startReplayForm(asked) {
  byId("replay-zone").textContent = `Times are in your zone, ${format.ZONE.replaceAll("_", " ")}.`;
  byId("replay-new").addEventListener("click", async () => {
    form.reset();
    clear(form);
    since(1);
    showKind();
    const words = await opened(byId("replay"));
    if (words) asked(words);
  });
  form.addEventListener("change", showKind);
  for (const button of form.querySelectorAll("[data-hours]")) {
    button.addEventListener("click", () => since(Number(button.dataset.hours)));
  }
  let going = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (going) return;
    going = true;
    clear(form);
    try {
      await start();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      wrong(form, error.problem);
    } finally {
      going = false;
    }
  });
}

function showKind() {
  for (const part of form.querySelectorAll("[data-kind]")) part.hidden = part.dataset.kind !== fields.kind.value;
}

/** From so many hours ago, by the reader's clock, until now. */
function since(hours) {
  const from = new Date(Date.now() - hours * HOUR);
  fields.from.value = new Date(from - from.getTimezoneOffset() * MINUTE).toISOString().slice(0, 19);
  fields.until.value = "";
}

async function start() {
  const unread = [fields.from, fields.until, fields.rate].find((field) => !field.closest("[hidden]") && field.validity.badInput);
  if (unread) return wrong(form, { field: unread.name, detail: "This is not complete." });
  const body = selection();
  if (!Object.values(body).some((value) => value !== undefined)) {
    return wrong(form, { field: "from", detail: "Say from when, or until when; one will do." });
  }
  body.rate = fields.rate.value === "" ? undefined : fields.rate.valueAsNumber;
  const { document: trial } = await call("POST", "replays/", { body: { ...body, dry_run: true } });
  if (!trial.offsets) {
    return wrong(form, { field: Object.keys(body)[0], detail: `The log has no records of ${body.post_ids ? "these posts" : "this time"}.` });
  }
  const title = body.into ? "Rebuild into a new generation?" : "Start a replay?";
  if (!(await confirmed({ title, text: words(body, trial), action: "Start" }))) return;
  await call("POST", "replays/", { body });
  byId("replay").close("The replay was asked for.");
}

/** As the API takes it; what is not said is undefined. */
function selection() {
  if (fields.kind.value === "all") return { all: true, into: fields.into.checked ? "new" : undefined };
  if (fields.kind.value === "ids") return { post_ids: fields.post_ids.value.split(/[\s,]+/).filter(Boolean) };
  // A time without an offset is one of the reader's zone.
  const utc = ({ value }) => (value ? new Date(value).toISOString() : undefined);
  return { from: utc(fields.from), until: utc(fields.until) };
}

function words({ into, rate }, { offsets, not_found: missing }) {
  const records = offsets === 1 ? "One record of the log is" : `${format.count(offsets)} records of the log are`;
  return [
    `${records} looked at again.`,
    missing?.length ? `Unknown or deleted: ${format.count(missing.length)} of the ids.` : "",
    rate ? `At ${format.decimal(rate)} a second that takes ${format.lasting((offsets / rate) * 1000)} at least.` : "",
    into ? "Live posts go to both generations meanwhile, and go first." : "Nothing is counted twice, and live posts go first.",
  ].filter(Boolean).join(" ");
}
