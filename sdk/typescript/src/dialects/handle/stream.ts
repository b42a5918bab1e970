/** A turn as the typed events of this dialect. */
import { Told } from "../../callbacks.js";
import type { FollowedEvent } from "../../events.js";
import { TenureError } from "../../errors.js";
import type { InputContent } from "../../generated/api.js";
import type { Session } from "../../session.js";
import type { SendOptions } from "../../turn.js";
import { type Part, type PermissionReply, type PermissionRequest, type SendResult, type TodoItem, requestOf, resultOf, todoOf, toolPart } from "./shapes.js";

/** What a stream yields. */
export type AgentEvent =
  | { readonly type: "text-delta"; readonly delta: string; readonly partId: string }
  | { readonly type: "reasoning-delta"; readonly delta: string; readonly partId: string }
  | { readonly type: "tool-start"; readonly part: Part }
  | { readonly type: "tool-complete"; readonly part: Part }
  | { readonly type: "tool-error"; readonly part: Part }
  | { readonly type: "permission-asked"; readonly request: PermissionRequest }
  | { readonly type: "permission-replied"; readonly requestId: string; readonly reply: PermissionReply }
  | { readonly type: "todos"; readonly todos: TodoItem[] }
  | { readonly type: "error"; readonly error: { readonly name: string; readonly data: Record<string, unknown> } }
  | { readonly type: "done"; readonly result: SendResult };

/** Sends an input and yields its turn. Leaving the loop leaves the turn running. */
export async function* agentEvents(session: Session, input: InputContent, options: SendOptions = {}): AsyncGenerator<AgentEvent, void, undefined> {
  let said = "";
  for await (const event of session.stream(input, options)) {
    switch (event.type) {
      case "text":
        said += event.text;
        yield { type: "text-delta", delta: event.text, partId: event.partId };
        break;
      case "thought":
        yield { type: "reasoning-delta", delta: event.text, partId: event.partId };
        break;
      case "tool":
        yield { type: toolEvent(event.phase, event.tool.state), part: toolPart(event.tool) };
        break;
      case "ask":
        // Questions, plans and forms have no word here: other clients answer them.
        if (event.ask.kind === "permission") yield { type: "permission-asked", request: requestOf(event.ask) };
        break;
      case "event":
        yield* other(event.event);
        break;
      case "result": {
        const result = resultOf(event.result, said);
        if (result.error !== undefined) yield { type: "error", error: result.error };
        yield { type: "done", result };
      }
    }
  }
}

function toolEvent(phase: "started" | "completed", state: string): "tool-start" | "tool-complete" | "tool-error" {
  if (phase === "started") return "tool-start";
  return state === "completed" ? "tool-complete" : "tool-error";
}

function* other(event: FollowedEvent): Generator<AgentEvent> {
  if (event.type === "todos.updated") yield { type: "todos", todos: event.data.todos.map(todoOf) };
  if (event.type === "ask.resolved") {
    const reply = event.data.decision !== "allow" ? "reject" : event.data.scope === "once" ? "once" : "always";
    yield { type: "permission-replied", requestId: event.data.ask_id, reply };
  }
  if (event.type === "ask.expired" || event.type === "ask.withdrawn") {
    yield { type: "permission-replied", requestId: event.data.ask_id, reply: "reject" };
  }
}

/** What `send` tells while it waits. One that throws, or whose promise rejects, rejects the call with just that; the turn goes on. */
export interface StreamCallbacks {
  readonly onText?: (delta: string) => void;
  readonly onReasoning?: (delta: string) => void;
  readonly onToolStart?: (part: Part) => void;
  readonly onToolComplete?: (part: Part) => void;
  readonly onToolError?: (part: Part) => void;
  /** What it gives (or what its promise gives) is the reply; nothing leaves it to others. */
  readonly onPermission?: (request: PermissionRequest) => PermissionReply | void | Promise<PermissionReply | string | void>;
  readonly onConnect?: () => void;
  readonly onDisconnect?: (why: string) => void;
}

/** Sends an input, calls back, and gives the result. */
export async function sendWithCallbacks(
  session: Session,
  input: InputContent,
  callbacks: StreamCallbacks,
  reply: (requestId: string, reply: PermissionReply) => Promise<void>,
): Promise<SendResult> {
  const told = new Told();
  const ask = async (request: PermissionRequest) => {
    const given = await callbacks.onPermission?.(request);
    if (given === undefined) return;
    await reply(request.id, given as PermissionReply).catch((error: unknown) => {
      // Somebody else was first.
      if (!(error instanceof TenureError) || error.code !== "conflict") throw error;
    });
  };
  const options = { onConnected: callbacks.onConnect, onLost: callbacks.onDisconnect, signal: told.signal };
  try {
    for await (const event of agentEvents(session, input, options)) {
      told.check();
      if (event.type === "text-delta") told.take(callbacks.onText?.(event.delta));
      else if (event.type === "reasoning-delta") told.take(callbacks.onReasoning?.(event.delta));
      else if (event.type === "tool-start") told.take(callbacks.onToolStart?.(event.part));
      else if (event.type === "tool-complete") told.take(callbacks.onToolComplete?.(event.part));
      else if (event.type === "tool-error") told.take(callbacks.onToolError?.(event.part));
      else if (event.type === "permission-asked") void told.beside(ask(event.request));
      else if (event.type === "done") {
        await told.all();
        return event.result;
      }
    }
  } catch (error) {
    told.check();
    throw error;
  }
  throw new TenureError("destroyed", "the turn ended without a result", { sessionId: session.id });
}
