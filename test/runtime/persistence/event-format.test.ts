/** What adapters make of events that were kept long ago. */
import { expect, test } from "vitest";
import { EventFormat } from "../../../runtime/persistence/event-format.ts";

test("decode() keeps the order of the parts of an event, also where a part is adapted further", () => {
  const format = new EventFormat<null, unknown>({
    adapters: [
      {
        manifest: "moved",
        version: 1,
        adapt: () => [
          { manifest: "taken", version: 0, data: null },
          { manifest: "put", version: 1, data: "put" },
        ],
      },
      {
        manifest: "taken",
        version: 0,
        adapt: () => ["seen", "taken"].map((data) => ({ manifest: data, version: 1, data })),
      },
    ],
  });
  const payload = new TextEncoder().encode("{}");
  const stored = { sequence: 1, manifest: "moved", version: 1, wallMs: 0, tags: [], payload };
  expect(format.decode(stored)).toEqual(["seen", "taken", "put"]);
});
