/** The rooms of `sim/` build on each other in one direction; `sim/README.md` states the same order for readers. */
import { globSync, readFileSync } from "node:fs";
import { join, normalize } from "node:path";
import { expect, test } from "vitest";
import { REPOSITORY } from "./scratch-folder.ts";

/** A room may import from the rooms of earlier lines, and from itself. */
const FLOORS = [
  ["timeline"],
  ["verify", "search", "network", "disk", "outside", "linearizability"],
  ["checkers"],
  ["cluster"],
  ["schedule"],
  ["faults"],
  ["load"],
  ["scenarios", "explore"],
  ["record"],
  ["run"],
  ["shrink"],
  ["simulate", "scenario-file"],
  ["node", "report"],
];

interface RoomImport {
  readonly path: string;
  readonly room: string;
  readonly of: string;
}

function importsOf(path: string, text: string): readonly RoomImport[] {
  const [, room = ""] = path.split("/");
  return [...text.matchAll(/ from "(\.[^"]+)";/gu)]
    .map(([, to = ""]) => normalize(join(path, "..", to)).split("/"))
    .filter(([top, of, file]) => top === "sim" && file !== undefined && of !== room)
    .map(([, of = ""]) => ({ path, room, of }));
}

function isUpward({ room, of }: RoomImport): boolean {
  return floor(of) >= floor(room);
}

function floor(room: string): number {
  return FLOORS.findIndex((rooms) => rooms.includes(room));
}

test("each room of sim/ imports only from rooms below it", () => {
  const paths = globSync("sim/*/**/*.ts", { cwd: REPOSITORY });
  const rooms = new Set(paths.map((path) => path.split("/")[1] ?? ""));
  const imports = paths.flatMap((path) => importsOf(path, readFileSync(join(REPOSITORY, path), "utf8")));

  expect([...rooms].toSorted(), "a room without a floor").toEqual(FLOORS.flat().toSorted());
  expect(imports.length).toBeGreaterThan(50);
  expect(imports.filter(isUpward)).toEqual([]);
});

test("an import of a higher room, and of one beside it, is found", () => {
  const canary = importsOf("sim/disk/planted.ts", 'import a from "../run/a.ts";\nimport b from "../network/b.ts";');
  expect(canary.filter(isUpward).map(({ of }) => of)).toEqual(["run", "network"]);
});
