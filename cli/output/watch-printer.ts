/**
 * Prints a watch: the state at its start, then each change as it comes. As a table, rows are added under the first
 * headings and columns keep their width as well as a stream can; `json` prints one object a line, `yaml` one document a
 * change, so a program need not wait for the end.
 */
import type { Change, Kind, Resource } from "../../actors/index.ts";
import { nameOf, renderValue, type OutputFormat } from "./output-format.ts";
import { columnsOf } from "./resource-columns.ts";
import { tableCells } from "./table.ts";

const GAP = "   ";

export interface WatchPrinterOptions {
  readonly kind: Kind;
  readonly format: OutputFormat;
  readonly write: (text: string) => void;
  readonly now: () => number;
}

export class WatchPrinter {
  readonly #options: WatchPrinterOptions;
  /** Widest cell so far, by column; the last column is never padded. */
  #widths: number[] = [];
  #headed = false;

  constructor(options: WatchPrinterOptions) {
    this.#options = options;
  }

  /** The state at the start of the watch. */
  async start(resources: readonly Resource[]): Promise<void> {
    await this.#print(resources.map((resource): Change => ({ type: "put", resource })));
  }

  async changes(changes: readonly Change[]): Promise<void> {
    await this.#print(changes);
  }

  async #print(changes: readonly Change[]): Promise<void> {
    const { format, write } = this.#options;
    if (changes.length === 0) return;
    if (format === "json") write(changes.map((change) => `${JSON.stringify(change)}\n`).join(""));
    else if (format === "yaml") write((await Promise.all(changes.map(asDocument))).join(""));
    else if (format === "name") write(changes.map(({ resource }) => `${nameOf(resource)}\n`).join(""));
    else write(this.#rows(changes));
  }

  #rows(changes: readonly Change[]): string {
    const { kind, format, now } = this.#options;
    const columns = columnsOf(kind, now());
    const put = changes.map((change) => tableCells(columns, change.resource, { wide: format === "wide" }));
    const rows = put.map((cells, at) => (changes[at]?.type === "delete" ? markDeleted(columns, cells) : cells));
    if (!this.#headed) {
      rows.unshift(columns.filter(({ wide }) => wide === undefined || format === "wide").map(({ heading }) => heading));
      this.#headed = true;
    }
    this.#widths = rows.reduce(
      (widths, cells) => cells.map((cell, at) => Math.max(cell.length, widths[at] ?? 0)),
      this.#widths,
    );
    return rows
      .map(
        (cells) =>
          `${cells
            .map((cell, at) => cell.padEnd(this.#widths[at] ?? 0))
            .join(GAP)
            .trimEnd()}\n`,
      )
      .join("");
  }
}

async function asDocument(change: Change): Promise<string> {
  return `---\n${await renderValue(change, "yaml")}`;
}

function markDeleted(columns: readonly { readonly heading: string }[], cells: readonly string[]): readonly string[] {
  const status = columns.findIndex(({ heading }) => heading === "STATUS");
  return cells.map((cell, at) => (at === status ? "Deleted" : cell));
}
