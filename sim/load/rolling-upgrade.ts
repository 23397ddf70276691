/**
 * A rolling upgrade, as an operator does it who does not wait until all is well: one node after another gets the newer edition, in a drawn order
 * and at drawn times, whatever else is done to the cluster meanwhile; some are taken back once and upgraded again.
 *
 *     all on `from` ──▶ one restarts on `to` ──▶ … ──▶ all on `to`        (every fifth run ends with some still on `from`)
 *                          │        ▲
 *                          └─ back ─┘   only while another node still runs `from`: what docs/operations.md allows
 */
import type { Random } from "../../runtime/index.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Edition } from "../cluster/edition.ts";
import type { SimNode } from "../cluster/sim-node.ts";
import { shuffled } from "../faults/shuffled.ts";

/** The two editions of a rolling upgrade. */
export interface UpgradeEditions {
  readonly from: Edition;
  readonly to: Edition;
}

export interface RollingUpgradeOptions extends UpgradeEditions {
  readonly random: Random;
  /** How long the run is under load. */
  readonly durationUs: number;
}

/** Share of runs in which the upgrade is not done when the load ends. */
const UNFINISHED = 0.2;

/** Share of nodes that are taken back once. */
const BACK = 0.25;

/** How long a node is down for it. */
const DOWN_MIN_US = 200_000;
const DOWN_MAX_US = 8_000_000;

interface Step {
  readonly node: number;
  readonly back: boolean;
}

export class RollingUpgrade {
  readonly #options: RollingUpgradeOptions;
  #steps: Step[] = [];
  #pauseUs = 0;
  #cluster!: Cluster;
  #active = false;
  #upgraded = 0;
  #takenBack = 0;
  #isUnfinished = false;
  #bothLed = 0;
  readonly #led = new Set<Edition>();

  constructor(options: RollingUpgradeOptions) {
    this.#options = options;
  }

  /** Before any process starts. */
  attach(cluster: Cluster): void {
    const { random, from, durationUs } = this.#options;
    this.#cluster = cluster;
    for (const node of cluster.nodes) node.edition = from;
    const order = shuffled(
      cluster.nodes.map(({ index }) => index),
      random,
    );
    for (const [at, node] of order.entries()) {
      this.#steps.push({ node, back: false });
      if (at < order.length - 1 && random.next() < BACK) {
        this.#steps.push({ node, back: true }, { node, back: false });
      }
    }
    const lastAt = 0.4 + 0.5 * random.next();
    this.#pauseUs = (durationUs * lastAt) / this.#steps.length;
  }

  start(): void {
    this.#active = true;
    this.#stepSoon();
  }

  /** The load is over: what is left is done at once, or not at all. */
  stop(): void {
    this.#active = false;
    const isLeft = this.#options.random.next() < UNFINISHED;
    for (const { node, back } of isLeft ? [] : this.#steps) this.#install(this.#cluster.node(node), back);
    this.#steps = [];
    // What a host refuses for good is given to another only when all members know how.
    if (isLeft) for (const { host } of this.#cluster.nodes) host.troubles.endAll();
    this.#isUnfinished = this.#cluster.nodes.some(({ edition }) => edition === this.#options.from);
  }

  /** A node leads. */
  onLeader(node: SimNode): void {
    const { from, to } = this.#options;
    this.#led.add(node.edition);
    const mixed = this.#cluster.nodes.some(({ edition }) => edition === from);
    if (mixed && this.#led.has(to) && this.#led.has(from)) this.#bothLed = 1;
  }

  marks(): Readonly<Record<string, number>> {
    return {
      "nodes upgraded": this.#upgraded,
      "nodes taken back": this.#takenBack,
      "led by both versions": this.#bothLed,
      "still on the older version": Number(this.#isUnfinished),
    };
  }

  #stepSoon(): void {
    const { random } = this.#options;
    this.#cluster.timeline.after(this.#pauseUs * (0.5 + random.next()), () => {
      const step = this.#active ? this.#steps.shift() : undefined;
      if (step === undefined) return;
      this.#install(this.#cluster.node(step.node), step.back);
      this.#stepSoon();
    });
  }

  /** A process that is down, because of a fault, starts with the other edition when it starts. */
  #install(node: SimNode, back: boolean): void {
    const { from, to, random } = this.#options;
    node.edition = back ? from : to;
    if (back) this.#takenBack += 1;
    else this.#upgraded += 1;
    const { timeline } = this.#cluster;
    timeline.note(`${back ? "take-back" : "upgrade"} ${node.index}`);
    if (!node.running) return;
    node.kill();
    timeline.after(DOWN_MIN_US + random.integer(DOWN_MAX_US), () => node.start());
  }
}
