// @ts-check
/** What every page with something live has in common: calls of the API, and a line to the browser's one connection. */

import { Api } from "./api.js";
import { browserClock as clock } from "./clock.js";
import { Connection } from "./connection.js";
import { browserTransports, kindNamed, Ladder } from "./ladder.js";
import { cookie, lastingStorage, socketUrl } from "./page.js";
import { appointHerald } from "./heralds.js";
import { lineToHub } from "./tabs.js";

/** @param {import("./page.js").LivePage} page */
export async function connect(page) {
  const { user } = page;
  const storage = lastingStorage();
  const fixed = kindNamed(new URLSearchParams(location.search).get("transport"));
  const api = new Api({ root: page.api, csrfToken: () => cookie(page.csrfCookie) ?? page.csrfToken, user });
  const owner = `${user?.id ?? "guest"}`;
  const line = await lineToHub({
    name: `chat:1:${owner}:${fixed ?? "auto"}`,
    clock,
    connect: (outlet) => {
      const make = browserTransports({ api, clock, socketUrl: socketUrl(page) });
      return new Connection({ ladder: new Ladder({ make, fixed, storage, clock }), api, clock, user, outlet });
    },
    ...(user ? { herald: appointHerald({ user, storage, api, clock }) } : {}),
  });
  return { api, line, storage, owner };
}
