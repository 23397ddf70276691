/** Where the message in hand came from, as the link says and not the message. */
import { expect, test } from "vitest";
import { stateless } from "../../../runtime/index.ts";
import { createManualCluster } from "../../../runtime/testkit/index.ts";

test("ctx.senderNode is the node that a message came from, and null for what comes from this one", () => {
  const network = createManualCluster(["n1", "n2"], { delayMs: 1 });
  const seen: (readonly [string, string | null])[] = [];
  const listener = stateless<string>("listener", (message, ctx) => void seen.push([message, ctx.senderNode]));
  const here = network.system("n1");
  const distant = network.system("n2");
  here.spawn(listener, { name: "listener" });
  const speaker = stateless<string>("speaker", (message, ctx) => {
    ctx.tell(ctx.refAt<string>({ node: "n1", path: "listener" }), message);
  });
  const at = here.refAt<string>({ node: "n1", path: "listener" });
  here.tell(at, "from outside");
  here.tell(here.spawn(speaker), "from a neighbour");
  distant.tell(distant.refAt<string>({ node: "n1", path: "listener" }), "from outside of n2");
  distant.tell(distant.spawn(speaker), "from an actor of n2");
  network.world.advance(10);
  expect(seen.toSorted(([a], [b]) => (a < b ? -1 : 1))).toEqual([
    ["from a neighbour", null],
    ["from an actor of n2", "n2"],
    ["from outside", null],
    ["from outside of n2", "n2"],
  ]);
  network.close();
});
