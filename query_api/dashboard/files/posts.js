// The newest posts, as they are analyzed. However many come, a few a second are asked for and shown.

import { ApiError, get, poll } from "./api.js";
import { byId, el, show } from "./dom.js";
import * as format from "./format.js";
import { marked, mood, spoken } from "./marks.js";

const MOST = 24;
const EACH_TIME = 6;
const PAUSE = 700;

const list = () => byId("posts-list");
/** post_id -> its entry, {post_id, created_at, revision, element}. */
const shown = new Map();
/** post_id -> its analysis, of which the post is not shown yet; those that came last. */
let coming = new Map();
let paused = false;
let timer = 0;

/** Starts the list; gives what the stream is to call. */
export function startPosts() {
  const again = poll(byId("posts"), 60, async (signal) => {
    const { posts } = await get(`posts/?limit=${MOST}`, { signal });
    const analyses = await Promise.all(posts.map((post) => of(`${post.post_id}/analysis/`, signal)));
    posts.forEach((post, index) => analyses[index] && put({ ...analyses[index], content: post.content }));
    settle();
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
      coming.set(analysis.post_id, analysis);
      if (coming.size > MOST) coming.delete(coming.keys().next().value);
      next();
    },
    deleted(postId) {
      coming.delete(postId);
      remove(postId);
      settle();
    },
  };
}

function next() {
  if (timer || paused || document.hidden || !coming.size) return;
  timer = setTimeout(async () => {
    const some = [...coming.values()].slice(-EACH_TIME);
    coming = new Map([...coming].slice(0, -EACH_TIME));
    try {
      const found = await Promise.all(some.map((analysis) => isNew(analysis) && of(`${analysis.post_id}/`)));
      found.forEach((post, index) => post && put({ ...some[index], content: post.content }, true));
      settle();
    } catch (error) {
      // The list is asked for again by itself.
      if (!(error instanceof ApiError)) throw error;
    } finally {
      timer = 0;
      next();
    }
  }, PAUSE);
}

/** A replay tells of old posts, too. */
function isNew({ post_id, created_at, revision }) {
  if (shown.has(post_id)) return true;
  const oldest = [...shown.values()].at(-1);
  return shown.size < MOST || !oldest || created_at > oldest.created_at;
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
  const before = shown.get(post.post_id);
  if (before && before.revision > post.revision) return;
  remove(post.post_id);
  const element = entry(post);
  if (fresh && !before) element.classList.add("fresh");
  shown.set(post.post_id, { post_id: post.post_id, created_at: post.created_at, revision: post.revision, element });
}

function remove(postId) {
  shown.get(postId)?.element.remove();
  shown.delete(postId);
}

/** Newest first, and no more than there is room for. */
function settle() {
  const sorted = [...shown.values()].sort((a, b) => (a.created_at < b.created_at ? 1 : -1));
  for (const { post_id } of sorted.splice(MOST)) remove(post_id);
  shown.clear();
  for (const each of sorted) shown.set(each.post_id, each);
  sorted.forEach(({ element }, index) => {
    if (list().children[index] !== element) list().insertBefore(element, list().children[index] ?? null);
  });
  show(byId("posts"), shown.size ? "ready" : "empty", shown.size ? "" : "No posts yet. Send one below.");
}

function entry(post) {
  const stamp = el("time", { datetime: post.created_at, title: format.time(post.created_at) }, format.since(post.created_at));
  const text = el("p", { class: "text", dir: "auto" }, ...marked(post.content, post.entities));
  return el(
    "li",
    { class: "post", "data-id": post.post_id },
    el("p", { class: "by" }, el("strong", {}, post.author ?? "anonymous"), " ", stamp),
    text,
    el("p", { class: "badges" }, mood(post), spoken(post)),
  );
}

function refreshTimes() {
  for (const stamp of list().querySelectorAll("time")) stamp.textContent = format.since(stamp.dateTime);
}
