/**
 * Requests with Node's own HTTP, over a Unix socket or TCP. Not `fetch`: that knows no Unix socket, and gives up
 * after five minutes in which a turn has not ended.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";

import type { Link, WireAnswer, WireRequest } from "./transport.js";

/** By a Unix socket. */
export function socketLink(path: string): Link {
  return link(path, new URL("http://localhost"), { socketPath: path });
}

/** By an address, with a token. */
export function urlLink(url: URL, token: string | undefined): Link {
  return link(url.href.replace(/\/+$/, ""), url, {}, token);
}

function link(place: string, url: URL, where: { socketPath?: string }, token?: string): Link {
  const secure = url.protocol === "https:";
  const agent = secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  const base = url.pathname.replace(/\/+$/, "");
  const send = (request: WireRequest) =>
    new Promise<WireAnswer>((resolve, reject) => {
      const headers: Record<string, string> = { ...request.headers };
      if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
      const outgoing = (secure ? httpsRequest : httpRequest)(
        {
          ...where,
          ...(where.socketPath === undefined ? { hostname: url.hostname.replace(/^\[|\]$/g, ""), port: url.port } : {}),
          agent,
          method: request.method,
          path: base + request.target,
          headers,
          signal: request.signal,
        },
        (incoming) => resolve(answer(incoming)),
      );
      outgoing.on("error", reject);
      outgoing.end(request.body);
    });
  return { place, send, close: () => agent.destroy() };
}

function answer(incoming: IncomingMessage): WireAnswer {
  // After the head an error belongs to whoever reads the body; nobody may be reading yet.
  incoming.on("error", () => undefined);
  return {
    status: incoming.statusCode ?? 0,
    header: (name) => {
      const value = incoming.headers[name];
      return Array.isArray(value) ? value[0] : value;
    },
    body: incoming,
    cancel: () => void incoming.destroy(),
  };
}
