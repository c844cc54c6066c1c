// What the analysis found, marked: sentiment, language, and where they stand in the text entities and what made the sentiment.

import { el, styled } from "./dom.js";
import * as format from "./format.js";

/** Around a word; what two characters or fewer remain of without it may be an emoticon. */
const PUNCTUATION = /^[!-/:-@[-`{-~]+|[!-/:-@[-`{-~]+$/g;
/** What asks for the colored form of an emoji. */
const COLORED = /\ufe0f/g;
const SIGNS = { positive: "▲", neutral: "●", negative: "▼" };

/** Sentiment as a badge: sign, value, word. */
export function mood({ sentiment, sentiment_label: label }) {
  return label == null ? null : badge("span", label, label, sentiment);
}

/** The words that made a sentiment as badges; null where there are none, or an older version of the analysis told of none. */
export function reasons({ sentiment_words: words }) {
  if (!words?.length) return null;
  return el("ul", { class: "badges" }, ...words.map(({ word, valence }) => badge("li", side(valence), word, valence)));
}

function badge(tag, label, words, value) {
  const sign = el("span", { "aria-hidden": "true" }, `${SIGNS[label]} `);
  return el(tag, { class: `badge ${label}` }, sign, `${words} ${format.sentiment(value)}`);
}

const side = (valence) => (valence > 0 ? "positive" : "negative");

export const spoken = ({ language }) => el("span", { class: "badge" }, format.language(language));

/** An entity as it is marked: a span of what is within. */
export const mark = (kind, words, within = [words]) => el("span", { class: `entity ${kind}` }, ...within);

/**
 * The text with its entities marked, by `make`, and the words that made its sentiment.
 * The places of entities count code points, so the text is cut into those.
 */
export function marked(content, entities = [], { words, make = mark } = {}) {
  const characters = Array.from(content);
  const valences = byToken(words ?? []);
  const piece = (start, end) => charged(characters.slice(start, end).join(""), valences);
  const parts = [];
  let at = 0;
  for (const { kind, start, end } of entities) {
    if (start < at || end > characters.length) continue;
    parts.push(...piece(at, start), make(kind, characters.slice(start, end).join(""), piece(start, end)));
    at = end;
  }
  return [...parts, ...piece(at)];
}

/** An emoji comes once for each word of its description that counts (`😂 joy`): it stands for their sum. */
function byToken(words) {
  const valences = new Map();
  for (const { word, valence } of words) {
    const token = word.split(" ")[0];
    valences.set(token, (valences.get(token) ?? 0) + valence);
  }
  return valences;
}

/** The text, with the tokens marked that have a valence: as the analysis takes them, in any case of letters. */
function charged(text, valences) {
  const parts = [];
  let at = 0;
  for (const { 0: token, index } of valences.size ? text.matchAll(/\S+/g) : []) {
    const bare = token.replace(PUNCTUATION, "");
    const word = bare.length > 2 ? bare : token;
    const valence = valences.get(word.toLowerCase().replace(COLORED, ""));
    if (!valence) continue;
    const start = index + token.indexOf(word);
    parts.push(text.slice(at, start), el("span", { class: `charged ${side(valence)}`, title: format.sentiment(valence) }, word));
    at = start + word.length;
  }
  return [...parts, text.slice(at)];
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
