/** Browsers: `fetch` to an address. They know no home, no Unix socket, and start nothing. */
import { TenureError } from "../errors.js";
import { checked } from "./check.js";
import type { Link, Platform, WireAnswer } from "./transport.js";

export const platform: Platform = {
  find(place, _start, signal) {
    const here = (globalThis as { location?: { origin?: string } }).location?.origin;
    const url = place.url ?? here;
    if (url === undefined || place.socket !== undefined || place.home !== undefined) {
      throw new TenureError("usage", "in a browser a daemon is found by `url` and `token` alone");
    }
    return checked(fetchLink(url.replace(/\/+$/, ""), place.token), signal);
  },
};

function fetchLink(base: string, token: string | undefined): Link {
  return {
    place: base,
    close: () => undefined,
    async send(request): Promise<WireAnswer> {
      const headers = new Headers(request.headers);
      if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
      const { method, signal } = request;
      const body = (request.body ?? null) as BodyInit | null;
      const answer = await fetch(base + request.target, { method, headers, body, signal });
      return {
        status: answer.status,
        header: (name) => answer.headers.get(name) ?? undefined,
        body: pieces(answer.body),
        cancel: () => void answer.body?.cancel().catch(() => undefined),
      };
    },
  };
}

/** Not every browser can loop over a stream by itself. */
async function* pieces(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader();
  if (reader === undefined) return;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
