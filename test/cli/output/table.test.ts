import { expect, test } from "vitest";
import { renderTable, type Column } from "../../../cli/output/table.ts";

const COLUMNS: readonly Column<readonly string[]>[] = [
  { heading: "NAME", cell: (row) => row[0] ?? "" },
  { heading: "NODE", cell: (row) => row[1] ?? "" },
  { heading: "MESSAGE", wide: true, cell: (row) => row[2] ?? "" },
];

test("renderTable() aligns columns with three spaces and no borders", () => {
  expect(
    renderTable(COLUMNS, [
      ["database", "n1"],
      ["web", "node-2"],
    ]),
  ).toBe("NAME       NODE\ndatabase   n1\nweb        node-2\n");
});

test("renderTable() shows an empty cell as a dash, and a wide column only when asked", () => {
  expect(renderTable(COLUMNS, [["web", "", "no room"]])).toBe("NAME   NODE\nweb    -\n");
  expect(renderTable(COLUMNS, [["web", "", "no room"]], { wide: true })).toBe(
    "NAME   NODE   MESSAGE\nweb    -      no room\n",
  );
});

test("renderTable() lets neither line breaks nor escape sequences through", () => {
  expect(renderTable(COLUMNS, [["web\n\u001b[31mred", "n1"]])).toBe("NAME          NODE\nweb [31mred   n1\n");
});

test("renderTable() prints the headings of an empty list", () => {
  expect(renderTable(COLUMNS, [])).toBe("NAME   NODE\n");
});
