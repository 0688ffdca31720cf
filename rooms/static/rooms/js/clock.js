// @ts-check
/**
 * Time and chance, passed in so that a test can hold them.
 * @typedef {object} Clock
 * @property {() => number} now wall clock, milliseconds
 * @property {(delay_ms: number, call: () => void) => (() => void)} after calls once; gives its cancelling
 * @property {() => number} random from 0 up to 1
 */

/** @type {Clock} */
export const browserClock = {
  now: () => Date.now(),
  after(delay_ms, call) {
    const timer = setTimeout(call, delay_ms);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};
