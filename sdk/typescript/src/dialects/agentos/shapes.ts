/** The shapes of this dialect, in the words of the Agent Client Protocol where it has some. */
import type { Session as SessionData, TurnResult } from "../../generated/api.js";

/** What a prompt is answered with. */
export interface PromptReply {
  /** All that the agent said in the turn. */
  readonly text: string;
  readonly response: {
    readonly jsonrpc: "2.0";
    readonly result?: { readonly stopReason: string };
    /** A turn that failed. */
    readonly error?: { readonly code: number; readonly message: string; readonly data: { readonly code: string; readonly details?: unknown } };
  };
}

/** Modes of a session. */
export interface Modes {
  readonly currentModeId: string | null;
  readonly availableModes: readonly { readonly id: string; readonly name: string; readonly description?: string | null }[];
}

/** Something that can be set on a live session. */
export interface ConfigOption {
  readonly id: "model" | "mode" | "thought_level";
  readonly name: string;
  readonly category: "model" | "mode" | "thought_level";
  readonly type: "select";
  readonly currentValue: string | null;
  readonly options: readonly { readonly value: string; readonly name: string }[];
}

/** JSON-RPC's code for an internal error. */
const INTERNAL = -32603;

/** A result in this dialect's words. */
export function replyOf(result: TurnResult, said: string): PromptReply {
  const jsonrpc = "2.0" as const;
  if (result.outcome === "failed" || result.outcome === "crashed") {
    const { code, message, data } = result.error ?? { code: result.outcome, message: `the turn has ${result.outcome}` };
    const details = data === undefined || data === null ? {} : { details: data };
    return { text: said, response: { jsonrpc, error: { code: INTERNAL, message, data: { code, ...details } } } };
  }
  return { text: said, response: { jsonrpc, result: { stopReason: stopReason(result) } } };
}

function stopReason(result: TurnResult): string {
  if (result.outcome === "interrupted") return "cancelled";
  if (result.outcome === "limit") return "max_turn_requests";
  return result.stop_reason ?? "end_turn";
}

/** Its modes. */
export function modesOf(session: SessionData): Modes {
  const modes = session.capabilities?.modes ?? [];
  const availableModes = modes.map(({ id, name, description }) => ({ id, name, ...(description == null ? {} : { description }) }));
  return { currentModeId: session.mode ?? null, availableModes };
}

/** What can be set on it; nothing that its agent has no choice of. */
export function configOptions(session: SessionData): ConfigOption[] {
  const { models = [], modes = [] } = session.capabilities ?? {};
  const model = session.model ?? session.model_effective ?? null;
  const efforts = models.find((one) => one.id === model)?.efforts ?? models.find((one) => one.efforts?.length)?.efforts ?? [];
  const option = (id: ConfigOption["id"], name: string, currentValue: string | null, options: ConfigOption["options"]): ConfigOption[] =>
    options.length === 0 ? [] : [{ id, name, category: id, type: "select", currentValue, options }];
  return [
    ...option("model", "Model", model, models.map(({ id, name }) => ({ value: id, name }))),
    ...option("mode", "Mode", session.mode ?? null, modes.map(({ id, name }) => ({ value: id, name }))),
    ...option("thought_level", "Thought level", session.effort ?? null, efforts.map((value) => ({ value, name: value }))),
  ];
}
