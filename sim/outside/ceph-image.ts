/**
 * An RBD image: a header, with the exclusive lock and who watches it, and one object of data, in a placement group each. The data is a counter with a
 * stamp: who wrote it last, and which operations of whom have been done.
 *
 * OSDs look at no lock when data is written. What keeps an earlier owner from writing is the blocklist, so a write that was on its way for long lands
 * unless its client stands there. (Ceph documentation, "RBD Exclusive Locks".)
 */
import type { CephClient } from "./ceph-client.ts";
import type { PlacementGroup } from "./ceph-group.ts";

/** Who may write. */
export interface ImageHeader {
  /** Id of a client. */
  readonly owner: string | null;
}

export interface ImageData {
  readonly count: number;
  /** The guest that wrote it. */
  readonly writer: string;
  /** By client: its last operation that is in it. */
  readonly done: ReadonlyMap<string, number>;
}

export const NEW_HEADER: ImageHeader = { owner: null };
export const NEW_DATA: ImageData = { count: 0, writer: "", done: new Map() };

/** Clients whose last operations are remembered; sooner or later nothing of an earlier one is under way. */
const CLIENTS_REMEMBERED = 8;

export class CephImage {
  readonly name: string;
  readonly header: PlacementGroup<ImageHeader>;
  readonly data: PlacementGroup<ImageData>;
  /** By id: clients that have opened it and run, and those that do not run any more. */
  readonly clients: Map<string, CephClient> = new Map();
  /** By id of a client: when its watch was last heard of. */
  readonly watches: Map<string, number> = new Map();

  constructor(name: string, header: PlacementGroup<ImageHeader>, data: PlacementGroup<ImageData>) {
    this.name = name;
    this.header = header;
    this.data = data;
  }

  get owner(): string | null {
    return this.header.state.owner;
  }

  /** A primary that takes over gives each watch its time anew. */
  renewWatches(nowUs: number): void {
    for (const client of this.watches.keys()) this.watches.set(client, nowUs);
  }
}

/** One more, once. */
export function counted(
  { count, done, ...data }: ImageData,
  { client, number, writer }: { readonly client: string; readonly number: number; readonly writer: string },
): ImageData {
  if ((done.get(client) ?? 0) >= number) return { count, done, ...data };
  const others = [...done].filter(([other]) => other !== client).slice(-CLIENTS_REMEMBERED + 1);
  return { count: count + 1, writer, done: new Map([...others, [client, number]]) };
}
