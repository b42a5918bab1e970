/** The words of a conformance case: names filled in, patterns fitted. What the steps do is the runner's business. */
import assert from "node:assert/strict";

/** A step as it stands in the data. */
export interface Step {
  readonly do: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly on?: string;
  readonly via?: string;
  readonly as?: string;
  readonly expect?: unknown;
  readonly fails?: unknown;
  readonly later?: boolean;
  readonly steps?: readonly Step[];
}

/** A case. */
export interface Case {
  readonly name: string;
  readonly agents: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly steps: readonly Step[];
}

const FIELDS = ["do", "with", "on", "via", "as", "expect", "fails", "later", "steps"];

/** A value of the data with its names filled in. */
export function filled(value: unknown, kept: ReadonlyMap<string, unknown>): unknown {
  if (typeof value === "string") {
    const found = /^\$([a-z_]+)((?:\.[a-z0-9_]+)*)(\/.*)?$/.exec(value);
    if (found === null) return value;
    const [, name = "", path = "", rest] = found;
    assert.ok(kept.has(name), `there is no ${value}`);
    const fields = path.split(".").slice(1);
    const at = fields.reduce<unknown>((of, field) => (of as Record<string, unknown>)[field], kept.get(name));
    return rest === undefined ? at : `${at as string}${rest}`;
  }
  if (Array.isArray(value)) return value.map((item) => filled(item, kept));
  if (typeof value !== "object" || value === null) return value;
  if ("$script" in value) return `@@${JSON.stringify(value.$script)}@@`;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, filled(item, kept)]));
}

/** Refuses what this runner does not know. */
export function known(step: Step): void {
  const odd = Object.keys(step).filter((name) => !FIELDS.includes(name));
  assert.deepEqual(odd, [], `a step with ${odd.join(", ")}`);
}

/** Whether a value fits a pattern. */
export function fits(pattern: unknown, value: unknown): boolean {
  if (pattern === null || pattern === undefined) return value === null || value === undefined;
  if (Array.isArray(pattern)) {
    return Array.isArray(value) && value.length === pattern.length && pattern.every((one, i) => fits(one, value[i]));
  }
  if (typeof pattern !== "object") return pattern === value;
  const [word, of] = Object.entries(pattern)[0] ?? ["", undefined];
  if (word.startsWith("$")) return special(word, of, value);
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(pattern).every(([name, one]) => fits(one, (value as Record<string, unknown>)[name]));
}

function special(word: string, of: unknown, value: unknown): boolean {
  switch (word) {
    case "$any":
      return value !== null && value !== undefined;
    case "$contains":
      return typeof value === "string" && value.includes(of as string);
    case "$count":
      return Array.isArray(value) && value.length === of;
    case "$not":
      return !fits(of, value);
    case "$has": {
      if (!Array.isArray(value)) return false;
      let at = 0;
      for (const one of of as unknown[]) {
        while (at < value.length && !fits(one, value[at])) at++;
        if (at++ >= value.length) return false;
      }
      return true;
    }
    default:
      throw new Error(`a pattern ${word}`);
  }
}
