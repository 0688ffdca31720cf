// @ts-check
/**
 * The log by keyboard: one stop of the Tab key for all messages, arrows from one to the next.
 *
 * The row that was reached last holds the stop, and what can be pressed in it is reached from there. What is done
 * about a message stands in its menu: Enter, or the menu key. The buttons at either end are gone to like rows.
 */

/** But not code that is scrolled in its box: by keyboard it always is. */
const CONTROLS = "a[href], button, video, audio, [tabindex]:not(pre)";

/** Have the Tab key stop at what can be pressed in a part of a row, or not. @param {Element} part @param {number} index */
export function reach(part, index) {
  const controls = /** @type {HTMLElement[]} */ ([part, ...part.querySelectorAll(CONTROLS)]);
  for (const one of controls) {
    if (one.matches(CONTROLS) && !one.closest("form")) one.tabIndex = one.closest(".acts") ? -1 : index;
  }
}

/**
 * @param {object} how
 * @param {HTMLElement} how.list of the rows: those that can be gone to have a tabindex
 * @param {HTMLElement} how.scroller
 * @param {[HTMLElement, HTMLElement]} how.ends the buttons above and below the rows
 * @param {() => void} how.leave back to where one writes
 */
export function startRoving({ list, scroller, ends: [above, below], leave }) {
  /** @type {HTMLElement | null} */
  let current = null;

  /** @param {HTMLElement | null} row */
  const stop = (row) => {
    if (row === current) return;
    if (current) hold(current, -1);
    current = row;
    if (row) hold(row, 0);
  };
  const rows = () => /** @type {HTMLElement[]} */ ([...list.children]).filter((row) => row.hasAttribute("tabindex"));
  const rowOf = (/** @type {EventTarget | null} */ target) =>
    rows().find((row) => target instanceof Node && row.contains(target)) ?? null;
  /** Keep the stop on the page: at the last row in sight, where it is not. */
  const settle = () => {
    const { top, bottom } = scroller.getBoundingClientRect();
    const seen = (/** @type {HTMLElement} */ row) => {
      const box = row.getBoundingClientRect();
      return box.bottom > top && box.top < bottom;
    };
    if (!current?.isConnected || !seen(current)) stop(rows().findLast(seen) ?? rows().at(-1) ?? null);
  };

  list.addEventListener("focusin", ({ target }) => stop(rowOf(target) ?? current));
  scroller.addEventListener("keydown", (event) => {
    const { key, shiftKey } = event;
    const target = /** @type {HTMLElement} */ (event.target);
    const row = rowOf(target);
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
    if (target !== row && target.closest("form, pre, video, audio")) return;
    const all = [above, ...rows(), below].filter((one) => !one.hidden);
    const at = all.indexOf(row ?? target);
    const to = { ArrowUp: all[at - 1], ArrowDown: all[at + 1], Home: rows()[0], End: rows().at(-1) }[key];
    const menu = key === "ContextMenu" || (key === "F10" && shiftKey) || (key === "Enter" && target === row);
    if (at >= 0 && to) {
      to.focus({ preventScroll: true });
      to.scrollIntoView({ block: "nearest" });
    } else if (row && menu) {
      const act = /** @type {HTMLElement | null} */ (row.querySelector("[data-act=more]"));
      if (act) act.click();
      else row.querySelector("button")?.focus();
    } else if (key === "Escape") {
      leave();
    } else {
      return;
    }
    event.preventDefault();
  });
  document.addEventListener(
    "keydown",
    ({ key }) => {
      if (key === "Tab" && !list.contains(document.activeElement)) settle();
    },
    true,
  );
  // They go, or can be pressed no more, once they are pressed.
  above.addEventListener("click", () => rows()[0]?.focus({ preventScroll: true }));
  below.addEventListener("click", () => rows().at(-1)?.focus({ preventScroll: true }));
  new MutationObserver(() => {
    if (!current?.isConnected) stop(rows().at(-1) ?? null);
  }).observe(list, { childList: true });
}

/** @param {HTMLElement} row @param {number} index */
function hold(row, index) {
  row.tabIndex = index;
  for (const part of row.children) reach(part, index);
}
