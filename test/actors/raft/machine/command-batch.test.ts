/** Many commands in one payload: what was packed comes out, whatever its sizes; what was cut short is refused. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { packCommands, unpackCommands } from "../../../../actors/raft/machine/command-batch.ts";

const command = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ minLength: 16_380, maxLength: 16_390 }));

test("unpackCommands() gives what packCommands() was given", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 20 }), (commands) => {
      expect(unpackCommands(packCommands(commands)).map((bytes) => [...bytes])).toEqual(
        commands.map((bytes) => [...bytes]),
      );
    }),
  );
});

test("unpackCommands() refuses a payload that ends inside a command", () => {
  const payload = packCommands([new Uint8Array(200), new Uint8Array(3)]);
  expect(() => unpackCommands(payload.subarray(0, payload.length - 1))).toThrow(RangeError);
  expect(() => unpackCommands(Uint8Array.of(0xff))).toThrow(RangeError);
  expect(() => unpackCommands(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff))).toThrow(RangeError);
});
