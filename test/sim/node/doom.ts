/** Seeds at which `doomed-worker.ts` does not do what a thread of a sweep should. */
export const DOOM = { slow: 100, throws: 203, exits: 303, hangs: 403, fails: 503 } as const;
