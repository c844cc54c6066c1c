// One dead letter, looked at: where its record stood, what failed, and how it begins.

import { get, tried } from "./api.js";
import { byId, el } from "./dom.js";
import * as format from "./format.js";
import { openedToFill } from "./modal.js";
import { settle } from "./settle.js";

const BEGINNING = 2000;
const DEEDS = ["redrive", "discard"];
// But for tabs and ends of lines, characters that nobody sees have pictures.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f]/g;
const picture = (character) => String.fromCharCode(0x2400 + character.charCodeAt(0));

/** Shows one until the dialog is closed; what was done with it, in words, "" where nothing was. */
export function look(id) {
  const dialog = byId("letter");
  byId("letter-title").textContent = `Dead letter ${id}`;
  byId("letter-said").textContent = "";
  for (const deed of DEEDS) {
    byId(`letter-${deed}`).disabled = true;
    byId(`letter-${deed}`).onclick = () => act(dialog, deed, id);
  }
  return openedToFill(dialog, byId("letter-part"), "Its record is being fetched.", (signal) => fill(id, signal));
}

async function fill(id, signal) {
  const letter = await get(`dead-letters/${id}/?max_value_bytes=${BEGINNING}`, { signal });
  byId("letter-reason").textContent = letter.reason;
  byId("letter-facts").replaceChildren(...facts(letter).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
  showHistory(letter);
  showContent(letter);
  for (const deed of DEEDS) byId(`letter-${deed}`).disabled = false;
}

const place = ({ topic, partition, offset }) => `${topic}, partition ${partition}, offset ${offset}`;

function facts(letter) {
  const { origin, redriven_from: first } = letter;
  const found = [
    ["Stage", letter.stage],
    ["Error class", letter.error_class],
    ["Its record stood at", place(origin)],
    ["Dead since", format.time(letter.dead_at)],
    ["Attempt", format.count(letter.attempt)],
    ["Post", letter.post_id ?? "not known"],
    ["Failed in version", letter.version ?? "not known"],
  ];
  if (origin.time) found.splice(3, 0, ["Time of the record", format.time(origin.time)]);
  if (letter.key?.text !== (letter.post_id ?? undefined)) found.push(["Key", letter.key ? written(letter.key) : "none"]);
  if (first) found.push(["The first time it stood at", place(first)]);
  return found;
}

function showHistory({ history }) {
  const part = byId("letter-history");
  part.hidden = !history.length;
  part.querySelector("summary").textContent = `Earlier failures: ${format.count(history.length)}`;
  const failures = history.map(({ id, stage, reason, error_class: kind, dead_at: at }) =>
    el(
      "li",
      {},
      el("p", { class: "by" }, el("strong", {}, `${stage} gave up`), " ", el("time", { datetime: at }, format.time(at))),
      el("p", { class: "reason" }, reason),
      el("p", { class: "aside" }, `${kind}, ${id}`),
    ),
  );
  part.querySelector("ol").replaceChildren(...failures);
}

function showContent({ value, value_bytes: size }) {
  const size_said = size > BEGINNING ? `The beginning; there are ${format.bytes(size)}.` : format.bytes(size);
  const words = value === null ? "None: such a record deletes a post." : value.base64 ? `${size_said} It is no UTF-8, so this is base64.` : size_said;
  byId("letter-size").textContent = words;
  byId("letter-content").hidden = !size;
  byId("letter-content").textContent = value ? written(value) : "";
}

const written = ({ text, base64 }) => text?.replace(UNSEEN, picture) ?? base64;

async function act(dialog, deed, id) {
  await tried(byId("letter-said"), async () => {
    const outcome = await settle(deed, { ids: [id] });
    if (!outcome?.took) return outcome?.words;
    dialog.close(outcome.words);
  });
}
