/**
 * Which configuration is in force: the last one in the log, committed or not (Ongaro's dissertation §4.1). It is told of every
 * configuration that enters or leaves the log, so that a truncation puts the one before back in force, and is rebuilt at
 * start from the base and the entries (fault 32: a half-finished joint change must not be forgotten).
 *
 * Its base is the configuration as of the log's base: of the snapshot behind which the log begins.
 */
import type { LogEntry } from "../../../runtime/ports/log-store.ts";
import { decodeConfiguration } from "./configuration-codec.ts";
import type { Configuration } from "./configuration.ts";
import type { Essence } from "./essence.ts";

interface PlacedConfiguration {
  readonly configuration: Configuration;
  /** Of the entry that holds it. */
  readonly index: number;
}

export class ConfigurationHistory {
  /** By rising index; the first is the base. Never empty. */
  #placed: PlacedConfiguration[];

  constructor(base: Configuration, baseIndex: number) {
    this.#placed = [{ configuration: base, index: baseIndex }];
  }

  get inForce(): Configuration {
    return this.#last.configuration;
  }
  /** Of the entry that holds the configuration in force; the base when none does. */
  get index(): number {
    return this.#last.index;
  }

  /** The configuration as of `index`, which is not before the base. */
  asOf(index: number): Configuration {
    return (this.#placed.findLast((placed) => placed.index <= index) ?? this.#first).configuration;
  }

  /** An entry of type `configuration` stands at the end of the log. @throws {RangeError} when it cannot be read. */
  appended(entry: LogEntry): void {
    this.#placed.push({ configuration: decodeConfiguration(entry.payload), index: entry.index });
  }

  /** The entries from `index` on are no longer in the log. */
  truncated(index: number): void {
    while (this.#placed.length > 1 && this.#last.index >= index) this.#placed.pop();
  }

  /** The log begins behind `index` now. */
  compacted(index: number): void {
    const base = { configuration: this.asOf(index), index };
    this.#placed = [base, ...this.#placed.filter((placed) => placed.index > index)];
  }

  /** The log begins anew behind `index`, where `configuration` was in force. */
  reset(configuration: Configuration, index: number): void {
    this.#placed = [{ configuration, index }];
  }

  /** `essence.ts` */
  essence(): Essence {
    return this.#placed;
  }

  get #first(): PlacedConfiguration {
    return this.#placed[0] as PlacedConfiguration;
  }

  get #last(): PlacedConfiguration {
    return this.#placed.at(-1) as PlacedConfiguration;
  }
}
