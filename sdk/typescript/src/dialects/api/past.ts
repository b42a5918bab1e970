/**
 * The past in this dialect: directories, the conversations in them, what was said. Sessions of Tenure are told by the
 * daemon's list of them, at once; conversations that other tools have had by its index, as far as that is.
 */
import { TenureError, isTenureError } from "../../errors.js";
import type { AdoptConversation, History as Entry, Message, Session as SessionData } from "../../generated/api.js";
import type { Session } from "../../session.js";
import type { Tenure } from "../../tenure.js";

/** A row of `listProjects`. */
export interface ApiProject {
  readonly id: string;
  readonly path: string;
  /** Ids of its sessions, newest activity first. */
  readonly sessions: readonly string[];
  /** Seconds since 1970. */
  readonly created_at: number;
}

/** A row of `getProjectSessions`. */
export interface ApiSession {
  /** Ours, or for a conversation that no session here holds its agent's. */
  readonly id: string;
  readonly project_id: string;
  readonly project_path: string;
  /** Seconds since 1970. */
  readonly created_at: number;
  readonly first_message?: string;
  readonly message_timestamp?: string;
}

/** A row of `loadSessionHistory`. */
export interface HistoryRow {
  readonly id: string;
  readonly role: string;
  readonly content: string;
  readonly timestamp: string;
}

/** Rows that are asked for at once. */
const PAGE = 1000;
/** How long the first reading of the index is waited for, in milliseconds. */
const FIRST_LOOK_MS = 30_000;
/** And what was written since, where something is looked for that is not known. */
const NEXT_LOOK_MS = 10_000;

/** A session, or a conversation that none holds. */
interface Row {
  readonly id: string;
  readonly project: { readonly id: string; readonly path: string };
  readonly cwd: string;
  readonly created: string;
  readonly updated: string;
  readonly first: string | null | undefined;
}

/** The past of one daemon, or of its sessions with one tag. */
export class Past {
  readonly #tenure: Tenure;
  readonly #tag: string | undefined;
  readonly #agent: string;
  #read = false;

  constructor(tenure: Tenure, agent: string, tag: string | undefined) {
    this.#tenure = tenure;
    this.#agent = agent;
    this.#tag = tag;
  }

  /** Directories in which there are sessions, each once; newest activity first. */
  async projects(): Promise<ApiProject[]> {
    const recorded = new Map((await this.#tenure.projects.list()).map((project) => [project.id, project.created_at]));
    const found = new Map<string, { row: Row; sessions: string[]; created: number }>();
    for (const row of await this.#rows()) {
      const created = seconds(row.created);
      const known = found.get(row.project.path);
      if (known === undefined) {
        const since = recorded.get(row.project.id);
        found.set(row.project.path, { row, sessions: [row.id], created: since === undefined ? created : Math.min(created, seconds(since)) });
        continue;
      }
      known.sessions.push(row.id);
      known.created = Math.min(known.created, created);
    }
    const rows = [...found.values()];
    return rows.map(({ row: { project }, sessions, created }) => ({ id: project.id, path: project.path, sessions, created_at: created }));
  }

  /** Those of one project, newest activity first. */
  async sessions(projectId: string): Promise<ApiSession[]> {
    await this.#project(projectId);
    const rows = await this.#rows(projectId);
    return rows.map((row) => ({
      id: row.id,
      project_id: projectId,
      project_path: row.cwd,
      created_at: seconds(row.created),
      ...(row.first == null ? {} : { first_message: row.first, message_timestamp: row.created }),
    }));
  }

  /** Everything that was said in one of a project, oldest first; `session` is the one here that holds it. */
  async messages(id: string, projectId: string, session: SessionData | undefined): Promise<HistoryRow[]> {
    const path = await this.#project(projectId);
    const absent = () => new TenureError("not_found", `session ${id} is not in project ${projectId}`, { sessionId: id });
    if (session !== undefined && session.project.path !== path) throw absent();
    const here = session === undefined ? undefined : await all(this.#tenure.session(session.id).messages({ limit: PAGE }));
    const entry = session === undefined ? await this.#entry(id, projectId) : await this.#before(session, here);
    if (entry !== undefined) return all(this.#tenure.history.messages(entry.agent, entry.native_id, { limit: PAGE }));
    if (here === undefined) throw absent();
    return here;
  }

  /** The conversation that a session has taken up, where the session does not show what was said before that. */
  async #before(session: SessionData, here: readonly HistoryRow[] | undefined): Promise<Entry | undefined> {
    if (session.native_id == null || this.#tag !== undefined) return undefined;
    try {
      const entry = await this.#tenure.history.get(session.agent, session.native_id);
      const first = here?.[0]?.timestamp ?? session.created_at;
      return entry.created_at != null && Date.parse(entry.created_at) < Math.min(Date.parse(session.created_at), Date.parse(first)) ? entry : undefined;
    } catch (error) {
      if (isTenureError(error, "not_found")) return undefined;
      throw error;
    }
  }

  /** The conversation of this dialect's agent in a directory that was last written, unless a session here holds it. */
  async newest(cwd: string): Promise<Entry | undefined> {
    if (this.#tag !== undefined) return undefined;
    await this.#looked();
    const query = { cwd, agent: this.#agent, archived: "any", include_worktrees: false, limit: 1 };
    const entry = (await this.#tenure.history.list(query)).items[0];
    return entry?.session_id == null ? entry : undefined;
  }

  /** Goes on in one; none if nothing is known of it, also once all that is there now was read. */
  async adopt(native_id: string, request: AdoptConversation): Promise<Session | undefined> {
    for (const look of [() => this.#looked(), () => this.#tenure.history.index({ wait_ms: NEXT_LOOK_MS })]) {
      await look();
      try {
        return await this.#tenure.history.adopt(this.#agent, native_id, request);
      } catch (error) {
        if (!isTenureError(error, "not_found")) throw error;
      }
    }
    return undefined;
  }

  /** One by its agent's id; of two agents with one id that of this dialect goes before. */
  async #entry(id: string, projectId: string): Promise<Entry | undefined> {
    if (this.#tag !== undefined) return undefined;
    await this.#looked();
    try {
      const entry = await this.#tenure.history.get(this.#agent, id);
      if (entry.project?.id === projectId) return entry;
    } catch (error) {
      if (!isTenureError(error, "not_found")) throw error;
    }
    for await (const entry of this.#tenure.history.list({ project: projectId, archived: "any", limit: PAGE })) {
      if (entry.native_id === id) return entry;
    }
    return undefined;
  }

  async #rows(project?: string): Promise<Row[]> {
    const rows = new Map<string, Row>();
    const query = { project, archived: "any", limit: PAGE } as const;
    for await (const s of this.#tenure.sessions.list({ ...query, ...(this.#tag === undefined ? {} : { tag: this.#tag }) })) {
      rows.set(s.id, { id: s.id, project: s.project, cwd: s.cwd, created: s.created_at, updated: s.updated_at, first: s.first_input });
    }
    if (this.#tag === undefined) {
      await this.#looked();
      for await (const entry of this.#tenure.history.list(query)) {
        const created = entry.created_at ?? entry.updated_at;
        const { native_id: id, project: where, updated_at: updated, first_input: first } = entry;
        const ours = entry.session_id == null ? undefined : rows.get(entry.session_id);
        // A session that has taken a conversation up began when that did.
        if (ours !== undefined && Date.parse(created) < Date.parse(ours.created)) rows.set(ours.id, { ...ours, created, first });
        // What else a session here holds is told by the session; what worked in no directory is in no project.
        if (entry.session_id != null || where == null) continue;
        rows.set(`${entry.agent} ${id}`, { id, project: where, cwd: entry.cwd ?? where.path, created, updated, first });
      }
    }
    return [...rows.values()].sort((a, b) => Date.parse(b.updated) - Date.parse(a.updated));
  }

  /** A daemon that has just been started has read nothing yet. */
  async #looked(): Promise<void> {
    if (this.#read) return;
    const { enabled, looked_at } = await this.#tenure.history.index();
    if (enabled && looked_at == null) await this.#tenure.history.index({ wait_ms: FIRST_LOOK_MS });
    this.#read = true;
  }

  async #project(id: string): Promise<string> {
    const project = (await this.#tenure.projects.list()).find((one) => one.id === id);
    if (project === undefined) throw new TenureError("not_found", `there is no project ${id}`);
    return project.path;
  }
}

/** All messages as rows. */
async function all(messages: AsyncIterable<Message>): Promise<HistoryRow[]> {
  const rows: HistoryRow[] = [];
  for await (const { id, role, text: content, ts: timestamp } of messages) rows.push({ id, role, content, timestamp });
  return rows;
}

/** Whole seconds since 1970. */
function seconds(timestamp: string): number {
  return Math.floor(Date.parse(timestamp) / 1000);
}
