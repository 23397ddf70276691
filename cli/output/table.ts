/** A table as kubectl prints it: upper-case headings, no borders, three spaces between columns. */
import Table from "cli-table3";

export interface Column<Row> {
  readonly heading: string;
  readonly cell: (row: Row) => string;
  /** Only with `-o wide`. */
  readonly wide?: true;
}

export interface TableOptions {
  readonly wide?: boolean;
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
  options: TableOptions = {},
): string {
  const table = new Table({ chars: NOTHING, style: { head: [], border: [], "padding-left": 0, "padding-right": 0 } });
  table.push(shownColumns(columns, options).map(({ heading }) => heading));
  for (const row of rows) table.push([...tableCells(columns, row, options)]);
  return `${table.toString().replaceAll(/ +$/gm, "")}\n`;
}

/** One row, as text. */
export function tableCells<Row>(columns: readonly Column<Row>[], row: Row, options: TableOptions): readonly string[] {
  return shownColumns(columns, options).map(({ cell }) => oneLine(cell(row)) || "-");
}

function shownColumns<Row>(columns: readonly Column<Row>[], { wide }: TableOptions): readonly Column<Row>[] {
  return wide === true ? columns : columns.filter((column) => column.wide === undefined);
}

/** A line break or an escape sequence in a message would break the table, or the terminal. */
function oneLine(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
}
