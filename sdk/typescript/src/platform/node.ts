/**
 * Node: finds the daemon of a home by its Unix socket, and starts one if it may. The address beside it is not asked: after
 * the daemon's death it may be anybody's, and the token would be shown to whoever that is.
 * `tenure up --detach` does the starting: of two that start one at once, it waits for the one that wins.
 */
import { spawn } from "node:child_process";

import { TenureError, sentence } from "../errors.js";
import { checked } from "./check.js";
import { chooseHome, daemonSocket } from "./home.js";
import { socketLink, urlLink } from "./node-link.js";
import type { Link, Place, Platform } from "./transport.js";

/** How long a daemon may take to start, in milliseconds; it takes some 50. */
const START_MS = 30_000;
/** How much of its words is shown when it did not, in characters. */
const WORDS = 1500;

export const platform: Platform = {
  async find(place, start, signal) {
    if (place.url !== undefined) return byUrl(place.url, place.token, signal);
    if (place.socket !== undefined) return checked(socketLink(place.socket), signal);
    const home = chooseHome(place.home);
    const killed = (await daemonSocket(home)) !== undefined;
    try {
      return await ofHome(home, signal);
    } catch (error) {
      const may = place.start && (start === "always" || (start === "killed" && killed));
      if (!may || !(error instanceof TenureError) || error.code !== "unreachable") throw error;
    }
    await startDaemon(home, place, signal);
    return ofHome(home, signal);
  },
};

function byUrl(url: string, token: string | undefined, signal: AbortSignal): Promise<Link> {
  if (!URL.canParse(url)) throw new TenureError("usage", `\`url\` is no address: ${url}`);
  return checked(urlLink(new URL(url), token), signal);
}

async function ofHome(home: string, signal: AbortSignal): Promise<Link> {
  const socket = await daemonSocket(home);
  if (socket === undefined) {
    throw new TenureError("unreachable", `no daemon answers at ${home}: none runs there (\`tenure up\` starts one)`);
  }
  return checked(socketLink(socket), signal);
}

function startDaemon(home: string, place: Place, signal: AbortSignal): Promise<void> {
  const program = place.binary ?? process.env["TENURE_BIN"] ?? "tenure";
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new TenureError("not_started", `the daemon did not start: ${why}`));
    // Aborting stops the waiting, not a daemon that is on its way.
    const child = spawn(program, ["--home", home, "up", "--detach"], { stdio: ["ignore", "ignore", "pipe"] });
    const timer = setTimeout(() => {
      child.kill();
      fail(`\`${program} up --detach\` has not come to an end in ${START_MS / 1000} s`);
    }, START_MS);
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    };
    const stop = () => {
      done();
      child.unref();
      child.stderr.destroy();
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", stop, { once: true });
    let words = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (words = (words + text).slice(-WORDS)));
    child.on("error", (error: NodeJS.ErrnoException) => {
      done();
      const missing = error.code === "ENOENT";
      fail(missing ? `there is no \`${program}\`; install it, or name it by TENURE_BIN or \`binary\`` : sentence(error));
    });
    child.on("exit", (code, killed) => {
      done();
      // Its standard error may be held open by what it has left; nobody waits for that.
      child.stderr.destroy();
      if (code === 0) resolve();
      else fail(`\`${program} up --detach\` ended with ${killed ?? code}${words ? `: ${words.trim()}` : ""}`);
    });
  });
}
