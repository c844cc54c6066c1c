// Elements out of names, attributes and text. Text is always text: nothing here reads HTML.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

/** What a part of the page is in: loading, ready, empty, error. With words where there is nothing else to see. */
export function show(part, state, words = "") {
  part.dataset.state = state;
  part.setAttribute("aria-busy", String(state === "loading"));
  const note = part.querySelector(":scope > .note");
  if (note) note.textContent = words;
}

/** Custom properties are set so, since the policy lets no style attribute in. */
export function styled(element, properties) {
  for (const [name, value] of Object.entries(properties)) element.style.setProperty(name, value);
  return element;
}
