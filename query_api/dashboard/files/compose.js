// A text of one's own: published, followed through the pipeline, shown with what was found, deleted again.

import { ApiError, call, get } from "./api.js";
import { byId, el, show } from "./dom.js";
import * as format from "./format.js";
import { marked, mood, reasons } from "./marks.js";

const WAIT_SECONDS = 20;
const LOOK_MILLISECONDS = 250;
/** Characters of a long text that are shown again. */
const SHOWN = 2000;

/** Grows with every post that is sent, so that what is still under way of one before is not shown. */
let current = 0;

export function startCompose() {
  byId("compose").addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = event.submitter;
    button.disabled = true;
    try {
      await follow(byId("compose-text").value);
    } finally {
      button.disabled = false;
    }
  });
}

/** The ingest API may be another service, elsewhere. */
export function leaveOut() {
  byId("compose-text").disabled = true;
  byId("compose").querySelector("button").disabled = true;
  byId("compose-hint").textContent = "This server answers questions alone; the ingest API, to which posts are sent, runs elsewhere.";
}

async function follow(content) {
  const own = ++current;
  const steps = new Steps();
  byId("way-result").replaceChildren();
  say("");
  show(byId("way"), "ready");
  try {
    steps.go("log", "Kafka", "waiting for the acknowledgement");
    const sent = performance.now();
    const { document } = await call("POST", "posts/", { body: { content, source: "dashboard" } });
    steps.done("log", `acknowledged in ${format.lasting(performance.now() - sent)}`);
    steps.go("work", "Workers", "received");
    const analysis = await analyzed(document.post_id, content, own, steps);
    if (own !== current) return;
    const took = new Date(analysis.analyzed_at) - new Date(analysis.received_at);
    const pieces = analysis.chunks > 1 ? `${format.count(analysis.chunks)} chunks, merged` : "in one piece";
    steps.done("work", `analyzed ${pieces}, ${format.lasting(took)} after it was received`);
    steps.done("served", "in the database and in the stream", "Served");
    say("Analyzed.");
    byId("way-result").replaceChildren(result(content, analysis));
  } catch (error) {
    if (!(error instanceof ApiError) || own !== current) throw error;
    steps.failed(error.message);
    say(`That did not work: ${error.message}`);
  }
}

/** Waits for the analysis, and looks meanwhile how far it is. */
async function analyzed(postId, content, own, steps) {
  let over = false;
  const look = async () => {
    while (!over && own === current) {
      const { status, chunks, chunks_done: done } = await get(`posts/${postId}/status/`).catch(() => ({}));
      if (!over && status === "analyzing") steps.go("work", "Workers", `chunk ${format.count(done)} of ${format.count(chunks)}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MILLISECONDS));
    }
  };
  look();
  try {
    for (;;) {
      const { status, document } = await call("GET", `posts/${postId}/analysis/?wait=${WAIT_SECONDS}`);
      if (status === 200 || own !== current) return document;
      steps.go("work", "Workers", "still waiting: is a worker running?");
    }
  } finally {
    over = true;
  }
}

function result(content, analysis) {
  const facts = [
    ["Sentiment", mood(analysis) ?? `none: ${analysis.sentiment_missing}`],
    ["Language", `${format.language(analysis.language)}, ${format.percent(analysis.language_confidence ?? 0)} sure`],
    ["Words", `${format.count(analysis.num_of_words)}, ${format.decimal(analysis.avg_word_len)} letters on average`],
    ["Sentences", format.count(analysis.num_of_sentences)],
    ["Reading ease", analysis.flesch_reading_ease == null ? "–" : format.decimal(analysis.flesch_reading_ease, 0)],
    ["Keywords", analysis.keywords.slice(0, 5).map(({ word }) => word).join(", ") || "–"],
    ["Words that made the sentiment", reasons(analysis), "whole"],
  ];
  const terms = facts.map(([name, value, kind]) => value && el("div", { class: kind }, el("dt", {}, name), el("dd", {}, value)));
  const characters = Array.from(content);
  const text = characters.slice(0, SHOWN).join("");
  const entities = analysis.entities.filter(({ end }) => end <= SHOWN);
  const button = el("button", { type: "button", class: "quiet", id: "way-delete" }, "Delete this post");
  button.addEventListener("click", () => remove(analysis.post_id, button));
  return el("div", {}, el("p", { class: "text large", dir: "auto" }, ...marked(text, entities, { words: analysis.sentiment_words }), characters.length > SHOWN ? " …" : ""), el("dl", { class: "facts" }, ...terms), button);
}

async function remove(postId, button) {
  button.disabled = true;
  try {
    await call("DELETE", `posts/${postId}/`);
    for (;;) {
      const { status } = await get(`posts/${postId}/status/`);
      if (status === "deleted") break;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MILLISECONDS));
    }
    byId("way-result").replaceChildren();
    say("Deleted: the post, its analysis and its share of every count.");
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    say(`It could not be deleted: ${error.message}`);
    button.disabled = false;
  }
}

const say = (words) => {
  byId("way-said").textContent = words;
};

class Steps {
  constructor() {
    byId("way-steps").replaceChildren();
    this.at = new Map();
  }

  go(name, title, words) {
    if (!this.at.has(name)) {
      const said = el("span", { class: "aside" });
      const step = el("li", {}, el("strong", {}, title), " ", said);
      byId("way-steps").append(step);
      this.at.set(name, { step, said });
    }
    this.state(name, "going", words);
  }

  done(name, words, title) {
    if (title) this.go(name, title, words);
    this.state(name, "done", words);
  }

  failed(words) {
    this.state([...this.at.keys()].at(-1), "failed", words);
  }

  state(name, state, words) {
    const { step, said } = this.at.get(name);
    step.dataset.state = state;
    said.textContent = words;
  }
}
