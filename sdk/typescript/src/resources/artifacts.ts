/** Named outputs of a session, with versions. */
import type { CallOptions, Connection } from "../connection.js";
import type { Artifact, ArtifactVersion } from "../generated/api.js";

/** Artifacts of one session. */
export class Artifacts {
  readonly #connection: Connection;
  readonly #session: string;

  constructor(connection: Connection, session: string) {
    this.#connection = connection;
    this.#session = session;
  }

  /** All of them, each with its versions. */
  async list(options: CallOptions = {}): Promise<readonly Artifact[]> {
    return (await this.#connection.call("get", "/v1/sessions/{id}/artifacts", [this.#session], options)).items;
  }

  /** The bytes of the newest version, or of one. */
  read(key: string, options: CallOptions & { version?: number } = {}): Promise<Uint8Array<ArrayBuffer>> {
    const { signal, version } = options;
    const request = { method: "GET", path: this.#path(key), query: { version }, headers: { accept: "*/*" } };
    return this.#connection.bytes({ ...request, signal, limitMs: Infinity });
  }

  /** Keeps bytes, or a file of the workspace, as a new version. */
  async keep(key: string, content: Uint8Array | string | { readonly path: string }, options: CallOptions = {}): Promise<ArtifactVersion> {
    const raw = typeof content === "string" || content instanceof Uint8Array;
    const headers = { "content-type": raw ? "application/octet-stream" : "application/json" };
    const body = raw ? content : JSON.stringify(content);
    const request = { method: "PUT", path: this.#path(key), headers, body, limitMs: Infinity, ...options };
    return JSON.parse(new TextDecoder().decode(await this.#connection.bytes(request))) as ArtifactVersion;
  }

  #path(key: string): string {
    return `/v1/sessions/${encodeURIComponent(this.#session)}/artifacts/${encodeURIComponent(key)}`;
  }
}
