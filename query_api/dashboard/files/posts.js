// The newest posts, as they are analyzed. However many come, a few a second are asked for and shown.

import { ApiError, get, poll } from "./api.js";
import { byId, el, show } from "./dom.js";
import * as filter from "./filter.js";
import * as format from "./format.js";
import { mark, marked, mood, spoken } from "./marks.js";

const MOST = 24;
const EACH_TIME = 6;
const PAUSE = 700;
/** Where the whole list is asked for, because analyses do not tell which posts it has. */
const LIST_PAUSE = 3000;
/** The server does not take the filter. */
const REFUSED = [422, 501];

const list = () => byId("posts-list");
/** post_id -> its entry, {post, element}. */
const shown = new Map();
/** post_id -> its analysis, of which the post is not shown yet; those that came last. */
let coming = new Map();
let again;
let paused = false;
let timer = 0;

/** Where the API lists the posts for which a filter holds; all of them where that is null. */
export const path = (only) => `posts/?${new URLSearchParams({ ...filter.parameters(only), limit: MOST })}`;

/** Starts the list; gives what the stream is to call. */
export function startPosts() {
  /** What the list was last asked for; not asked yet is undefined. */
  let listed;
  again = poll(byId("posts"), 60, async (signal) => {
    const only = filter.only();
    // What is paused stays as it is, but for what one has chosen oneself.
    if (paused && listed === only) return;
    const before = [...shown.keys()];
    try {
      const { posts } = await get(path(only), { signal });
      const analyses = await Promise.all(posts.map((post) => of(`${post.post_id}/analysis/`, signal)));
      const found = new Set(posts.map((post) => post.post_id));
      before.filter((postId) => !found.has(postId)).forEach(remove);
      posts.forEach((post, index) => analyses[index] && put({ ...analyses[index], content: post.content }));
      settle();
    } catch (error) {
      if (!only || !REFUSED.includes(error.status)) throw error;
      showNone(error.message);
    }
    listed = only;
  });
  filter.onChange(() => {
    coming.clear();
    for (const { post } of [...shown.values()]) if (!filter.fits(post)) remove(post.post_id);
    list().parentElement.scrollTop = 0;
    if (!shown.size) {
      byId("posts-all").hidden = true;
      show(byId("posts"), "loading");
    }
    again();
  });
  const button = byId("posts-pause");
  button.addEventListener("click", () => {
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
    next();
  });
  setInterval(refreshTimes, 10_000);
  return {
    again,
    analyzed(analysis) {
      coming.delete(analysis.post_id);
      if (filter.isTold() && !filter.fits(analysis)) {
        // One that has been edited may have been there.
        if (shown.has(analysis.post_id)) takeAway(analysis.post_id);
        return;
      }
      coming.set(analysis.post_id, analysis);
      if (coming.size > MOST) coming.delete(coming.keys().next().value);
      next();
    },
    deleted: takeAway,
  };
}

function takeAway(postId) {
  coming.delete(postId);
  remove(postId);
  settle();
}

function next() {
  if (timer || paused || document.hidden || !coming.size) return;
  timer = setTimeout(() => (filter.isTold() ? showSome() : askAgain()), filter.isTold() ? PAUSE : LIST_PAUSE);
}

async function showSome() {
  const some = [...coming.values()].slice(-EACH_TIME);
  coming = new Map([...coming].slice(0, -EACH_TIME));
  try {
    const found = await Promise.all(some.map((analysis) => isNew(analysis) && of(`${analysis.post_id}/`)));
    // Another filter may have been chosen meanwhile.
    found.forEach((post, index) => post && filter.fits(some[index]) && put({ ...some[index], content: post.content }, true));
    settle();
  } catch (error) {
    // The list is asked for again by itself.
    if (!(error instanceof ApiError)) throw error;
  } finally {
    timer = 0;
    next();
  }
}

function askAgain() {
  coming.clear();
  timer = 0;
  again.soon();
}

/** A replay tells of old posts, too. */
function isNew({ post_id, created_at, revision }) {
  if (shown.has(post_id)) return true;
  return shown.size < MOST || created_at > [...shown.values()].at(-1).post.created_at;
}

/** Null where the post is gone, or not there yet. */
async function of(path, signal) {
  try {
    const document = await get(`posts/${path}`, { signal });
    return document.content !== undefined || document.status === "analyzed" ? document : null;
  } catch (error) {
    if (error instanceof ApiError && error.status >= 400 && error.status < 500) return null;
    throw error;
  }
}

function put(post, fresh = false) {
  const before = shown.get(post.post_id)?.post;
  if (before?.revision > post.revision) return;
  // What is the same stays: one may be about to press what is in it.
  if (before?.revision === post.revision && before.analyzed_at === post.analyzed_at) return;
  remove(post.post_id);
  const element = entry(post);
  if (fresh && !before) element.classList.add("fresh");
  shown.set(post.post_id, { post, element });
}

function remove(postId) {
  const element = shown.get(postId)?.element;
  if (element?.contains(document.activeElement)) list().parentElement.focus({ preventScroll: true });
  element?.remove();
  shown.delete(postId);
}

/** Newest first, and no more than there is room for. */
function settle() {
  const sorted = [...shown.values()].sort((a, b) => (a.post.created_at < b.post.created_at ? 1 : -1));
  for (const { post } of sorted.splice(MOST)) remove(post.post_id);
  shown.clear();
  for (const each of sorted) shown.set(each.post.post_id, each);
  sorted.forEach(({ element }, index) => {
    if (list().children[index] !== element) list().insertBefore(element, list().children[index] ?? null);
  });
  const only = filter.only();
  if (!shown.size) return showNone(only ? `No ${filter.posts(only)} yet.` : "No posts yet. Send one below.");
  byId("posts-all").hidden = true;
  show(byId("posts"), "ready");
}

function showNone(words) {
  for (const postId of [...shown.keys()]) remove(postId);
  byId("posts-all").hidden = !filter.only();
  show(byId("posts"), "empty", words);
}

function entry(post) {
  const stamp = el("time", { datetime: post.created_at, title: format.time(post.created_at) }, format.since(post.created_at));
  const text = el("p", { class: "text", dir: "auto" }, ...marked(post.content, post.entities, { make: pressable }));
  return el(
    "li",
    { class: "post", "data-id": post.post_id },
    el("p", { class: "by" }, el("strong", {}, post.author ?? "anonymous"), " ", stamp),
    text,
    el("p", { class: "badges" }, mood(post), spoken(post)),
  );
}

/** Hashtags and mentions are buttons for the posts that have them. */
function pressable(kind, words) {
  return kind === "hashtag" || kind === "mention" ? filter.button(kind, words, words, { class: `entity ${kind}` }) : mark(kind, words);
}

function refreshTimes() {
  for (const stamp of list().querySelectorAll("time")) stamp.textContent = format.since(stamp.dateTime);
}
