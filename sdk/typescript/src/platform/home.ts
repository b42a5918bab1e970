/** The daemon's home as files: where it is, and what a client reads there. Nothing here connects. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";

/** `given`, else `TENURE_HOME`, else `tenure` in the XDG state directory. */
export function chooseHome(given: string | undefined, env: NodeJS.ProcessEnv = process.env): string {
  const set = (name: string) => env[name] || undefined;
  const state = set("XDG_STATE_HOME");
  const base = state !== undefined && isAbsolute(state) ? state : join(set("HOME") ?? homedir(), ".local/state");
  return resolve(given ?? set("TENURE_HOME") ?? join(base, "tenure"));
}

/** The socket that `daemon.json` names, a hint that is true only if a connection says so; `undefined` if there is no such file. */
export async function daemonSocket(home: string): Promise<string | undefined> {
  try {
    const { socket } = JSON.parse(await readFile(join(home, "daemon.json"), "utf8")) as { socket?: unknown };
    return typeof socket === "string" ? socket : undefined;
  } catch {
    return undefined;
  }
}
