// What is looked at, in the query of the page's address: it can be come back to, and shown to others.

/** What the address says of something; null where it says nothing. */
export const said = (name) => new URLSearchParams(location.search).get(name);

/** Says something else of some, nothing any more where that is null, and leaves the others. Back leads back. */
export function say(changes) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) query.delete(name);
    else query.set(name, value);
  }
  history.pushState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}${location.hash}`);
}

/** `listener` is called when one has gone back or forth. */
export const onTravel = (listener) => addEventListener("popstate", listener);
