// @ts-check
/**
 * How long to wait before the next attempt: exponential with full jitter, so that the clients of a
 * server that restarts do not come back in step.
 */

export class Backoff {
  #attempts = 0;

  /**
   * @param {() => number} random
   * @param {{base_ms?: number, cap_ms?: number}} [limits]
   */
  constructor(random, { base_ms = 500, cap_ms = 30_000 } = {}) {
    this.random = random;
    this.base_ms = base_ms;
    this.cap_ms = cap_ms;
  }

  /**
   * @param {{atLeast_ms?: number, base_ms?: number}} [asked] what the server asked for: never sooner
   *   than `atLeast_ms`; spread over `base_ms` at the first attempt
   * @returns {number} milliseconds
   */
  next({ atLeast_ms = 0, base_ms = this.base_ms } = {}) {
    const ceiling = Math.min(this.cap_ms, Math.max(this.base_ms * 2 ** this.#attempts, base_ms));
    this.#attempts += 1;
    return atLeast_ms + this.random() * ceiling;
  }

  /** Whether the last attempt was a success. */
  get rested() {
    return this.#attempts === 0;
  }

  reset() {
    this.#attempts = 0;
  }
}
