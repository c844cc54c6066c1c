// Posts by their words, where the server has an index of them.

import { ApiError, call, get } from "./api.js";
import { byId } from "./dom.js";
import { clear, wrong } from "./fields.js";
import { choose, onChange, only } from "./filter.js";
import { path } from "./posts.js";

/** No word of any language: what is asked is whether there is an answer. */
const NO_WORD = "isthereanindexofwords";

const form = byId("posts-search");
let indexed = false;
let asking = null;

/** Whether posts are found by words; not before that is known. */
export const isIndexed = () => indexed;

export function startSearch() {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    search(form.elements.text.value.trim());
  });
  form.addEventListener("input", () => {
    if (!form.elements.text.value) search("");
  });
  onChange(showWords);
  showWords();
  look().catch((error) => {
    // It is told by the first search, then.
    if (!(error instanceof ApiError)) throw error;
  });
}

/** Tried first: words that are not allowed are said, and change nothing. */
async function search(words) {
  clear(form);
  asking?.abort();
  if (!words) {
    if (only()?.name === "text") choose(null);
    return;
  }
  const filter = { name: "text", value: words };
  const { signal } = (asking = new AbortController());
  try {
    await get(path(filter), { signal });
    if (!signal.aborted) choose(filter);
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 501) leaveOut();
    else wrong(form, error.problem);
  }
}

async function look() {
  const { status } = await call("GET", path({ name: "text", value: NO_WORD }), { expected: [501] });
  if (status === 200) indexed = true;
  else leaveOut();
}

function leaveOut() {
  indexed = false;
  form.hidden = true;
  byId("posts-unindexed").hidden = false;
}

function showWords() {
  asking?.abort();
  clear(form);
  form.elements.text.value = only()?.name === "text" ? only().value : "";
}
