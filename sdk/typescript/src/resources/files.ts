/** The files where a session works, as bytes. Paths are relative to its directory, or absolute and below it. */
import type { CallOptions, Connection } from "../connection.js";
import type { FileEntry, FilesFound, GrepFound } from "../generated/api.js";
import { type Listed, pages } from "./pages.js";

/** What a file's bytes may be written with. */
export interface WriteOptions extends CallOptions {
  /** Permissions, for example `755`; else those of the file that is replaced. */
  readonly mode?: string | undefined;
  /** Only if the file's etag is this one; `"absent"` only if there is none. Else `conflict`. */
  readonly ifMatch?: string | undefined;
}

/** Files of one session. Needs no live agent. */
export class Files {
  readonly #connection: Connection;
  readonly #session: string;

  constructor(connection: Connection, session: string) {
    this.#connection = connection;
    this.#session = session;
  }

  /** A file's bytes. */
  read(path: string, options: CallOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const request = { method: "GET", path: this.#path(), query: { path }, headers: { accept: "*/*" } };
    return this.#connection.bytes({ ...request, limitMs: Infinity, ...options });
  }

  /** A file's text, UTF-8. */
  async text(path: string, options: CallOptions = {}): Promise<string> {
    return new TextDecoder().decode(await this.read(path, options));
  }

  /** Writes a file whole, beside the old one, and replaces it. Directories on the way are made. */
  async write(path: string, content: Uint8Array | string, options: WriteOptions = {}): Promise<FileEntry> {
    const headers: Record<string, string> = { "content-type": "application/octet-stream" };
    if (options.ifMatch === "absent") headers["if-none-match"] = "*";
    else if (options.ifMatch !== undefined) headers["if-match"] = options.ifMatch;
    const query = { path, mode: options.mode };
    const { signal } = options;
    const request = { method: "PUT", path: this.#path(), query, headers, body: content, signal, limitMs: Infinity };
    return JSON.parse(new TextDecoder().decode(await this.#connection.bytes(request))) as FileEntry;
  }

  /** Makes a directory, and those on the way. */
  async makeDirectory(path: string, options: CallOptions = {}): Promise<FileEntry> {
    const query = { path, directory: true };
    return (await this.#connection.json("put", this.#path(), { query, ...options })) as FileEntry;
  }

  /** Removes a file, a link or an empty directory; a full one with `recursive`. */
  remove(path: string, options: CallOptions & { recursive?: boolean } = {}): Promise<FileEntry> {
    const { signal, recursive } = options;
    const query = { path, recursive };
    return this.#connection.call("delete", "/v1/sessions/{id}/files", [this.#session], { query, signal });
  }

  /** What a directory holds, by name. */
  list(path = ".", options: CallOptions & { limit?: number } = {}): Listed<FileEntry> {
    const { signal, ...query } = options;
    return pages({ path, ...query }, (more) =>
      this.#connection.call("get", "/v1/sessions/{id}/files/list", [this.#session], { query: more as { path: string }, signal }),
    );
  }

  /** What a path is. */
  stat(path: string, options: CallOptions = {}): Promise<FileEntry> {
    return this.#connection.call("get", "/v1/sessions/{id}/files/stat", [this.#session], { query: { path }, ...options });
  }

  /** Files by a glob. A page may end early; it has a `next` then. */
  find(glob: string, options: CallOptions & { path?: string; honour_ignore?: boolean; cursor?: string; limit?: number } = {}): Promise<FilesFound> {
    const { signal, ...query } = options;
    return this.#connection.call("get", "/v1/sessions/{id}/files/find", [this.#session], { query: { glob, ...query }, signal });
  }

  /** Lines by a regular expression, or by plain text with `fixed`. */
  grep(
    pattern: string,
    options: CallOptions & {
      fixed?: boolean;
      ignore_case?: boolean;
      path?: string;
      glob?: string;
      honour_ignore?: boolean;
      cursor?: string;
      limit?: number;
    } = {},
  ): Promise<GrepFound> {
    const { signal, ...query } = options;
    return this.#connection.call("get", "/v1/sessions/{id}/files/grep", [this.#session], { query: { pattern, ...query }, signal });
  }

  #path(): string {
    return `/v1/sessions/${encodeURIComponent(this.#session)}/files`;
  }
}
