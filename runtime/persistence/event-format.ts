/**
 * Between events and what is kept of them: names and versions, codec, and the adapters that make today's events of old ones.
 *
 *     event ──name, version, tags──▶ codec ──▶ NewEvent        StoredEvent ──▶ codec ──▶ adapters, step by step ──▶ event
 */
import type { NewEvent, Snapshot, StoredEvent } from "../ports/journal.ts";
import type { PayloadCodec } from "../ports/payload-codec.ts";
import type { SnapshotContent } from "./checked-journal.ts";
import { reasonOf } from "./persistence-error.ts";
import { plainJson } from "./plain-json.ts";

/** Makes newer events of one old kind: another shape, another name, several, or none. */
export interface EventAdapter {
  readonly manifest: string;
  /** The version that it takes. */
  readonly version: number;
  /** `data` is what the codec read. What it gives may be old too, and is then adapted further. */
  adapt(data: unknown): readonly AdaptedEvent[];
}

/** What an adapter makes of one kept event, or of one of the parts that it was split into. */
export interface AdaptedEvent {
  readonly manifest: string;
  readonly version: number;
  readonly data: unknown;
}

/** How events and states are kept. */
export interface EventFormatOptions<State, Event> {
  /** Default: JSON, which refuses what it would not give back as it was. */
  readonly codec?: PayloadCodec;
  /** The lasting name of an event's kind. Default: its `type`. */
  manifest?(event: Event): string;
  /** The present version of each kind, by manifest. Default: 1. */
  readonly versions?: Readonly<Record<string, number>>;
  /** Labels for whoever reads the journal; at most 16. Default: none. */
  tags?(event: Event): readonly string[];
  /** For events of earlier versions; at most one for each manifest and version. */
  readonly adapters?: readonly EventAdapter[];
  /** The present version of the state in snapshots. Default: 1. */
  readonly stateVersion?: number;
  /** Makes today's state of a snapshot of another version, or nothing: then it is skipped. Default: skips. */
  adaptState?(data: unknown, version: number): State | undefined;
}

/** Steps of adapting one event; more is taken for a circle of adapters. */
const ADAPTATIONS_MAX = 100;
const VERSION_DEFAULT = 1;
const STATE_MANIFEST = "state";

export class EventFormat<State, Event> {
  readonly #options: EventFormatOptions<State, Event>;
  readonly #codec: PayloadCodec;
  readonly #adapters = new Map<string, EventAdapter>();

  /** @throws when two adapters take the same events. */
  constructor(options: EventFormatOptions<State, Event>) {
    this.#options = options;
    this.#codec = options.codec ?? plainJson;
    for (const adapter of options.adapters ?? []) {
      const key = kindOf(adapter);
      if (this.#adapters.has(key)) throw new Error(`Two adapters take events ${key}`);
      this.#adapters.set(key, adapter);
    }
  }

  /** @throws when the codec refuses it, or it has no manifest. */
  encode(event: Event, wallMs: number): NewEvent {
    const manifest = this.#options.manifest?.(event) ?? typeOf(event);
    const tags = this.#options.tags?.(event) ?? [];
    return { manifest, version: this.#versionOf(manifest), wallMs, tags, payload: this.#codec.encode(event) };
  }

  /** Today's events of one that was kept: mostly one. @throws when no adapter knows its version, or the codec its bytes. */
  decode({ manifest, version, payload }: StoredEvent): readonly Event[] {
    const data = this.#codec.decode(payload);
    const current = this.#isCurrent(manifest, version);
    return current && this.#adapters.size === 0 ? [data as Event] : this.#adapt({ manifest, version, data });
  }

  encodeState(state: State, wallMs: number): SnapshotContent {
    const version = this.#options.stateVersion ?? VERSION_DEFAULT;
    return { manifest: STATE_MANIFEST, version, wallMs, payload: this.#codec.encode(state) };
  }

  /** The state, or why this snapshot is of no use. */
  decodeState({ version, payload }: Snapshot): { readonly state: State } | { readonly unusable: string } {
    const wanted = this.#options.stateVersion ?? VERSION_DEFAULT;
    try {
      const data = this.#codec.decode(payload);
      if (version === wanted) return { state: data as State };
      const state = this.#options.adaptState?.(data, version);
      return state === undefined ? { unusable: `it is of version ${version}, wanted ${wanted}` } : { state };
    } catch (error) {
      return { unusable: reasonOf(error) };
    }
  }

  #adapt(stored: AdaptedEvent): readonly Event[] {
    const events: Event[] = [];
    const waiting = [stored];
    for (let steps = 0; ; steps++) {
      const next = waiting.shift();
      if (next === undefined) return events;
      if (steps > ADAPTATIONS_MAX) throw new Error(`adapters make events ${kindOf(stored)} of each other without end`);
      const adapter = this.#adapters.get(kindOf(next));
      if (adapter !== undefined) waiting.unshift(...adapter.adapt(next.data));
      else if (this.#isCurrent(next.manifest, next.version)) events.push(next.data as Event);
      else {
        const current = this.#versionOf(next.manifest);
        throw new Error(`it is ${kindOf(next)}; this program knows version ${current} and has no adapter for that`);
      }
    }
  }

  #isCurrent(manifest: string, version: number): boolean {
    return version === this.#versionOf(manifest);
  }

  #versionOf(manifest: string): number {
    return this.#options.versions?.[manifest] ?? VERSION_DEFAULT;
  }
}

function kindOf({ manifest, version }: { readonly manifest: string; readonly version: number }): string {
  return `"${manifest}" of version ${version}`;
}

function typeOf(event: unknown): string {
  if (typeof event === "object" && event !== null && "type" in event && typeof event.type === "string")
    return event.type;
  throw new TypeError(`an event without a type needs the option "manifest"`);
}
