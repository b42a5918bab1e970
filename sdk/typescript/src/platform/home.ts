/** The daemon's home as files: where it is, and what a client reads there. Nothing here connects. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";

/** `daemon.json`: where the daemon listens. A hint, true only if a connection says so. */
export interface DaemonFile {
  readonly socket: string;
}

/** `given`, else `TENURE_HOME`, else `tenure` in the XDG state directory. */
export function chooseHome(given: string | undefined, env: NodeJS.ProcessEnv = process.env): string {
  const set = (name: string) => env[name] || undefined;
  const state = set("XDG_STATE_HOME");
  const base = state !== undefined && isAbsolute(state) ? state : join(set("HOME") ?? homedir(), ".local/state");
  return resolve(given ?? set("TENURE_HOME") ?? join(base, "tenure"));
}

/** What `daemon.json` says; `undefined` if it is missing or cannot be read as such. */
export async function daemonFile(home: string): Promise<DaemonFile | undefined> {
  try {
    const file: unknown = JSON.parse(await readFile(join(home, "daemon.json"), "utf8"));
    return typeof (file as Partial<DaemonFile>).socket === "string" ? (file as DaemonFile) : undefined;
  } catch {
    return undefined;
  }
}
