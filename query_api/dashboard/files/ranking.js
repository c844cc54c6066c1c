// Rankings: values, how many posts have them, bars as long as that.

import { el, styled } from "./dom.js";
import * as filter from "./filter.js";
import * as format from "./format.js";
import { rows } from "./rows.js";

/**
 * Gives what shows items in the rows of a table: {name, posts, length, last}, where `length` is that of the bar, from
 * 0 to 1, and `last` what stands in the last column. `only`, {name, value}, makes the name a button for such posts.
 */
export const ranking = (body) => rows(body, ({ name, only }) => `${only?.name}:${only?.value ?? name}`, row);

function row({ name, only }) {
  const bar = el("span", { class: "bar" });
  const number = el("td", { class: "number" });
  const end = el("td", { class: "number last" });
  const named = only ? filter.button(only.name, only.value, name, { class: "name" }) : el("span", { class: "name" }, name);
  const element = el("tr", {}, el("th", { scope: "row", title: name }, bar, named), number, end);
  return {
    element,
    show({ posts, length, last }) {
      styled(bar, { "--length": length });
      number.textContent = format.brief(posts);
      end.replaceChildren(last);
    },
  };
}
