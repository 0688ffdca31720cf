// @ts-check
/** In the admin: gives the boxes that look something up as one types the name that their field has. */

/** @param {HTMLSelectElement} field */
function name(field) {
  const [label] = field.labels ?? [];
  if (!label) return;
  label.id = `${field.id}-label`;
  const boxes = field.parentElement?.querySelectorAll(".select2-selection, .select2-selection__rendered") ?? [];
  for (const box of boxes) box.setAttribute("aria-labelledby", [label.id, ...(box.id ? [box.id] : [])].join(" "));
}

addEventListener("DOMContentLoaded", () => {
  /** @type {NodeListOf<HTMLSelectElement>} */
  const fields = document.querySelectorAll("select.admin-autocomplete");
  for (const field of fields) {
    name(field);
    // The box is put beside its field a little later.
    if (field.parentElement) new MutationObserver(() => name(field)).observe(field.parentElement, { childList: true });
  }
});
