/** Arbitrary payloads for the codec's property tests, and a payload type of an application's own. */
import fc from "fast-check";
import { Ref } from "../../../runtime/ref.ts";
import { PayloadTypes, type PayloadType } from "../../../transport/index.ts";

export class Money {
  readonly cents: bigint;
  readonly note: unknown;

  constructor(cents: bigint, note: unknown) {
    this.cents = cents;
    this.note = note;
  }
}

export const moneyType: PayloadType<Money> = {
  tag: "money",
  matches: (value) => value instanceof Money,
  encode: ({ cents, note }) => ({ cents, note }),
  decode(plain) {
    const { cents, note } = plain as { readonly cents?: unknown; readonly note: unknown };
    if (typeof cents !== "bigint") throw new TypeError("cents is no bigint");
    return new Money(cents, note);
  },
};

export const MONEY: PayloadTypes = new PayloadTypes([moneyType]);

/** Where its messages would go does not matter, and is the same for all, so that two of them can be compared. */
const TARGET = { receive: (): void => {} };

export function ref(node: string, path: string): Ref<never> {
  return new Ref<never>({ node, path }, TARGET);
}

/** Well formed: a lone surrogate becomes U+FFFD on the wire. */
const text = fc.string({ unit: "binary", maxLength: 40 });

const key = text.filter((one) => one !== "__proto__");

export const anyPayload: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(null, undefined, true, false, Number.NaN, Infinity, -Infinity, -0, 0, ""),
    fc.integer(),
    fc.double(),
    fc.bigInt(),
    fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
    text,
    fc.date({ noInvalidDate: false }),
    fc.uint8Array({ maxLength: 40 }),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    fc.oneof(
      fc.int8Array(),
      fc.uint8ClampedArray(),
      fc.int16Array(),
      fc.uint16Array(),
      fc.int32Array(),
      fc.uint32Array(),
      fc.float32Array(),
      fc.float64Array(),
      fc.bigInt64Array(),
      fc.bigUint64Array(),
    ),
    fc
      .tuple(fc.stringMatching(/^[a-z]{1,9}$/), fc.string({ minLength: 1, maxLength: 30 }))
      .map(([node, path]) => ref(node, path)),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
    fc.array(fc.tuple(tie("value"), tie("value")), { maxLength: 4 }).map((entries) => new Map(entries)),
    fc.array(tie("value"), { maxLength: 4 }).map((items) => new Set(items)),
    fc
      .record({ message: text, code: fc.option(fc.oneof(text, fc.integer())), cause: fc.option(tie("value")) })
      .map(({ message, code, cause }) => Object.assign(new Error(message, { cause }), code === null ? {} : { code })),
    fc.tuple(fc.bigInt(), tie("value")).map(([cents, note]) => new Money(cents, note)),
  ),
})).value;
