import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { absentPackages, completeLockfile, type Lockfile } from "./lockfile.ts";
import { REPOSITORY } from "./scratch-folder.ts";

const LACKING: Lockfile = {
  lockfileVersion: 3,
  packages: {
    "": { version: "0.1.0" },
    "node_modules/tool": {
      version: "1.2.3",
      dev: true,
      optionalDependencies: {
        "@tool/binding-linux-x64-gnu": "1.2.3",
        "@tool/binding-linux-arm-musleabihf": "1.2.3",
        "@tool/binding-win32-x64-msvc": "1.2.3",
      },
    },
    "node_modules/@tool/binding-linux-x64-gnu": { version: "1.2.3", optional: true },
  },
};

test("package-lock.json has an entry for every platform, or `npm ci` refuses it; `npm run lockfile` adds them", () => {
  const lock = JSON.parse(readFileSync(join(REPOSITORY, "package-lock.json"), "utf8")) as Lockfile;
  const optional = Object.values(lock.packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}));
  expect(optional.length).toBeGreaterThan(50);
  expect(absentPackages(lock)).toEqual([]);
});

test("absentPackages() names what a lock lacks", () => {
  expect(absentPackages(LACKING).map(({ name }) => name)).toEqual([
    "@tool/binding-linux-arm-musleabihf",
    "@tool/binding-win32-x64-msvc",
  ]);
});

test("completeLockfile() adds the platform of each absent package", () => {
  const { packages } = completeLockfile(LACKING);
  expect(absentPackages({ packages })).toEqual([]);
  expect(packages["node_modules/@tool/binding-linux-arm-musleabihf"]).toEqual({
    version: "1.2.3",
    cpu: ["arm"],
    dev: true,
    libc: ["musl"],
    optional: true,
    os: ["linux"],
  });
  expect(packages["node_modules/@tool/binding-win32-x64-msvc"]).toMatchObject({ cpu: ["x64"], os: ["win32"] });
});

test("completeLockfile() refuses a package whose name does not tell its platform", () => {
  const packages = { "node_modules/tool": { optionalDependencies: { "tool-extras": "1.0.0" } } };
  expect(() => completeLockfile({ packages })).toThrow(
    "Cannot complete package-lock.json: tool-extras@1.0.0 does not tell",
  );
});
