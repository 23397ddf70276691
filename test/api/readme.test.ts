/** The examples of api/README.md, each run against a served API. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { nodeResource, serveApi } from "./api-fixture.ts";
import { memberEntry, replicating } from "./stand-in-members.ts";

interface Example {
  readonly line: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly status: number;
}

/** What the README uses of curl, and nothing more: anything else fails the test. */
function parseCurl(line: string): Example {
  const [, command = "", status = ""] = /^curl (.*?)\s+# (\d{3})\b/.exec(line) ?? [];
  const words = [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, bare]) => single ?? double ?? bare ?? "",
  );
  const headers: Record<string, string> = {};
  let method = "GET";
  let body: string | undefined;
  let path = "";
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === "-N") continue;
    if (word === "-X") method = words.shift() ?? "";
    else if (word === "-d") body = words.shift();
    else if (word === "-H") {
      const [name = "", value = ""] = (words.shift() ?? "").split(/: (.*)/s);
      headers[name] = value;
    } else if (word.startsWith("$API/")) path = word.slice("$API".length);
    else throw new Error(`The README's example has "${word}", which this test does not know: ${line}`);
  }
  return { line, method, path, headers, body, status: Number(status) };
}

function examples(): readonly Example[] {
  const text = readFileSync(new URL("../../api/README.md", import.meta.url), "utf8");
  const [, block = ""] = /```sh\n(.*?)```/s.exec(text) ?? [];
  return block.trimEnd().split("\n").map(parseCurl);
}

test("every example of the README answers with the status behind it", async () => {
  const api = await serveApi();
  api.system.tell(api.ref, api.replica.put(nodeResource("n1", api.url)));
  api.replica.cluster.members = [memberEntry("n1", "voter"), memberEntry("n4", "learner", replicating(0))];
  expect(examples().length).toBeGreaterThan(20);
  for (const { line, method, path, headers, body, status } of examples()) {
    const response = await fetch(`${api.url}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
    expect(`${response.status} ${line}`).toBe(`${status} ${line}`);
    await response.body?.cancel();
  }
});

test("every route of the OpenAPI document has an example", async () => {
  const api = await serveApi();
  const response = await fetch(`${api.url}/api/v1/openapi.json`);
  const { paths } = (await response.json()) as { paths: Record<string, Record<string, unknown>> };
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({ path, method })),
  );
  const shown = examples().map(({ method, path }) => `${method} ${path.replace(/\?.*/, "")}`);
  // Probes stand at the root too, and events are read as a list.
  const expected = routes.filter(
    ({ path, method }) => path.startsWith("/api/") && method !== "head" && path !== "/api/v1/events/{name}",
  );
  const missing = expected.filter(({ path, method }) => {
    const pattern = new RegExp(`^${method.toUpperCase()} ${path.replace(/\{\w+\}/, "[a-z0-9]+")}$`);
    return !shown.some((call) => pattern.test(call));
  });
  expect(expected.length).toBeGreaterThan(10);
  expect(missing).toEqual([]);
});
