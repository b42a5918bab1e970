/** Lists that come in pages. */

/** A list: awaited it is its first page; looped over it is all of it. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string | null;
}

/** A page when it is awaited, everything when it is looped over. */
export interface Listed<T> extends PromiseLike<Page<T>>, AsyncIterable<T> {}

/**
 * Makes such a list of a call for one page; `by` is where it takes what the page before named as `next`. Asks for
 * nothing until it is awaited or looped over.
 */
export function pages<T>(query: object, page: (query: object) => Promise<Page<T>>, by = "cursor"): Listed<T> {
  return {
    then: (resolve, reject) => page(query).then(resolve, reject),
    async *[Symbol.asyncIterator]() {
      let next: string | null | undefined;
      do {
        // A place to begin counts once; the pages after it are found by their cursor.
        const asked: object = next ? { ...query, offset: undefined, [by]: next } : query;
        const one: Page<T> = await page(asked);
        yield* one.items;
        next = one.next;
      } while (next);
    },
  };
}
