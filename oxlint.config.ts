/**
 * What the compiler cannot say: which folder owns which package, and what the pure folders must not touch.
 *
 * `tsc` keeps the imports between folders (one tsconfig.json each) and hides Node.js from the pure ones; this adds what
 * the language itself brings along: the clock, randomness, locales. Each entry of the tables is planted once, wrongly,
 * by `test/arch/layering.test.ts`, which must see it named.
 */
import type { OxlintConfig, OxlintOverride } from "oxlint";

interface Folder {
  readonly files: string[];
  readonly excludeFiles?: string[];
  /** The packages this folder owns, by name or as `@scope/*`. No other folder may import them. */
  readonly packages?: readonly string[];
  /** Whether it may import `node:*`. */
  readonly node?: true;
}

const TEST_PACKAGES = ["vitest", "fast-check"];

const FOLDERS: readonly Folder[] = [
  { files: ["runtime/**"], excludeFiles: ["runtime/node/**"], packages: ["nact", "rxjs"] },
  { files: ["runtime/node/**"], packages: ["lmdb", "pino"], node: true },
  { files: ["transport/**"], excludeFiles: ["transport/node/**"] },
  { files: ["transport/node/**"], packages: ["ws", "msgpackr"], node: true },
  { files: ["actors/**"], packages: ["typebox", "ts-pattern"] },
  { files: ["sim/**"], excludeFiles: ["sim/node/**"] },
  { files: ["sim/node/**"], node: true },
  { files: ["guest/**"], node: true },
  { files: ["api/**"], packages: ["fastify", "@fastify/*", "prom-client"], node: true },
  { files: ["library/**"], node: true },
  { files: ["cli/**"], packages: ["commander", "yaml", "cli-table3", "ts-pattern"], node: true },
  // To measure the kernel and the transport beside them.
  { files: ["bench/**"], packages: ["nact", "ws"], node: true },
  { files: ["examples/**"], packages: ["ws"], node: true },
  { files: ["chaos/**"], packages: ["commander"], node: true },
  { files: ["test/**", "vitest.config.ts"], packages: TEST_PACKAGES, node: true },
];

/** A test may use what its subject uses: to read what a driver wrote, to speak to it as an outsider. */
const TESTS: readonly Folder[] = ["runtime", "transport", "actors", "api", "cli"].map((subject) => ({
  files: [`test/${subject}/**`],
  packages: [
    ...TEST_PACKAGES,
    ...FOLDERS.filter(({ files }) => files[0]?.startsWith(`${subject}/`)).flatMap(({ packages }) => packages ?? []),
  ],
  node: true,
}));

const PURE = ["runtime/**", "transport/**", "actors/**", "sim/**"];
const PURE_EXCEPT = ["runtime/node/**", "transport/node/**", "sim/node/**"];

/** Globals that no seed decides, and what pure code uses instead. */
const IMPURE_GLOBALS: Readonly<Record<string, string>> = {
  Date: "Ask the Clock port.",
  performance: "Ask the Clock port.",
  crypto: "Ask the Random port.",
  setTimeout: "Set a timer through ctx or on the Clock port.",
  setInterval: "Set a timer through ctx or on the Clock port.",
  setImmediate: "Schedule on the Dispatcher port.",
  queueMicrotask: "Schedule on the Dispatcher port.",
  Intl: "What a locale decides differs between machines.",
  process: "Pure code runs without Node.js; take what you need as an option or through a port.",
  Buffer: "Pure code runs without Node.js; use Uint8Array.",
  console: "Use the Logger port.",
  require: "Use import.",
  WeakRef: "What the garbage collector decides differs between runs.",
  FinalizationRegistry: "What the garbage collector decides differs between runs.",
  SharedArrayBuffer: "What threads decide differs between runs.",
  Atomics: "What threads decide differs between runs.",
};

const LOCALE_METHODS = ["localeCompare", "toLocaleString", "toLocaleLowerCase", "toLocaleUpperCase"];

/** An override replaces a rule's options instead of adding to them, so a folder's list is made in one piece. */
function ownPackagesOnly(folder: Folder): OxlintOverride {
  const allowed = [...(folder.node ? ["node:*"] : []), ...(folder.packages ?? [])];
  const group = ["*", "!./**", "!../**", ...allowed.flatMap((name) => [`!${name}`, `!${name}/**`])];
  const message = `${folder.files[0]} may import relative paths${allowed.map((name) => `, ${name}`).join("")}; each package has one owner folder.`;
  return {
    files: folder.files,
    excludeFiles: folder.excludeFiles ?? [],
    rules: { "no-restricted-imports": ["error", { patterns: [{ group, message }] }] },
  };
}

const config: OxlintConfig = {
  plugins: ["eslint", "typescript", "unicorn", "oxc", "import", "promise", "vitest"],
  categories: { correctness: "error", suspicious: "error", perf: "error" },
  options: { reportUnusedDisableDirectives: "error" },
  ignorePatterns: ["node_modules/", "dist/", ".cache/", "coverage/"],
  rules: {
    eqeqeq: "error",
    "no-var": "error",
    "prefer-const": "error",
    "import/no-default-export": "error",
    // Also forbids the type `import("package").Thing`, which the owners' rule below does not see.
    "typescript/consistent-type-imports": "error",
    "typescript/no-explicit-any": "error",
    "typescript/no-misused-promises": "error",
    "typescript/only-throw-error": "error",
    "typescript/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
    "unicorn/prefer-node-protocol": "error",
    // A cast is the only way to say what a decoder, a map of mixed values or nact's untyped state holds.
    "typescript/no-unsafe-type-assertion": "off",
    // Steps that follow each other are awaited in a loop on purpose.
    "no-await-in-loop": "off",
    // `{ ...old, changed }` in a map is how state is replaced everywhere.
    "oxc/no-map-spread": "off",
    // A copy of the listeners is what lets one of them leave while they are called.
    "unicorn/no-useless-spread": "off",
    // A one-line function stands where it is read.
    "unicorn/consistent-function-scoping": "off",
    // Ports answer by callback, drivers work with promises.
    "promise/no-callback-in-promise": "off",
    // `then` at the end of a chain is for its effect.
    "promise/always-return": "off",
    // typebox and fast-check export the same things both ways.
    "import/no-named-as-default": "off",
    "import/no-named-as-default-member": "off",
    // The compiler's noImplicitReturns does this, and lets `return skip(…)` pass.
    "typescript/consistent-return": "off",
    // Does not see what a function that the condition calls depends on.
    "no-unmodified-loop-condition": "off",
    // Means `window.postMessage`; here it is a worker's.
    "unicorn/require-post-message-target-origin": "off",
  },
  overrides: [
    ...[...FOLDERS, ...TESTS].map(ownPackagesOnly),
    {
      files: PURE,
      excludeFiles: PURE_EXCEPT,
      rules: {
        "no-restricted-globals": [
          "error",
          {
            checkGlobalObject: true,
            globals: Object.entries(IMPURE_GLOBALS).map(([name, message]) => ({ name, message })),
          },
        ],
        "no-restricted-properties": [
          "error",
          { object: "Math", property: "random", message: "Ask the Random port." },
          ...LOCALE_METHODS.map((property) => ({
            property,
            message: "What a locale decides differs between machines.",
          })),
        ],
      },
    },
    {
      // A handler never awaits: an answer from outside comes back as a message.
      files: ["actors/**"],
      // TypeBox schemas need inferred types, so the compiler does not ask for return types there.
      rules: { "oxc/no-async-await": "error", "typescript/explicit-module-boundary-types": "error" },
    },
    {
      // `cli/` is the composition root: below it nobody reads the environment.
      files: ["runtime/node/**", "transport/node/**", "sim/node/**", "guest/**", "api/**", "library/**"],
      rules: {
        "no-restricted-properties": [
          "error",
          { object: "process", property: "env", message: "Only cli/ reads the environment; take an option." },
        ],
      },
    },
    {
      // These tools load a default export, and so does `blixard sim --actors`.
      files: ["*.config.ts", "test/tally-reporter.ts", "examples/*/simulation.ts", "test/cli/adding-simulation.ts"],
      rules: { "import/no-default-export": "off" },
    },
    {
      files: ["test/**"],
      rules: {
        // A contract suite skips, with a reason, what a driver cannot do.
        "vitest/no-disabled-tests": "off",
        // Steps that several tests share are functions with expectations, and those branch.
        "vitest/no-standalone-expect": "off",
        "vitest/no-conditional-expect": "off",
        // The second argument says which of several cases failed.
        "vitest/valid-expect": ["error", { maxArgs: 2 }],
        // Rigs are taken apart into their functions, and letters out of words.
        "typescript/unbound-method": "off",
        "typescript/no-misused-spread": "off",
        "vitest/expect-expect": ["error", { assertFunctionNames: ["expect", "expect*", "assert*", "fc.assert"] }],
      },
    },
  ],
};

export default config;
