/** `listen` in the shape of a desktop framework's event module, over this machine's daemon. */
import { type ApiEvent, type EventName, api } from "../api.js";

/** Takes a listener away. */
export type UnlistenFn = () => void;

/** What a handler is given, where the caller says what the payload is. */
export interface Event<T> {
  readonly event: string;
  readonly id: number;
  readonly payload: T;
}

/** A handler of such an event. */
export type EventCallback<T> = (event: Event<T>) => void;

/** Listens to an event, or with `NAME:ID` to that of one session. */
export function listen<Name extends string>(event: Name, handler: (event: ApiEvent<EventName<Name>>) => void): Promise<UnlistenFn>;
export function listen<T>(event: string, handler: EventCallback<T>): Promise<UnlistenFn>;
export function listen(event: string, handler: (event: ApiEvent) => void): Promise<UnlistenFn> {
  return api.listen(event, handler);
}

/** The same for the next one only. */
export function once<Name extends string>(event: Name, handler: (event: ApiEvent<EventName<Name>>) => void): Promise<UnlistenFn>;
export function once<T>(event: string, handler: EventCallback<T>): Promise<UnlistenFn>;
export async function once(event: string, handler: (event: ApiEvent) => void): Promise<UnlistenFn> {
  let done = false;
  let unlisten: UnlistenFn | undefined;
  unlisten = await api.listen(event, (told) => {
    if (done) return;
    done = true;
    unlisten?.();
    handler(told);
  });
  if (done) unlisten();
  return unlisten;
}
