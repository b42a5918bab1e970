/** Reads the generated `paths`: which methods a path has, what they take and what they give. Types only. */
import type { paths } from "./generated/api.js";

/** A path of the HTTP interface. */
export type Path = keyof paths;
/** A method. */
export type Verb = "get" | "put" | "post" | "patch" | "delete";

/** The methods of a path. */
export type MethodOf<P extends Path> = {
  [M in Verb]: paths[P] extends { readonly [K in M]: infer Op } ? (Op extends { responses: unknown } ? M : never) : never;
}[Verb];

type Operation<P extends Path, M> = M extends keyof paths[P] ? paths[P][M] : never;
type Json<T> = T extends { readonly content: { readonly "application/json": infer Body } } ? Body : never;
type Responses<Op> = Op extends { readonly responses: infer All } ? All : never;

/** The JSON of its good answers. */
export type AnswerOf<P extends Path, M> = {
  [Status in keyof Responses<Operation<P, M>>]: Status extends 200 | 201 | 202
    ? Json<Responses<Operation<P, M>>[Status]>
    : never;
}[keyof Responses<Operation<P, M>>];

/** The JSON that it takes. */
export type BodyOf<P extends Path, M> =
  Operation<P, M> extends { readonly requestBody?: infer Body } ? Json<NonNullable<Body>> : never;

/** Its query. */
export type QueryOf<P extends Path, M> =
  Operation<P, M> extends { readonly parameters: { readonly query?: infer Query } } ? NonNullable<Query> : never;
