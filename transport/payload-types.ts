/**
 * Types of a user's own in messages: how an instance becomes plain data, and plain data an instance again.
 *
 * Both nodes must know the type. A node that does not, of another version say, loses that one message, says so, and keeps
 * the link. The simulator hands instances over as they are, and asks of `encode` only whether a codec could carry what it
 * returns.
 */
import { isName } from "./parse-frame.ts";

/** One such type. `Value` is the instance's. */
export interface PayloadType<Value = unknown> {
  /** Names it on the wire, for ever: 1 to 64 letters, digits, `-`, `_` and `.`. Unique among the types of a cluster. */
  readonly tag: string;
  /**
   * Whether `value` is one. Asked of objects only, and not of those that need no type: plain objects, arrays, refs, Map,
   * Set, Date, typed arrays. An Error is asked for before it is taken for a plain one.
   */
  matches(value: object): boolean;
  /** What travels: any payload, instances of other types included. What it throws refuses the message, at the sender. */
  encode(value: Value): unknown;
  /**
   * From what travelled, which it must check: it may come from another version. What it throws makes the message a dead
   * letter, and disturbs nothing else.
   */
  decode(plain: unknown): Value;
}

/** The types that a node knows. */
export class PayloadTypes {
  readonly #byTag = new Map<string, PayloadType>();
  readonly #types: readonly PayloadType[];

  /** @throws when a tag is malformed or there twice. */
  constructor(types: readonly PayloadType[]) {
    this.#types = types;
    for (const type of types) {
      if (!isName(type.tag)) {
        throw new Error(
          `Cannot use the payload type "${String(type.tag)}": a tag is 1 to 64 letters, digits, "-", "_" and "."`,
        );
      }
      if (this.#byTag.has(type.tag)) {
        throw new Error(`Cannot use the payload type "${type.tag}": there is another one of that tag`);
      }
      this.#byTag.set(type.tag, type);
    }
  }

  /** The first that matches. */
  typeOf(value: object): PayloadType | undefined {
    return this.#types.find((type) => type.matches(value));
  }

  withTag(tag: string): PayloadType | undefined {
    return this.#byTag.get(tag);
  }
}

export const NO_PAYLOAD_TYPES: PayloadTypes = new PayloadTypes([]);
