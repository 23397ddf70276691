/**
 * Carries out the blows at links of `link-blow.ts`. Each ends by itself, for all its directions, or earlier for those of a core that is healed.
 */
import type { Cluster } from "../cluster/cluster.ts";
import type { Envelope } from "../../runtime/index.ts";
import type { Link } from "../network/link.ts";
import { isOfPeers } from "../network/message-kind.ts";
import type { Directions, LinkBlow } from "../schedule/link-blow.ts";
import type { FaultEndings } from "./fault-endings.ts";
import type { WeatherFaults } from "./weather-faults.ts";

/** What is kept of one direction to be said again; the oldest goes. */
const TAPE_MAX = 64;

/** No link goes up and down faster; a file may ask for it, and the run would never end. */
const FLAP_MIN_US = 1000;

export class LinkFaults {
  readonly #cluster: Cluster;
  readonly #endings: FaultEndings;
  readonly #weather: WeatherFaults;

  constructor(cluster: Cluster, endings: FaultEndings, weather: WeatherFaults) {
    this.#cluster = cluster;
    this.#endings = endings;
    this.#weather = weather;
  }

  /** False when it is not possible: a schedule may be of a larger cluster, and a link must stand to be forgotten. */
  strike(blow: LinkBlow): boolean {
    switch (blow.type) {
      case "half-open": {
        const [forgetful, other] = blow.between;
        if (!this.#has(forgetful) || !this.#has(other) || !this.#link(forgetful, other).up) return false;
        this.#note(`half-open ${forgetful} forgets ${other}`);
        this.#link(forgetful, other).forget(forgetful, blow.noticeUs);
        return true;
      }
      case "reconnect-storm":
        return this.#storm(blow);
      default:
        return this.#strikeDirections(blow);
    }
  }

  #strikeDirections(blow: Extract<LinkBlow, { readonly directions: Directions }>): boolean {
    const directions = blow.directions.filter(([from, to]) => this.#has(from) && this.#has(to));
    if (directions.length === 0) return false;
    const { durationUs } = blow;
    const where = directions.map(([from, to]) => `${from}>${to}`).join(",");
    const struck = { what: `${blow.type} ${where}`, directions, durationUs };
    switch (blow.type) {
      case "link-weather":
        this.#note(`link-weather ${where}`);
        for (const [from, to] of directions) {
          this.#weather.raise(this.#link(from, to).lane(from).worse, blow.key, { ...blow, nodes: [from, to] });
        }
        return true;
      case "bandwidth":
        this.#note(`bandwidth ${where} ${Math.round(blow.bytesPerSecond)}`);
        return this.#during(struck, (link, from) => link.lane(from).narrow(blow.bytesPerSecond), "some");
      case "clog":
        this.#note(`clog ${where}`);
        return this.#during(struck, (link, from) => {
          link.clog(from);
          return () => link.unclog(from);
        });
      case "filter":
        this.#note(`filter ${where} ${blow.kind}`);
        return this.#during(struck, (link, from) => link.lane(from).lose(blow.kind), "some");
      case "flap":
        this.#note(`flap ${where}`);
        return this.#during(struck, (link, from) => this.#flap(link, from, blow));
      case "replay":
        this.#note(`replay ${where}`);
        for (const [from, to] of directions) this.#replay(this.#link(from, to), from, blow);
        return true;
      default:
        return blow satisfies never;
    }
  }

  /** `begin` is done to each direction, and what it returns when the time is over. */
  #during(
    {
      what,
      directions,
      durationUs,
    }: { readonly what: string; readonly directions: Directions; readonly durationUs: number },
    begin: (link: Link, from: number) => () => void,
    /** Which end of a link must be in a core that is healed: a narrow link is no cut, as with the weather, nor is one that loses one kind of message: whoever leads from outside leads on, and serves nobody. */
    healing: "every" | "some" = "every",
  ): true {
    const ends = directions.map((pair) => ({ pair, end: begin(this.#link(...pair), pair[0]) }));
    this.#endings.after(durationUs, (core) => {
      this.#cluster.timeline.note(`heal ${what}`);
      for (const { pair, end } of ends) if (core === null || pair[healing]((node) => core.has(node))) end();
    });
    return true;
  }

  /** Down now; what is returned ends it. */
  #flap(link: Link, from: number, { downUs, upUs }: { readonly downUs: number; readonly upUs: number }): () => void {
    const { timeline } = this.#cluster;
    let isOver = false;
    let isDown = false;
    const turn = (): void => {
      if (isOver) return;
      if (isDown) link.heal(from);
      else link.cut(from, true);
      isDown = !isDown;
      timeline.after(Math.max(FLAP_MIN_US, isDown ? downUs : upUs), turn);
    };
    turn();
    return () => {
      isOver = true;
      if (isDown) link.heal(from);
    };
  }

  /** What was to be said again when all is healed stays unsaid. */
  #replay(
    link: Link,
    from: number,
    { durationUs, afterUs }: { readonly durationUs: number; readonly afterUs: number },
  ): void {
    const { timeline } = this.#cluster;
    const lane = link.lane(from);
    const tape: Envelope[] = [];
    const stop = lane.listen((envelope) => {
      if (!isOfPeers(envelope)) return;
      tape.push(envelope);
      if (tape.length > TAPE_MAX) tape.shift();
    });
    this.#endings.after(durationUs, stop);
    const dueUs = timeline.nowUs + durationUs + afterUs;
    this.#endings.after(durationUs + afterUs, () => {
      if (timeline.nowUs < dueUs) return;
      for (const envelope of tape) lane.sayAgain(envelope);
    });
  }

  #storm({ nodes, durationUs }: Extract<LinkBlow, { readonly type: "reconnect-storm" }>): boolean {
    const struck = new Set(nodes);
    const links = this.#cluster.network.links().filter(({ a, b }) => struck.has(a) || struck.has(b));
    if (links.length === 0) return false;
    this.#note(`reconnect-storm ${nodes.join(",")}`);
    for (const link of links) link.storm();
    this.#endings.after(durationUs, (core) => {
      this.#cluster.timeline.note(`heal reconnect-storm ${nodes.join(",")}`);
      for (const link of links) if (core === null || (core.has(link.a) && core.has(link.b))) link.calm();
    });
    return true;
  }

  #link(from: number, to: number): Link {
    return this.#cluster.network.link(from, to);
  }

  #has(node: number): boolean {
    return node < this.#cluster.nodes.length;
  }

  #note(what: string): void {
    this.#cluster.timeline.note(`fault ${what}`);
  }
}
