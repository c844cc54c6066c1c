// Calls of the API, and calls that are made again and again.

import { byId, show } from "./dom.js";

const API = "/api/v1/";
const LONGEST_PAUSE = 15_000;
const SOON = 1000;

/** An answer that is an error; `problem` is its problem document, `message` the detail of it. */
export class ApiError extends Error {
  constructor(status, problem) {
    super(problem.detail);
    this.status = status;
    this.problem = problem;
  }
}

/** Status and JSON of a call; throws ApiError unless the status is below 400 or among those that are expected. */
export async function call(method, path, { body, signal, expected = [] } = {}) {
  const options = { method, signal, cache: "no-cache", headers: {} };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path.startsWith("/") ? path : API + path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { detail: "The server does not answer." });
  }
  const document = await response.json().catch(() => ({}));
  if (!response.ok && !expected.includes(response.status)) {
    throw new ApiError(response.status, { detail: `The server answered ${response.status}.`, ...document });
  }
  return { status: response.status, document };
}

export const get = async (path, options) => (await call("GET", path, options)).document;

/** Says in a line what was done, or why it was not; null where there is nothing to say. */
export async function tried(line, action) {
  let words;
  try {
    words = await action();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    words = `That did not work: ${error.message}`;
  }
  if (words != null) line.textContent = words;
}

/** Something that is wrong at the moment, said at the top of the page; null takes it away. */
const troubles = new Map();
export function trouble(of, words) {
  if (words) troubles.set(of, words);
  else troubles.delete(of);
  const said = troubles.size ? [...new Set(troubles.values()), "This page keeps trying."].join(" ") : "";
  const line = byId("trouble");
  if (line.textContent !== said) line.textContent = said;
  line.hidden = said === "";
}

/**
 * Ask, show, and ask again after so many seconds; after an error sooner, then with growing pauses. What was shown
 * stays when a later answer is an error. A page that nobody sees does not ask.
 *
 * What is given back asks at once, in the place of a question that is under way; its `soon` lets that one end.
 */
export function poll(part, seconds, ask) {
  let timer = 0;
  let failures = 0;
  let asking = null;
  let wanted = false;

  async function again() {
    clearTimeout(timer);
    asking?.abort();
    const own = (asking = new AbortController());
    let pause = seconds * 1000;
    wanted = false;
    try {
      await ask(own.signal);
      failures = 0;
      trouble(part.id, null);
    } catch (error) {
      if (own.signal.aborted) return;
      pause = Math.min(LONGEST_PAUSE, 1000 * 2 ** failures++);
      const words = error instanceof ApiError ? error.message : `This page failed: ${error.message}`;
      trouble(part.id, words);
      if (part.dataset.state === "loading" || part.dataset.state === "error") show(part, "error", words);
    }
    if (asking !== own) return;
    asking = null;
    timer = setTimeout(due, wanted ? Math.min(pause, SOON) : pause);
  }

  const due = () => (document.hidden ? undefined : again());
  document.addEventListener("visibilitychange", due);
  again.soon = () => {
    if (asking) wanted = true;
    else due();
  };
  again();
  return again;
}
