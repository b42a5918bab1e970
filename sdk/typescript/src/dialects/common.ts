/** What the dialects share: whose client they use, and how they refuse what they do not honour. */
import { type ErrorCode, TenureError } from "../errors.js";
import type { Part, Session as SessionData } from "../generated/api.js";
import type { Session } from "../session.js";
import { Tenure, type TenureOptions } from "../tenure.js";

/** A client, or how to make one. */
export type Client = Tenure | TenureOptions;

/** The client of a dialect. */
export function client(given: Client | undefined): Tenure {
  return given instanceof Tenure ? given : new Tenure(given);
}

/** Refuses fields that are not honoured, by name, and what is no object at all; `name` is what the argument is called. */
export function only(call: string, value: unknown, fields: readonly string[], name = "options"): void {
  if (typeof value !== "object" || value === null) {
    throw refusal(call, `wants \`${name}\`, an object, not ${value === null ? "null" : typeof value}`, name);
  }
  const unknown = Object.keys(value).find((field) => !fields.includes(field));
  if (unknown !== undefined) throw refusal(call, `does not take \`${unknown}\``, unknown);
}

/** A call that makes no sense in this dialect. */
export function refusal(call: string, what: string, field?: string): TenureError<"usage"> {
  return new TenureError("usage", `${call} ${what}`, { field });
}

/** Wants a text that says something. */
export function text(call: string, name: string, value: unknown): string {
  if (typeof value !== "string" || value.trim() === "") throw refusal(call, `wants \`${name}\`, a text`, name);
  return value;
}

/** A session that is there: what is left of one that was destroyed is not. */
export function present(session: SessionData): SessionData {
  if (session.lifecycle !== "destroyed") return session;
  throw new TenureError("not_found", `session ${session.id} was destroyed`, { sessionId: session.id });
}

/** The text parts of a message, joined. */
export function textOf(parts: readonly Part[]): string {
  return parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}

/** Waits until a turn has taken the input with which a session was created; rejects if its agent does not start. */
export async function begun(session: Session): Promise<void> {
  const input = session.created?.receipt?.input_id;
  for await (const event of session.follow()) {
    if (event.type === "input.started" && event.data.input_id === input) return;
    if (event.type === "session.failed") {
      const { code, message, data } = event.data.error;
      throw new TenureError(code as ErrorCode, message, { sessionId: session.id, data });
    }
    if (event.type === "session.closed" || event.type === "session.destroyed") break;
  }
  throw new TenureError("closed", "the session was ended before its first turn", { sessionId: session.id });
}
