/** Reads server-sent events from bytes. It knows nothing of what they mean. */

import { TenureError } from "./errors.js";

/** One frame. */
export interface Frame {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
}

/** A frame longer than this is none of ours, in characters (an agent's line may have 32 MB). */
const MAX_FRAME = 80_000_000;

/** The frames of a body, comments left out; `onBytes` is told whenever anything comes. */
export async function* frames(body: AsyncIterable<Uint8Array>, onBytes?: () => void): AsyncGenerator<Frame> {
  const decoder = new TextDecoder();
  let pieces: string[] = [];
  let waiting = 0;
  for await (const chunk of body) {
    onBytes?.();
    const text = decoder.decode(chunk, { stream: true });
    waiting += text.length;
    if (waiting > MAX_FRAME) throw new TenureError("unintelligible", "a frame of over 80 MB");
    pieces.push(text);
    // A frame ends in an empty line; a piece without a newline cannot end one.
    if (!text.includes("\n")) continue;
    const all = pieces.join("").split(/\r?\n\r?\n/);
    const rest = all.pop() ?? "";
    pieces = [rest];
    waiting = rest.length;
    for (const block of all) {
      const frame = read(block);
      if (frame !== undefined) yield frame;
    }
  }
}

function read(block: string): Frame | undefined {
  let id: string | undefined;
  let event = "message";
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon === 0) continue;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "id") id = value;
    else if (name === "event") event = value;
    else if (name === "data") data.push(value);
  }
  return data.length === 0 ? undefined : { id, event, data: data.join("\n") };
}
