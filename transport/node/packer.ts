/** Values to MessagePack, or why not: checked and made ready by a `PayloadWalk`, written by msgpackr. */
import { PayloadWalk, REFUSED, type PayloadRules } from "../index.ts";
import { packValue } from "./msgpack.ts";

export type Packed =
  /** The bytes are there until something else is packed. */
  | { readonly ok: true; readonly bytes: Buffer }
  | { readonly ok: false; readonly reason: "not-plain" | "too-large"; readonly detail: string };

export class Packer {
  readonly #walk: PayloadWalk;

  constructor(rules: PayloadRules) {
    this.#walk = new PayloadWalk(rules);
  }

  /**
   * Packs one value, unless it may not cross or takes more than `bytesMax`. `name` stands for the value in the detail of a
   * refusal. Never throws.
   */
  pack(value: unknown, name: string, bytesMax: number): Packed {
    const walk = this.#walk;
    try {
      const wire = walk.wireForm(value);
      if (wire === REFUSED) return { ok: false, reason: "not-plain", detail: walk.problem(name) };
      // Before any of it is written: what lies in many places is written as often.
      if (walk.bytes > bytesMax) return tooLarge(name, bytesMax);
      const bytes = packValue(wire);
      return bytes.length > bytesMax ? tooLarge(name, bytesMax) : { ok: true, bytes };
    } catch (error) {
      return { ok: false, reason: "not-plain", detail: `${name} cannot be read: ${String(error)}` };
    }
  }
}

function tooLarge(name: string, bytesMax: number): Packed {
  return { ok: false, reason: "too-large", detail: `${name} has more than ${bytesMax} bytes` };
}
