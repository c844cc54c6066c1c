// Dialogs: focus goes into one, and afterwards back to where it came from.

import { ApiError } from "./api.js";
import { byId, show } from "./dom.js";

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-close]");
    if (button) dialog.close(button.dataset.close);
  });
}

/** Opens a dialog; gives what it is closed with, "" where that is by Escape or a button that leaves it. */
export function opened(dialog) {
  const from = document.activeElement;
  const card = from.closest("section");
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    const over = () => {
      if (!from.isConnected) toHeading(card);
      resolve(dialog.returnValue);
    };
    dialog.addEventListener("close", over, { once: true });
  });
}

/**
 * Opens a dialog of which a part is still to be fetched, as `words` say, by `fill`; gives what it is closed with.
 * What is on the way by then is given up, by the signal that `fill` gets.
 */
export async function openedToFill(dialog, part, words, fill) {
  const closed = new AbortController();
  show(part, "loading", words);
  const outcome = opened(dialog);
  filled(part, () => fill(closed.signal), closed.signal);
  try {
    return await outcome;
  } finally {
    closed.abort();
  }
}

async function filled(part, fill, signal) {
  try {
    await fill();
    show(part, "ready");
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof ApiError)) throw error;
    show(part, "error", error.message);
  }
}

/** Asks before something is done; whether it is to be. What cannot be undone is a danger. */
export async function confirmed({ title, text, action, danger = false }) {
  byId("confirm-title").textContent = title;
  byId("confirm-text").textContent = text;
  byId("confirm-yes").textContent = action;
  byId("confirm-yes").className = danger ? "danger" : "strong";
  return (await opened(byId("confirm"))) === "yes";
}

/** Where focus goes when what had it is no more: to the heading of its card. */
export function toHeading(card) {
  const heading = card?.querySelector("h2, h3");
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus();
}
