/**
 * Counts what the transport drops and refuses, and logs it: each kind once, then ever more rarely (../log-throttle.ts).
 * Links going up and down are logged every time, there are few.
 */
import type { Clock } from "../../runtime/ports/clock.ts";
import type { LogFields, Logger, LogLevel } from "../../runtime/ports/logger.ts";
import type { Envelope, EnvelopeDropReason } from "../../runtime/ports/remoting.ts";
import { LogThrottle, type Refusal, type RefusalCode, type TransportCounters } from "../index.ts";

/** The other end: its name if it is known to be a member's, and where it called from. */
export interface Other {
  readonly peer: string | null;
  readonly remote: string;
}

const STRANGER = "stranger";

/** Bugs, and disagreements of versions: nobody repeats that message. The others are the weather. */
const SAID_ALOUD: ReadonlySet<EnvelopeDropReason> = new Set(["not-plain", "too-large", "unreadable"]);

export class TransportLog {
  readonly #counters: TransportCounters;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #throttle = new LogThrottle();

  constructor(counters: TransportCounters, clock: Clock, logger: Logger) {
    this.#counters = counters;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Arrived before anybody could take it. */
  notStarted(count: number): void {
    this.#counters.dropped["not-started"] += count;
  }

  envelopeDropped({ from, to }: Envelope, reason: EnvelopeDropReason, detail: string): void {
    this.#counters.dropped[reason] += 1;
    if (!SAID_ALOUD.has(reason)) return;
    const message = `Cannot send from "${from.path}" on "${from.node}" to "${to.path}" on "${to.node}": ${detail}`;
    this.#throttled("error", `drop ${reason} ${from.node} ${to.node}`, message, {
      reason,
      from: from.path,
      to: to.path,
    });
  }

  refused({ code, detail }: Refusal, other: Other): void {
    this.#counters.refused[code] += 1;
    const message = `Refused a connection: ${code}: ${detail}`;
    this.#throttled("warn", `refused ${code} ${other.peer ?? STRANGER}`, message, { code, ...other });
  }

  refusedByPeer(code: RefusalCode, other: Other): void {
    this.#counters.refusedByPeer[code] += 1;
    const name = other.peer ?? STRANGER;
    this.#throttled("warn", `by ${code} ${name}`, `"${name}" refused this node: ${code}`, { code, ...other });
  }

  cannotReach(peer: string, fields: LogFields): void {
    this.#throttled("warn", `dial ${peer}`, `Cannot reach "${peer}"`, { peer, ...fields });
  }

  linkUp(fields: { readonly peer: string; readonly incarnation: string; readonly remote: string }): void {
    this.#counters.linksUp += 1;
    this.#logger.log("info", `Link to "${fields.peer}" is up`, fields);
  }

  linkDown(fields: { readonly peer: string; readonly remote: string; readonly end: string }): void {
    this.#counters.linksDown += 1;
    this.#logger.log("info", `Link to "${fields.peer}" is down`, fields);
  }

  unencrypted(node: string, host: string): void {
    const message = `Node "${node}" talks to its peers unencrypted; use a network that only they can reach`;
    this.#logger.log("warn", message, { host });
  }

  #throttled(level: LogLevel, key: string, message: string, fields: LogFields): void {
    const suppressed = this.#throttle.pass(key, this.#clock.monotonicMs());
    if (suppressed !== undefined)
      this.#logger.log(level, message, suppressed === 0 ? fields : { ...fields, suppressed });
  }
}
