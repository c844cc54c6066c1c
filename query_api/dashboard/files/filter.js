// Which posts are looked at: those that have one value, or all. Whatever has such a value may be a button for it.

import * as address from "./address.js";
import { byId, el } from "./dom.js";
import * as format from "./format.js";
import { toHeading } from "./modal.js";

/** In one case of letters: as the API folds them, or so that both are the same afterwards. */
const folded = (text) => text.toUpperCase().toLowerCase();
const listed = (values, value) => Boolean(values?.some((each) => folded(each) === value));

/**
 * By the parameters of GET /api/v1/posts/: the form of a value, "" for none; how it is written; how posts are said to
 * have it; and whether an analysis has it. Of words the analysis does not tell.
 */
const KINDS = {
  hashtag: {
    form: (value) => folded(value.replace(/^[#＃]/u, "")),
    written: (value) => `#${value}`,
    having: "with",
    has: ({ hashtags }, value) => listed(hashtags, value),
  },
  mention: {
    form: (value) => folded(value.replace(/^[@＠]/u, "")),
    written: (value) => `@${value}`,
    having: "with",
    has: ({ mentions }, value) => listed(mentions, value),
  },
  domain: {
    form: (value) => value.toLowerCase().replace(/^www\./, ""),
    written: (value) => value,
    having: "with a link to",
    has: ({ domains }, value) => listed(domains, value),
  },
  author: {
    form: (value) => value,
    written: (value) => value,
    having: "by",
    has: ({ author }, value) => author === value,
  },
  language: {
    form: (value) => /^[a-z]{2,3}$/.exec(value.toLowerCase())?.[0] ?? "",
    written: format.language,
    having: "in",
    has: ({ language }, value) => language === value,
  },
  text: {
    form: (value) => value.trim(),
    written: (value) => `“${value}”`,
    having: "with",
  },
};
/** Pixels of the list that have to be in sight, so that one sees it change. */
const IN_SIGHT = 200;

const listeners = [];
let chosen = ofAddress();

/** What posts have to have, {name, value}; null for all posts. */
export const only = () => chosen;
export const onChange = (listener) => listeners.push(listener);

export const fits = (analysis) => !chosen || Boolean(KINDS[chosen.name].has?.(analysis, chosen.value));
/** Whether analyses tell which posts they are. */
export const isTold = () => !chosen || KINDS[chosen.name].has !== undefined;

export const parameters = (filter) => (filter ? { [filter.name]: filter.value } : {});
/** Such posts, in words. */
export const posts = ({ name, value }) => `posts ${KINDS[name].having} ${KINDS[name].written(value)}`;

/** Looks at the posts that have this; null looks at all. */
export function choose(filter) {
  if (isChosen(filter)) return;
  address.say({ ...Object.fromEntries(Object.keys(KINDS).map((name) => [name, null])), ...parameters(filter) });
  change(filter);
}

/** A button for the posts that have a value. Pressed once more, it leads back to all. */
export function button(name, value, words, attributes = {}) {
  const filter = { name, value: KINDS[name].form(value) };
  const made = el("button", { type: "button", ...attributes, "data-filter": name, "data-value": filter.value }, words);
  made.setAttribute("aria-pressed", String(isChosen(filter)));
  return made;
}

export function startFilter() {
  document.addEventListener("click", ({ target }) => {
    const pressed = target.closest("button[data-filter]");
    if (!pressed) return;
    const filter = { name: pressed.dataset.filter, value: pressed.dataset.value };
    choose(isChosen(filter) ? null : filter);
    intoSight(byId("posts"));
  });
  const all = () => {
    choose(null);
    toHeading(byId("posts"));
  };
  byId("posts-only").addEventListener("click", all);
  byId("posts-all").addEventListener("click", all);
  address.onTravel(() => {
    const filter = ofAddress();
    if (!isChosen(filter)) change(filter);
  });
  showChosen();
}

const isChosen = (filter) => filter?.name === chosen?.name && filter?.value === chosen?.value;

function change(filter) {
  chosen = filter;
  showChosen();
  byId("posts-said").textContent = chosen ? `Only ${posts(chosen)}` : "All posts";
  for (const listener of listeners) listener();
}

function showChosen() {
  const chip = byId("posts-only");
  chip.hidden = !chosen;
  if (chosen) {
    const words = `only ${KINDS[chosen.name].written(chosen.value)}`;
    chip.title = words;
    chip.replaceChildren(el("span", {}, words), el("span", { class: "hidden" }, ": show all"), el("span", { "aria-hidden": "true" }, "✕"));
  }
  for (const each of document.querySelectorAll("button[data-filter]")) {
    each.setAttribute("aria-pressed", String(isChosen({ name: each.dataset.filter, value: each.dataset.value })));
  }
}

/** The first that the address has. */
function ofAddress() {
  for (const [name, { form }] of Object.entries(KINDS)) {
    const value = form(address.said(name) ?? "");
    if (value) return { name, value };
  }
  return null;
}

function intoSight(card) {
  const { top, bottom } = card.getBoundingClientRect();
  if (Math.min(bottom, innerHeight) - Math.max(top, 0) < IN_SIGHT) card.scrollIntoView();
}
