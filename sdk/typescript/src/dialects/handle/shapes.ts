/** The shapes of this dialect, and how Tenure's become them. */
import type { Ask, InputContent, InputPart, Message, Part as TenurePart, Todo, ToolCompleted, ToolStarted, TurnResult, Usage } from "../../generated/api.js";
import { only, refusal, text } from "../common.js";

/** How a tool call stands. */
export interface ToolState {
  readonly status: "pending" | "running" | "completed" | "error";
  readonly title: string;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly error?: string;
}

/** A part of a message. */
export interface Part {
  readonly id: string;
  readonly type: "text" | "reasoning" | "tool" | "file";
  readonly text?: string;
  readonly tool?: string;
  readonly callID?: string;
  readonly state?: ToolState;
  readonly mime?: string;
  readonly filename?: string;
  readonly url?: string;
}

/** Tokens by kind. */
export interface Tokens {
  readonly input: number;
  readonly output: number;
  readonly reasoning: number;
  readonly cache: { readonly read: number; readonly write: number };
}

/** A permission that the agent asks for. */
export interface PermissionRequest {
  readonly id: string;
  readonly tool: string | undefined;
  readonly input: unknown;
  readonly title: string;
  readonly options: readonly { readonly id: string; readonly name: string; readonly kind: string }[];
}

/** An answer to it. */
export type PermissionReply = "once" | "always" | "reject";

/** How a turn ended. */
export interface SendResult {
  readonly messageId: string;
  readonly text: string;
  readonly parts: Part[];
  readonly tokens?: Tokens;
  readonly cost?: number;
  readonly error?: { readonly name: string; readonly data: Record<string, unknown> };
}

/** An entry of the agent's list. */
export interface TodoItem {
  readonly id: string;
  readonly content: string;
  readonly status: string;
  readonly priority?: string;
}

/** A message with its parts. */
export interface WithParts {
  readonly info: {
    readonly id: string;
    readonly sessionId: string;
    readonly role: string;
    readonly time: { readonly created: number };
    readonly modelId?: string;
    readonly tokens?: Tokens;
    readonly cost?: number;
  };
  readonly parts: Part[];
}

/** A message as it is sent: texts and files. */
export interface MessageInput {
  readonly parts: readonly MessageInputPart[];
}

/** A text, or a file by its bytes (base64 in `data` or a `data:` URL), its text, or its address. */
export type MessageInputPart =
  | { readonly type: "text"; readonly text: string }
  | {
      readonly type: "file";
      readonly mime?: string;
      readonly filename?: string;
      readonly url?: string;
      readonly data?: string | Uint8Array;
      readonly text?: string;
    };

/** A message in Tenure's words. */
export function inputOf(call: string, input: string | MessageInput): InputContent {
  if (typeof input === "string") return text(call, "input", input);
  only(call, input, ["parts"], "input");
  if (!Array.isArray(input.parts) || input.parts.length === 0) throw refusal(call, "wants a text, or `parts`", "parts");
  return { parts: input.parts.map((part) => inputPart(call, part)) };
}

function inputPart(call: string, part: MessageInputPart): InputPart {
  if (part.type === "text") {
    only(call, part, ["type", "text"]);
    return { type: "text", text: part.text };
  }
  if (part.type !== "file") throw refusal(call, `does not know parts of type \`${String((part as { type: unknown }).type)}\``, "parts");
  only(call, part, ["type", "mime", "filename", "url", "data", "text"]);
  const inline = /^data:([^;,]*)(;base64)?,(.*)$/s.exec(part.url ?? "");
  const uri = part.filename ?? (inline ? "file" : (part.url ?? "file"));
  const mime = part.mime ?? (inline?.[1] || undefined);
  if (part.text !== undefined) return { type: "file", uri, mime_type: mime ?? "text/plain", text: part.text };
  let data = part.data instanceof Uint8Array ? base64(part.data) : part.data;
  if (inline) data = inline[2] ? inline[3] : btoa(decodeURIComponent(inline[3] ?? ""));
  if (data === undefined) {
    if (part.url === undefined) throw refusal(call, "wants `data`, `text` or `url` of a file", "parts");
    return { type: "resource_link", uri: part.url, mime_type: mime, name: part.filename };
  }
  if (mime?.startsWith("image/")) return { type: "image", mime_type: mime, data };
  return { type: "file", uri, mime_type: mime, data };
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 32_768) text += String.fromCharCode(...bytes.subarray(at, at + 32_768));
  return btoa(text);
}

/** A part in this dialect's words; what it has no word for is left out. */
export function partOf(part: TenurePart): Part | undefined {
  switch (part.type) {
    case "text":
      return { id: part.id, type: "text", text: part.text };
    case "thought":
      return { id: part.id, type: "reasoning", text: part.text };
    case "plan":
      return { id: part.id, type: "text", text: part.text };
    case "tool":
      return { id: part.id, type: "tool", tool: part.tool, callID: part.tool_id, state: stateOf(part) };
    case "image":
      return { id: part.id, type: "file", mime: part.mime_type, url: `data:${part.mime_type};base64,${part.data ?? ""}` };
    case "file":
    case "resource_link":
      return { id: part.id, type: "file", url: part.uri, filename: part.uri, ...(part.mime_type ? { mime: part.mime_type } : {}) };
    case "other":
      return undefined;
  }
}

/** Those of a message. */
export function partsOf(parts: readonly TenurePart[]): Part[] {
  return parts.map(partOf).filter((part) => part !== undefined);
}

/** A tool call as it is told while it runs. */
export function toolPart(tool: ToolStarted | ToolCompleted): Part {
  return { id: `${tool.message_id}.${tool.tool_id}`, type: "tool", tool: tool.tool, callID: tool.tool_id, state: stateOf(tool) };
}

function stateOf(tool: {
  readonly state: string;
  readonly title: string;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly error?: string | null;
}): ToolState {
  const failed = tool.state === "failed" || tool.state === "denied" || tool.state === "cancelled";
  return {
    status: failed ? "error" : (tool.state as "pending" | "running" | "completed"),
    title: tool.title,
    input: tool.input,
    output: tool.output,
    ...(failed ? { error: tool.error ?? tool.state } : {}),
  };
}

/** Tokens in this dialect's words. */
export function tokensOf(usage: Usage): Tokens {
  return {
    input: usage.input_tokens ?? 0,
    output: usage.output_tokens ?? 0,
    reasoning: usage.reasoning_tokens ?? 0,
    cache: { read: usage.cache_read_tokens ?? 0, write: usage.cache_write_tokens ?? 0 },
  };
}

/** A result; `said` is what the deltas of its turn added up to. */
export function resultOf(result: TurnResult, said: string): SendResult {
  const cost = result.cost_usd ?? result.usage?.cost_usd;
  return {
    messageId: result.message_id ?? "",
    text: said,
    parts: partsOf(result.parts),
    ...(result.usage == null ? {} : { tokens: tokensOf(result.usage) }),
    ...(cost == null ? {} : { cost }),
    ...errorOf(result),
  };
}

function errorOf(result: TurnResult): Pick<SendResult, "error"> {
  if (result.outcome === "completed") return {};
  const { code, message, data } = result.error ?? { code: result.outcome, message: result.limit ?? `the turn was ${result.outcome}` };
  return { error: { name: code, data: { message, outcome: result.outcome, ...(data == null ? {} : { details: data }) } } };
}

/** An ask for a permission. */
export function requestOf(ask: Ask): PermissionRequest {
  const options = (ask.options ?? []).map(({ id, name, kind }) => ({ id, name, kind }));
  return { id: ask.id, tool: ask.tool ?? undefined, input: ask.input, title: ask.title, options };
}

/** A message with its parts. */
export function withParts(sessionId: string, message: Message): WithParts {
  const cost = message.usage?.cost_usd;
  return {
    info: {
      id: message.id,
      sessionId,
      role: message.role,
      time: { created: Date.parse(message.ts) },
      ...(message.model == null ? {} : { modelId: message.model }),
      ...(message.usage == null ? {} : { tokens: tokensOf(message.usage) }),
      ...(cost == null ? {} : { cost }),
    },
    parts: partsOf(message.parts),
  };
}

/** An entry of the agent's list. */
export function todoOf(todo: Todo): TodoItem {
  const { id, content, status, priority } = todo;
  return { id, content, status, ...(priority == null ? {} : { priority }) };
}
