/**
 * Which numbers of users and groups a host has given to somebody: names, and the ranges that users may use in containers of their own, whose processes
 * would have the same number as a VM's.
 *
 * Source: passwd(5), group(5), subuid(5), subgid(5). What a directory service has beside these files is not known here.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { UserRange } from "./instance-users.ts";

/** NAME:…:NUMBER:… */
const NAMES = { passwd: "user", group: "group" } as const;
/** NAME:FIRST:COUNT */
const RANGES = ["subuid", "subgid"] as const;

/** Whose the first one found of a range is, as a clause: `33 is the user "www-data"`; undefined when nobody has any. */
export function othersNumbers({ first, count }: UserRange, etc = "/etc"): string | undefined {
  const meets = (from: number, many: number): boolean => from < first + count && first < from + many;
  for (const [file, kind] of Object.entries(NAMES)) {
    const found = fieldsOf(join(etc, file)).find(([, , number = ""]) => meets(Number.parseInt(number, 10), 1));
    if (found !== undefined) return `${found[2]} is the ${kind} "${found[0]}"`;
  }
  for (const file of RANGES) {
    const path = join(etc, file);
    const found = fieldsOf(path).find(([, from = "", many = ""]) => meets(Number(from), Number(many)));
    if (found !== undefined) return `${path} gives "${found[0]}" ${found[2]} numbers from ${found[1]} on`;
  }
  return undefined;
}

/** A host without the file has nobody in it. */
function fieldsOf(path: string): readonly (readonly string[])[] {
  try {
    return readFileSync(path, "latin1")
      .split("\n")
      .map((line) => line.split(":"));
  } catch {
    return [];
  }
}
