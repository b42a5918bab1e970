/** The events of a log as types: what `follow` yields. The kinds come from the OpenAPI document. */
import type { Ephemeral, EventEnvelope, EventKind } from "./generated/api.js";

/** A numbered fact. `type` tells the shape of `data`; a later daemon may send kinds that are not among these. */
export type DurableEvent<Type extends EventKind["type"] = EventKind["type"]> = Omit<EventEnvelope, "type" | "data"> &
  Extract<EventKind, { type: Type }>;

/** A piece of what is being written; without a number, never repeated. */
export type EphemeralEvent = Ephemeral & { readonly seq?: never };

/** Retention has removed these events. */
export interface Gap {
  readonly type: "gap";
  readonly data: { readonly from: number; readonly to: number };
  readonly seq?: never;
}

/** What a follower yields. */
export type FollowedEvent = DurableEvent | EphemeralEvent | Gap;

/** Whether it is a numbered fact. */
export function isDurable(event: FollowedEvent): event is DurableEvent {
  return event.seq !== undefined;
}
