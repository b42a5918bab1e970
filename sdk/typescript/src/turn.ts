/**
 * One input and the turn that serves it: sent once (its id makes it so over any loss), followed to the turn's end,
 * told in a few words. The text pieces add up to what was said, also when some were missed.
 */
import { type CallOptions, type Connection } from "./connection.js";
import { TenureError } from "./errors.js";
import { type FollowedEvent, isDurable } from "./events.js";
import { follow } from "./follow.js";
import type {
  Ask,
  InputContent,
  MessageDelta,
  Part,
  Receipt,
  SendInput,
  ToolCompleted,
  ToolStarted,
  TurnResult,
} from "./generated/api.js";

/** How an input is sent. */
export interface SendOptions extends CallOptions {
  /** How it reaches the agent: behind what waits, into the running turn, or instead of it. */
  readonly delivery?: SendInput["delivery"];
  /** Set when its turn starts, and kept. */
  readonly model?: string | undefined;
  readonly effort?: string | undefined;
  /** An id of yours: the same id again is the same input, and waits for the same turn. */
  readonly id?: string | undefined;
  /** Told when the connection breaks, and when the daemon was found (again). Nothing is lost. */
  readonly onLost?: ((why: string) => void) | undefined;
  readonly onConnected?: (() => void) | undefined;
  /** What an abort does to the turn: nothing, or it is interrupted (or taken back while it is queued). */
  readonly onAbort?: "leave" | "interrupt" | undefined;
}

/** What `stream` yields, in the order in which it happens. */
export type TurnEvent =
  | { readonly type: "text"; readonly text: string; readonly messageId: string; readonly partId: string }
  | { readonly type: "thought"; readonly text: string; readonly messageId: string; readonly partId: string }
  | { readonly type: "tool"; readonly phase: "started" | "completed"; readonly tool: ToolStarted | ToolCompleted }
  | { readonly type: "ask"; readonly ask: Ask }
  | { readonly type: "event"; readonly event: FollowedEvent }
  | { readonly type: "result"; readonly result: TurnResult };

/** Admits an input. */
export async function admit(connection: Connection, id: string, body: SendInput, options: CallOptions = {}): Promise<Receipt> {
  // With an id of its own it is repeatable without a key.
  const path = "/v1/sessions/{id}/inputs";
  const limitMs = body.wait === "accepted" ? {} : { limitMs: Infinity };
  return (await connection.call("post", path, [id], { body, signal: options.signal, ...limitMs })) as Receipt;
}

/**
 * Sends an input and yields what its turn does; the last is its result. Leaving the loop leaves the turn running, and so does
 * `left`, whatever `onAbort` says.
 */
export async function* turn(
  connection: Connection,
  session: string,
  input: InputContent,
  options: SendOptions = {},
  left?: AbortSignal,
): AsyncGenerator<TurnEvent, void, undefined> {
  const { delivery, model, effort, onLost, onConnected } = options;
  const signals = [options.signal, left].filter((one) => one !== undefined);
  const signal = AbortSignal.any(signals);
  const id = options.id ?? `in-${crypto.randomUUID()}`;
  const body: SendInput = { input, id, wait: "accepted", delivery, model, effort };
  try {
    const receipt = await admit(connection, session, body, { signal });
    const path = `/v1/sessions/${encodeURIComponent(session)}/events/stream`;
    const source = { path, query: {}, number: "seq" } as const;
    // What a running turn has said before a steered input came is not ours.
    const events = follow(connection, source, { after: receipt.seq, deltas: true, signal, onLost, onConnected });
    yield* new Turn(connection, session, id, signal).read(events);
    const asked = { ...body, wait: "finished" } as const;
    const limitMs = Infinity;
    const result = await connection.call("post", "/v1/sessions/{id}/inputs", [session], { body: asked, signal, limitMs });
    yield { type: "result", result: result as TurnResult };
  } catch (error) {
    if (options.signal?.aborted && options.onAbort === "interrupt") await takeBack(connection, session, id);
    throw error;
  }
}

/** Ends what an aborted input has begun: takes it back if it waits, else interrupts its turn. */
async function takeBack(connection: Connection, session: string, input: string): Promise<void> {
  try {
    await connection.call("delete", "/v1/sessions/{id}/inputs/{input_id}", [session, input]);
  } catch {
    const path = "/v1/sessions/{id}/interrupt";
    // The abort is what the caller hears of; this is best effort.
    await connection.call("post", path, [session], { body: { wait: "accepted" } }).catch(() => undefined);
  }
}

/** Reads events until the input's turn has ended. */
class Turn {
  readonly #connection: Connection;
  readonly #session: string;
  readonly #input: string;
  #turn: string | undefined;
  readonly #signal: AbortSignal;
  readonly #said = new Said();

  constructor(connection: Connection, session: string, input: string, signal: AbortSignal) {
    this.#signal = signal;
    this.#connection = connection;
    this.#session = session;
    this.#input = input;
  }

  async *read(events: AsyncIterable<FollowedEvent>): AsyncGenerator<TurnEvent, void, undefined> {
    for await (const event of events) {
      if (event.type === "input.started" && event.data.input_id === this.#input) this.#turn = event.data.turn_id;
      if (event.type === "input.cancelled" && event.data.input_id === this.#input) {
        // Whoever asks how its turn ended is told why the session failed.
        if (["failed", "closed", "destroyed"].includes(event.data.reason)) return;
        throw new TenureError("cancelled", `the input was taken back: ${event.data.reason}`, { sessionId: this.#session });
      }
      const ours = this.#turn !== undefined && "turn_id" in event && event.turn_id === this.#turn;
      if (ours) {
        yield { type: "event", event };
        yield* this.#told(event);
      }
      if (event.type === "turn.completed" && (event.data.input_ids?.includes(this.#input) || (ours && !event.data.input_ids?.length))) return;
    }
    throw new TenureError("destroyed", "the session was destroyed before the turn ended", { sessionId: this.#session });
  }

  async *#told(event: FollowedEvent): AsyncGenerator<TurnEvent, void, undefined> {
    if (event.type === "message.delta") {
      const text = event.data.parent_tool_id ? "" : this.#said.piece(event.data);
      const { kind, message_id: messageId, part_id: partId } = event.data;
      if (text) yield { type: kind, text, messageId, partId };
    } else if (event.type === "message.completed") {
      if (event.data.role !== "assistant" || event.data.parent_tool_id) return;
      for (const part of event.data.parts) yield* this.#rest(event.data.message_id, part);
    } else if (event.type === "tool.started") {
      yield { type: "tool", phase: "started", tool: event.data };
    } else if (event.type === "tool.completed") {
      yield { type: "tool", phase: "completed", tool: event.data };
    } else if (isDurable(event) && event.type === "ask.opened") {
      yield { type: "ask", ask: event.data };
    }
  }

  /** What of a part was not said yet. */
  async *#rest(messageId: string, part: Part): AsyncGenerator<TurnEvent, void, undefined> {
    if (part.type !== "text" && part.type !== "thought") return;
    let whole = part.text;
    if (part.blob) {
      const path = `/v1/sessions/${encodeURIComponent(this.#session)}/blobs/${part.blob}`;
      whole = new TextDecoder().decode(await this.#connection.bytes({ method: "GET", path, signal: this.#signal }));
    }
    const text = this.#said.rest(part.id, whole);
    if (text) yield { type: part.type, text, messageId, partId: part.id };
  }
}

/** How much of each part was said, in characters (Unicode scalar values). */
export class Said {
  readonly #parts = new Map<string, number>();

  /** What is new in a piece; nothing if one before it was missed: the end of the message brings both. */
  piece(delta: MessageDelta): string {
    const had = this.#parts.get(delta.part_id) ?? 0;
    if (delta.offset > had) return "";
    const text = [...delta.text].slice(had - delta.offset);
    this.#parts.set(delta.part_id, had + text.length);
    return text.join("");
  }

  /** What is left of a part that is whole. */
  rest(partId: string, whole: string): string {
    const text = [...whole].slice(this.#parts.get(partId) ?? 0);
    this.#parts.set(partId, (this.#parts.get(partId) ?? 0) + text.length);
    return text.join("");
  }
}
