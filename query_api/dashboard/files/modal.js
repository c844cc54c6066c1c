// Dialogs: focus goes into one, and afterwards back to where it came from.

import { byId } from "./dom.js";

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
