/** A table as kubectl prints it: upper-case headings, no borders, three spaces between columns. */
import Table from "cli-table3";

export interface Column<Row> {
  readonly heading: string;
  readonly cell: (row: Row) => string;
  /** Only with `-o wide`. */
  readonly wide?: true;
}

const NOTHING = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "   ",
};

/** Lines without trailing spaces; an empty cell shows as "-" so that columns can be counted. */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  options: { readonly wide?: boolean; readonly headings?: boolean } = {},
): string {
  const shown = columns.filter((column) => options.wide === true || column.wide === undefined);
  const table = new Table({ chars: NOTHING, style: { head: [], border: [], "padding-left": 0, "padding-right": 0 } });
  if (options.headings !== false) table.push(shown.map((column) => column.heading));
  for (const row of rows) table.push(shown.map((column) => oneLine(column.cell(row)) || "-"));
  return table.length === 0 ? "" : `${table.toString().replaceAll(/ +$/gm, "")}\n`;
}

/** A line break or an escape sequence in a message would break the table, or the terminal. */
function oneLine(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
}
