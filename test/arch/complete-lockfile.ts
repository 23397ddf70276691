/** `npm run lockfile`: completes package-lock.json after an install that left out packages of other platforms. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { absentPackages, completeLockfile, type Lockfile } from "./lockfile.ts";
import { REPOSITORY } from "./scratch-folder.ts";

const path = join(REPOSITORY, "package-lock.json");
const lock = JSON.parse(readFileSync(path, "utf8")) as Lockfile;
const absent = absentPackages(lock);
for (const { name, version } of absent) console.log(`adds ${name}@${version}`);
if (absent.length === 0) console.log("package-lock.json is complete");
else writeFileSync(path, `${JSON.stringify(completeLockfile(lock), null, 2)}\n`);
