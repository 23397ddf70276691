/** The window against a model: a plain list of what is under way. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { InFlight, type SentAppend } from "../../../../actors/raft/core/in-flight.ts";

const step = fc.oneof(
  fc.record({ do: fc.constant("add" as const), entries: fc.nat({ max: 3 }), sizeBytes: fc.nat({ max: 20 }) }),
  fc.record({ do: fc.constant("free" as const), by: fc.integer({ min: -2, max: 8 }) }),
  fc.constant({ do: "clear" as const }),
);

test("InFlight is a list from which acknowledged appends go at the front", () => {
  const limits = { appendsInFlightMax: 20, bytesInFlightMax: 100 };
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const subject = new InFlight();
      let model: SentAppend[] = [];
      let sequence = 0;
      let last = 0;
      for (const action of steps) {
        if (action.do === "add") {
          sequence += 1;
          const previousIndex = last;
          last += action.entries;
          const sent = {
            sequence,
            previousIndex,
            lastIndex: last,
            sizeBytes: action.sizeBytes,
            sentAtMs: sequence * 10,
          };
          subject.add(sent);
          model.push(sent);
        } else if (action.do === "free") {
          const index = (model[0]?.lastIndex ?? last) + action.by;
          subject.freeTo(index);
          model = model.filter(({ lastIndex }) => lastIndex > index);
        } else {
          subject.clear();
          model = [];
        }
        const bytes = model.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        expect([subject.size, subject.bytes, subject.oldest]).toEqual([model.length, bytes, model[0]]);
        expect(subject.isFull(limits)).toBe(model.length >= 20 || bytes >= 100);
        for (let of = sequence - 30; of <= sequence + 1; of++) {
          expect(subject.has(of)).toBe(model.some((sent) => sent.sequence === of));
        }
      }
    }),
    { numRuns: 300 },
  );
});
