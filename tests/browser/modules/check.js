// @ts-check
/** Tests that run inside the page: each is registered by its name, and fails by throwing. */

/** @type {Map<string, () => void | Promise<void>>} */
export const tests = new Map();

/** @param {string} name @param {() => void | Promise<void>} run */
export function test(name, run) {
  tests.set(name, run);
}

/** @param {unknown} got @param {unknown} wanted @param {string} [about] */
export function equal(got, wanted, about = "") {
  const [left, right] = [JSON.stringify(got), JSON.stringify(wanted)];
  if (left !== right) throw new Error(`${about}\n   got ${left}\nwanted ${right}`);
}

/** @param {unknown} value @param {string} about */
export function ok(value, about) {
  if (!value) throw new Error(about);
}

/** @param {() => unknown} act @param {string} about */
export function throws(act, about) {
  try {
    act();
  } catch {
    return;
  }
  throw new Error(`nothing was thrown: ${about}`);
}

/** Chance that a seed repeats (mulberry32). @param {number} seed @returns {() => number} */
export function chance(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** @param {() => number} random @param {number} below @returns {number} */
export const whole = (random, below) => Math.floor(random() * below);

/** Time that a test moves. */
export class TestClock {
  #now = 1_000_000;
  /** @type {{at: number, call: () => void}[]} */
  #calls = [];

  /** @param {() => number} [random] */
  constructor(random = () => 0.5) {
    this.random = random;
  }

  now() {
    return this.#now;
  }

  /** @param {number} delay_ms @param {() => void} call */
  after(delay_ms, call) {
    const entry = { at: this.#now + delay_ms, call };
    this.#calls.push(entry);
    return () => {
      this.#calls = this.#calls.filter((other) => other !== entry);
    };
  }

  /** Time passes, and nothing is called meanwhile: the computer sleeps. @param {number} for_ms */
  sleep(for_ms) {
    this.#now += for_ms;
  }

  /** How many calls wait. */
  get pending() {
    return this.#calls.length;
  }

  /** Let time pass until something is so, an hour at most. @param {() => boolean} so */
  async until(so) {
    const end = this.#now + 3_600_000;
    while (!so() && this.#now < end) await this.advance(100);
    ok(so(), "it did not come to it in an hour");
  }

  /** @param {number} by_ms */
  async advance(by_ms) {
    const end = this.#now + by_ms;
    for (;;) {
      await settled();
      const next = this.#calls.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at)[0];
      if (!next) break;
      this.#calls = this.#calls.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.at);
      next.call();
    }
    this.#now = end;
    await settled();
  }
}

/** All promises that can go on have gone on. */
export async function settled() {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

/** Storage as the browser's, empty. @returns {Storage} */
export function storage() {
  /** @type {Map<string, string>} */
  const items = new Map();
  return {
    get length() {
      return items.size;
    },
    key: (at) => [...items.keys()][at] ?? null,
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
    clear: () => items.clear(),
  };
}
