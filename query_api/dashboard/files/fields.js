// What is wrong, said beside the field of a form that it is about.

/** Takes away what was said before. */
export function clear(form) {
  for (const said of form.querySelectorAll(".wrong")) said.textContent = "";
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
}

/** Says what a problem document does beside the field that it names, and goes there; below all where that is none that is shown. */
export function wrong(form, { field, detail }) {
  const input = field && form.elements.namedItem(field);
  const beside = input && !input.closest("[hidden]") ? input.closest(".field")?.querySelector(".wrong") : null;
  (beside ?? form.querySelector(":scope > .wrong")).textContent = detail;
  if (!beside) return;
  input.setAttribute("aria-invalid", "true");
  input.focus();
}
