// @ts-check
/**
 * Which of the tabs holds the connection: the one that holds a Web Lock. The browser passes it on when
 * that tab closes or crashes, and only then, so no clock is involved.
 */

export class Election {
  /** Ends the candidacy, or the office. */
  #end = () => {};
  #over = false;

  /**
   * @param {object} how
   * @param {LockManager} how.locks
   * @param {string} how.name
   * @param {() => void} how.won
   * @param {() => void} how.lost another tab took it, since this one did not answer
   */
  constructor({ locks, name, won, lost }) {
    this.locks = locks;
    this.name = name;
    this.won = won;
    this.lost = lost;
  }

  /** Wait for the office. */
  enter() {
    void this.#run({});
  }

  /** Take it: who holds it does not answer (a phone stops a hidden page without ending it). */
  seize() {
    this.#end();
    void this.#run({ steal: true });
  }

  leave() {
    this.#over = true;
    this.#end();
  }

  /** @param {{steal?: boolean}} how */
  async #run(how) {
    const candidacy = new AbortController();
    let held = false;
    this.#end = () => candidacy.abort();
    // The API refuses a signal beside `steal`.
    const options = how.steal ? how : { signal: candidacy.signal };
    try {
      await this.locks.request(this.name, options, async () => {
        held = true;
        this.won();
        await new Promise((release) => {
          this.#end = () => release(undefined);
        });
      });
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "AbortError") throw error;
      if (!held || this.#over) return;
      this.lost();
      this.enter();
    }
  }
}

/**
 * Hold a lock for as long as this page lives.
 * @param {LockManager} locks @param {string} name @returns {Promise<void>} once it is held; fails where the browser refuses
 */
export function holdForLife(locks, name) {
  return new Promise((held, refused) => {
    const request = locks.request(name, () => {
      held();
      return new Promise(() => {});
    });
    request.catch(refused);
  });
}
