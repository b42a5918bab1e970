/** Whether what answers is a daemon: a link is handed out only after `/healthz` has said so. */
import { TenureError, isTenureError, sentence } from "../errors.js";
import type { Link } from "./transport.js";

/** A daemon that is there answers within a millisecond; a busy machine gets more. */
const HEALTH_MS = 5_000;

/** The link itself, once it has answered. */
export async function checked(link: Link, signal: AbortSignal): Promise<Link> {
  signal.throwIfAborted();
  try {
    const within = AbortSignal.any([signal, AbortSignal.timeout(HEALTH_MS)]);
    const answer = await link.send({ method: "GET", target: "/healthz", headers: {}, signal: within });
    const chunks: Uint8Array[] = [];
    for await (const chunk of answer.body) chunks.push(chunk);
    const text = new TextDecoder().decode(join(chunks));
    if (answer.status !== 200 || !text.includes('"version"')) {
      throw new TenureError("unintelligible", `what answers at ${link.place} is no Tenure daemon`);
    }
    return link;
  } catch (error) {
    link.close();
    signal.throwIfAborted();
    if (isTenureError(error)) throw error;
    throw new TenureError("unreachable", `no daemon answers at ${link.place}: ${sentence(error)}`, { cause: error });
  }
}

/** Several pieces as one. */
export function join(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
