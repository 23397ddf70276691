/** One `blixard node` as a process: how it starts, refuses to start, and ends. */
import { request } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createApiClient } from "../../api/index.ts";
import { BlixardHome, freePort, REPOSITORY, type RunningBlixard } from "./blixard-process.ts";

/** A file, where a folder would have to be. */
const A_FILE = join(REPOSITORY, "package.json");
const TOKEN = "a-token-of-some-length";
/** A node with nothing open needs some 50 ms; this leaves room for a busy host, and is under any limit of closing. */
const PROMPT_MS = 2500;

let home: BlixardHome;
let api: number;
const started: RunningBlixard[] = [];

beforeEach(async () => {
  home = new BlixardHome();
  api = await freePort();
});

afterEach(async () => {
  for (const node of started.splice(0)) {
    node.signal("SIGKILL");
    await node.ended;
  }
  await home.remove();
});

function startNode(flags: readonly string[] = [], env: Readonly<Record<string, string>> = {}): RunningBlixard {
  const data = join(home.folder, "n1");
  const listen = ["--listen", "127.0.0.1:0", "--api", `127.0.0.1:${api}`];
  const node = home.start(["node", "--name", "n1", "--data", data, "--driver", "process", ...listen, ...flags], {
    BLIXARD_TOKEN: TOKEN,
    ...env,
  });
  started.push(node);
  return node;
}

async function statusFor(host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request({ port: api, path: "/healthz", headers: { host } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    asked.on("error", reject);
    asked.end();
  });
}

test.each(["SIGTERM", "SIGINT"] as const)("node ends promptly on %s, also with a client connected", async (signal) => {
  const node = startNode();
  await node.says("The node is up");
  // Leaves a connection open that waits for its next request.
  expect((await fetch(`http://127.0.0.1:${api}/healthz`)).status).toBe(200);
  const sinceMs = performance.now();
  node.signal(signal);
  expect(await node.ended).toMatchObject({ exitCode: 0 });
  expect(performance.now() - sinceMs).toBeLessThan(PROMPT_MS);
});

test("node ends promptly while somebody watches, who is told why", async () => {
  const node = startNode();
  await node.says("The node is up");
  const watch = await fetch(`http://127.0.0.1:${api}/api/v1/vms?watch=true`);
  const sinceMs = performance.now();
  node.signal("SIGTERM");
  expect(await watch.text()).toContain('"closing"');
  expect(await node.ended).toMatchObject({ exitCode: 0 });
  expect(performance.now() - sinceMs).toBeLessThan(PROMPT_MS);
});

test("node names an API port that is in use and what would help, not a fault of Blixard", async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(api, "127.0.0.1", resolve));
  try {
    const { exitCode, err } = await startNode().ended;
    expect(exitCode).toBe(1);
    expect(err).toContain(`127.0.0.1:${api}: the port is in use`);
    expect(err).not.toContain("fault of Blixard");
  } finally {
    holder.close();
  }
});

test("node names a data folder that cannot be made, not a fault of Blixard", async () => {
  const { exitCode, err } = await startNode(["--data", join(A_FILE, "n1")]).ended;
  expect(exitCode).toBe(1);
  expect(err).toContain(join(A_FILE, "n1"));
  expect(err).not.toContain("fault of Blixard");
});

test("node answers to the names it was given and to no other", async () => {
  const node = startNode(["--address", "Blixard-1.test"]);
  await node.says("The node is up");
  expect(await statusFor(`blixard-1.test:${api}`)).toBe(200);
  expect(await statusFor("localhost")).toBe(200);
  expect(await statusFor("elsewhere.test")).toBe(421);
});

test("node that serves on all addresses tells the others the one where it is", async () => {
  const node = startNode(["--api", `0.0.0.0:${api}`, "--address", "127.0.0.2"]);
  await node.says("The node is up");
  const client = createApiClient({ urls: [`http://127.0.0.1:${api}`] });
  await vi.waitFor(async () => expect((await client.nodes.get("n1")).spec.apiUrl).toBe(`http://127.0.0.2:${api}`), {
    timeout: 20_000,
    interval: 50,
  });
});
