// What the analysis found, marked: sentiment, language, and entities where they stand in the text.

import { el, styled } from "./dom.js";
import * as format from "./format.js";

const SIGNS = { positive: "▲", neutral: "●", negative: "▼" };

/** Sentiment as a badge: sign, value, word. */
export function mood({ sentiment, sentiment_label: label }) {
  if (label == null) return null;
  return el(
    "span",
    { class: `badge ${label}` },
    el("span", { "aria-hidden": "true" }, `${SIGNS[label]} `),
    `${label} ${format.sentiment(sentiment)}`,
  );
}

export const spoken = ({ language }) => el("span", { class: "badge" }, format.language(language));

/** The text with its entities marked. Their places count code points, so the text is cut into those. */
export function marked(content, entities = []) {
  const characters = Array.from(content);
  const parts = [];
  let at = 0;
  for (const { kind, start, end } of entities) {
    if (start < at || end > characters.length) continue;
    parts.push(characters.slice(at, start).join(""));
    parts.push(el("span", { class: `entity ${kind}` }, characters.slice(start, end).join("")));
    at = end;
  }
  return [...parts, characters.slice(at).join("")];
}

/** Shares of positive, neutral and negative posts: a bar, and the same in words. */
export function shares(labels) {
  const names = Object.keys(SIGNS);
  const bars = names.map((name) => styled(el("span", { class: name }), { "--share": labels[name].share }));
  const words = names.map((name) =>
    el("span", {}, el("span", { class: `sign ${name}`, "aria-hidden": "true" }, SIGNS[name]), el("span", { class: "hidden" }, `${name} `), ` ${format.percent(labels[name].share)} `),
  );
  return el("div", {}, el("div", { class: "shares", "aria-hidden": "true" }, ...bars), el("p", { class: "aside spread" }, ...words));
}
