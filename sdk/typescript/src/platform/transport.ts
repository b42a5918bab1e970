/**
 * How requests travel: what the client needs of a platform, and nothing about what the requests mean.
 */

/** A request as it goes out. */
export interface WireRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | undefined;
  readonly signal: AbortSignal;
}

/** An answer whose head has come. Its body must be read to the end or cancelled. */
export interface WireAnswer {
  readonly status: number;
  header(name: string): string | undefined;
  /** The bytes as they come. Leaving the loop lets go of the connection. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Lets go of the connection. */
  cancel(): void;
}

/** A way to one daemon. */
export interface Link {
  /** For messages. */
  readonly place: string;
  /** Sends a request; rejects with any error when no answer comes. */
  send(request: WireRequest): Promise<WireAnswer>;
  /** Closes connections that nobody uses. */
  close(): void;
}

/** Where a daemon is looked for. */
export interface Place {
  readonly url?: string | undefined;
  readonly token?: string | undefined;
  readonly socket?: string | undefined;
  readonly home?: string | undefined;
  readonly start: boolean;
  readonly binary?: string | undefined;
}

/** What differs between Node and browsers. */
export interface Platform {
  /**
   * The daemon at a place. `start` says whether one may be started if none runs; with `killed` only one that
   * ended without taking leave.
   */
  find(place: Place, start: "always" | "killed" | "never", signal: AbortSignal): Promise<Link>;
}
