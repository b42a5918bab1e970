/** `listen` in the shape of a desktop framework's event module, over this machine's daemon. */
import { type ApiEvent, type EventName, api } from "../api.js";

/** Takes a listener away. */
export type UnlistenFn = () => void;

/** Listens to an event, or with `NAME:ID` to that of one session. */
export function listen<Name extends string>(
  event: Name,
  handler: (event: ApiEvent<EventName<Name>>) => void,
): Promise<UnlistenFn> {
  return api.listen(event, handler);
}

/** The same for the next one only. */
export async function once<Name extends string>(
  event: Name,
  handler: (event: ApiEvent<EventName<Name>>) => void,
): Promise<UnlistenFn> {
  let done = false;
  let unlisten: UnlistenFn | undefined;
  unlisten = await api.listen(event, (told: ApiEvent<EventName<Name>>) => {
    if (done) return;
    done = true;
    unlisten?.();
    handler(told);
  });
  if (done) unlisten();
  return unlisten;
}
