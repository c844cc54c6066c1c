// Lists whose rows stay the same elements while what they show changes: one may be about to press a button of theirs.

import { toHeading } from "./modal.js";

/** Gives what shows items in a list. `make` gives the row of an item: its element, and what shows the item as it is. */
export function rows(list, idOf, make) {
  const made = new Map();
  return (items) => {
    const focused = list.contains(document.activeElement) ? document.activeElement : null;
    const ids = new Set(items.map(idOf));
    for (const [id, { element }] of made) {
      if (ids.has(id)) continue;
      if (element.contains(document.activeElement)) toHeading(list.closest("section"));
      element.remove();
      made.delete(id);
    }
    items.forEach((item, index) => {
      const id = idOf(item);
      if (!made.has(id)) made.set(id, make(item));
      const { element, show } = made.get(id);
      show(item);
      if (list.children[index] !== element) list.insertBefore(element, list.children[index] ?? null);
    });
    // An element loses focus when it is moved.
    if (focused?.isConnected) focused.focus({ preventScroll: true });
  };
}
