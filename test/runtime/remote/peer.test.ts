/** Channels of one peer: few are kept, and a dropped one takes nothing of the accounts along. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { AnyRef } from "../../../runtime/index.ts";
import type { Channel, ChannelOwner } from "../../../runtime/remote/channel.ts";
import { Inlet } from "../../../runtime/remote/inlet.ts";
import type { KernelMessage } from "../../../runtime/remote/kernel-message.ts";
import { Peer } from "../../../runtime/remote/peer.ts";
import { CHANNELS_OVERSHOOT, GRANT_STEP, WINDOW } from "../../../runtime/remote/window.ts";

const KEPT = 8;

/** A peer with many actors that press back, joined to it by two queues. */
class Rig implements ChannelOwner {
  readonly peer: Peer;
  readonly toPeer: { readonly path: string; readonly said: KernelMessage | null }[] = [];
  readonly fromPeer: { readonly path: string; readonly limit: number | null }[] = [];
  /** In the mailboxes there. */
  readonly waiting = new Map<string, number>();
  /** Sent and not handled, by path; the most there was of it. */
  readonly underWay = new Map<string, number>();
  most = 0;
  sent = 0;
  handled = 0;
  readonly #inlets = new Map<string, Inlet>();

  constructor(hearsKernels = true) {
    this.peer = new Peer("n2", { owner: this, epoch: 1, hearsKernels, channelsMax: KEPT });
  }

  channel(path: string): Channel {
    return this.peer.channel(path);
  }

  transmit(to: AnyRef): void {
    this.sent += 1;
    this.#count(to.path, 1);
    this.toPeer.push({ path: to.path, said: null });
  }

  say(to: { readonly path: string }, message: KernelMessage): void {
    this.toPeer.push({ path: to.path, said: message });
  }

  revive(channel: Channel, message: unknown, sender: AnyRef | null): void {
    (this.peer.find(channel.ref.path) ?? this.peer.adopt(channel)).receive(message, sender);
  }

  undeliverable(): void {
    throw new Error("Nothing here is undeliverable");
  }

  arrive(): void {
    const next = this.toPeer.shift();
    if (next === undefined) return;
    const { path, said } = next;
    if (said?.type === "report") this.#inlet(path).reported("n1", said.sent);
    else {
      this.waiting.set(path, (this.waiting.get(path) ?? 0) + 1);
      this.#inlet(path).arrived("n1");
    }
  }

  handle(path: string): void {
    const waiting = this.waiting.get(path) ?? 0;
    if (waiting === 0) return;
    this.waiting.set(path, waiting - 1);
    this.handled += 1;
    this.#count(path, -1);
    this.#inlet(path).handled("n1");
  }

  hear(): void {
    const next = this.fromPeer.shift();
    if (next !== undefined) this.peer.find(next.path)?.credit(next.limit);
  }

  #inlet(path: string): Inlet {
    const owner = {
      epochOf: () => 1,
      grant: (_node: string, at: string, limit: number | null) => void this.fromPeer.push({ path: at, limit }),
    };
    const inlet = this.#inlets.get(path) ?? new Inlet(owner, path, () => {});
    this.#inlets.set(path, inlet);
    return inlet;
  }

  #count(path: string, by: number): void {
    const underWay = (this.underWay.get(path) ?? 0) + by;
    this.underWay.set(path, underWay);
    this.most = Math.max(this.most, underWay);
  }
}

const STEP = fc.record({ act: fc.nat(9), path: fc.nat(19), count: fc.integer({ min: 1, max: 200 }) });

test("channels that come and go never let more under way than a window and a step, and all drain", () => {
  let most = 0;
  fc.assert(
    fc.property(fc.array(STEP, { minLength: 20, maxLength: 300, size: "max" }), (steps) => {
      const rig = new Rig();
      const refs = Array.from({ length: 20 }, (_, i) => rig.channel(`actor-${i}`).ref);
      for (const { act, path, count } of steps) {
        for (let i = 0; i < count; i++) {
          if (act < 4) refs[path]?.target.receive("message", null);
          else if (act < 7) rig.arrive();
          else if (act === 7) rig.hear();
          else rig.handle(`actor-${path}`);
        }
      }
      expect(rig.most).toBeLessThanOrEqual(WINDOW + GRANT_STEP);
      most = Math.max(most, rig.most);
      for (let rounds = 0; rig.toPeer.length + rig.fromPeer.length > 0 || rig.handled < rig.sent; rounds++) {
        if (rounds > 100_000) throw new Error("It does not drain");
        rig.arrive();
        rig.hear();
        for (const { path } of refs) rig.handle(path);
      }
      expect(refs.map(({ path }) => rig.peer.find(path)?.depth ?? 0)).toEqual(refs.map(() => 0));
    }),
    { numRuns: 100 },
  );
  expect(most).toBeGreaterThan(WINDOW / 2);
});

test("channels that nobody uses are dropped, and their refs bring them back", () => {
  const rig = new Rig();
  const refs = Array.from({ length: 100 }, (_, i) => rig.channel(`actor-${i}`).ref);
  for (let round = 0; round < 3; round++) {
    for (const ref of refs) {
      ref.target.receive("message", null);
      while (rig.toPeer.length > 0) rig.arrive();
      rig.handle(ref.path);
      while (rig.fromPeer.length > 0) rig.hear();
    }
    expect(rig.peer.size).toBeLessThanOrEqual(KEPT + 2);
  }
  expect(rig.handled).toBe(300);
});

test("a peer that answers no report keeps a bounded number of channels, and all that is sent goes out", () => {
  const rig = new Rig();
  for (let i = 0; i < 10_000; i++) rig.channel(`actor-${i}`).receive("message", null);
  expect(rig.peer.size).toBeLessThanOrEqual(CHANNELS_OVERSHOOT * KEPT);
  expect(rig.sent).toBe(10_000);
});

test("a peer that hears no kernels is sent everything, and asked for no credit", () => {
  const rig = new Rig(false);
  for (let i = 0; i < 3 * WINDOW; i++) rig.channel("sink").receive("message", null);
  expect(rig.sent).toBe(3 * WINDOW);
  expect(rig.channel("sink").pressure).toBeNull();
  expect(rig.toPeer.filter(({ said }) => said !== null)).toEqual([]);
});
