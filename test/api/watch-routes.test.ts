/** Watches over HTTP: what is streamed, how it resumes, and that it costs nothing once its client is gone. */
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { eventResource, manifest, send, serveApi, until, type ServedApi } from "./api-fixture.ts";

interface Line {
  readonly type: string;
  readonly version: number;
  readonly resource?: { readonly metadata: { readonly name: string } };
  readonly resources?: readonly { readonly metadata: { readonly name: string } }[];
  readonly error?: { readonly code: string; readonly message: string };
}

interface Watch {
  readonly next: () => Promise<Line | undefined>;
  readonly leave: () => void;
}

async function watch(api: ServedApi, path: string): Promise<Watch> {
  const abort = new AbortController();
  const response = await fetch(`${api.url}${path}`, { signal: abort.signal });
  expect(response.headers.get("content-type")).toBe("application/x-ndjson");
  const lines = linesOf(response);
  const next = async (): Promise<Line | undefined> => (await lines.next()).value ?? undefined;
  return { next, leave: () => abort.abort() };
}

async function* linesOf(response: Response): AsyncGenerator<Line, void> {
  let rest = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) yield JSON.parse(part) as Line;
  }
}

/** The next line that is no bookmark. */
async function nextNews(stream: Watch): Promise<Line | undefined> {
  for (;;) {
    const line = await stream.next();
    if (line?.type !== "bookmark") return line;
  }
}

const create = (api: ServedApi, name: string): Promise<unknown> => send(api.url, "POST", "/api/v1/vms", manifest(name));

describe("GET ?watch=1", () => {
  test("begins with everything and goes on with each change", async () => {
    const api = await serveApi();
    await create(api, "web");
    const stream = await watch(api, "/api/v1/vms?watch=1");
    const synced = await nextNews(stream);
    expect(synced).toMatchObject({ type: "synced", version: 1 });
    expect(synced?.resources?.map(({ metadata }) => metadata.name)).toEqual(["web"]);
    await create(api, "db");
    expect(await nextNews(stream)).toMatchObject({ type: "put", version: 2, resource: { metadata: { name: "db" } } });
    await send(api.url, "DELETE", "/api/v1/vms/web");
    expect(await nextNews(stream)).toMatchObject({
      type: "delete",
      version: 3,
      resource: { metadata: { name: "web" } },
    });
  });

  test("gives only what came after the version, then a bookmark of where it stands", async () => {
    const api = await serveApi();
    await create(api, "a");
    await create(api, "b");
    const stream = await watch(api, "/api/v1/vms?watch=1&since=1");
    expect(await stream.next()).toMatchObject({ type: "put", version: 2, resource: { metadata: { name: "b" } } });
    expect(await stream.next()).toEqual({ type: "bookmark", version: 2 });
  });

  test("watches one resource, also before it exists", async () => {
    const api = await serveApi();
    const stream = await watch(api, "/api/v1/vms/web?watch=1");
    expect(await nextNews(stream)).toMatchObject({ type: "synced", resources: [] });
    await create(api, "db");
    await create(api, "web");
    expect(await nextNews(stream)).toMatchObject({ type: "put", version: 2, resource: { metadata: { name: "web" } } });
  });

  test("moves its bookmark on while others change, so that its place is not forgotten", async () => {
    const api = await serveApi({ limits: { bookmarkMs: 5 } });
    const stream = await watch(api, "/api/v1/events?watch=1");
    await nextNews(stream);
    await create(api, "web");
    let line = await stream.next();
    while (line?.version !== api.replica.version()) line = await stream.next();
    expect(line).toEqual({ type: "bookmark", version: 1 });
  });

  test("lets only the last of the changes of one version carry it, so that none is missed by who was cut off", async () => {
    const api = await serveApi();
    const stream = await watch(api, "/api/v1/events?watch=1");
    await nextNews(stream);
    api.system.tell(api.ref, api.replica.put(eventResource("e1"), eventResource("e2")));
    expect(await nextNews(stream)).toMatchObject({ type: "put", version: 0, resource: { metadata: { name: "e1" } } });
    expect(await nextNews(stream)).toMatchObject({ type: "put", version: 1, resource: { metadata: { name: "e2" } } });
  });

  test("refuses a version that was forgotten with 410 and the oldest that is not", async () => {
    const api = await serveApi();
    api.replica.oldest = 7;
    const { status, body } = await send(api.url, "GET", "/api/v1/vms?watch=1&since=3");
    expect(status).toBe(410);
    expect(body.error).toMatchObject({ code: "compacted", details: { oldest: 7 } });
    expect(api.replica.subscribers()).toBe(0);
  });

  test("says so when the replica does not answer", async () => {
    const api = await serveApi({ limits: { readMs: 1 } });
    api.replica.mute = true;
    const { status, body } = await send(api.url, "GET", "/api/v1/vms?watch=1");
    expect([status, body.error.code]).toEqual([503, "no-answer"]);
  });

  test("ends its subscription when the client leaves", async () => {
    const api = await serveApi();
    const stream = await watch(api, "/api/v1/vms?watch=1");
    await stream.next();
    expect(api.replica.subscribers()).toBe(1);
    stream.leave();
    await until(() => api.replica.subscribers() === 0);
    expect(api.errors).toEqual([]);
  });

  test("ends with a reason when the replica stops", async () => {
    const api = await serveApi();
    const stream = await watch(api, "/api/v1/vms?watch=1");
    await nextNews(stream);
    api.system.stopActor(api.ref);
    expect(await nextNews(stream)).toMatchObject({ type: "error", error: { code: "no-answer" } });
    expect(await stream.next()).toBeUndefined();
  });

  test("ends with a reason when the server closes, and does not hold it up", async () => {
    const api = await serveApi();
    const stream = await watch(api, "/api/v1/vms?watch=1");
    await nextNews(stream);
    const closing = api.close();
    expect(await nextNews(stream)).toMatchObject({ type: "error", error: { code: "closing" } });
    await closing;
  });

  test("refuses more streams than the limit, and gives a place back", async () => {
    const api = await serveApi({ limits: { streamsMax: 1 } });
    const stream = await watch(api, "/api/v1/vms?watch=1");
    const refused = await send(api.url, "GET", "/api/v1/vms?watch=1");
    expect([refused.status, refused.body.error.code]).toEqual([429, "too-many-streams"]);
    stream.leave();
    await until(() => api.replica.subscribers() === 0);
    (await watch(api, "/api/v1/vms?watch=1")).leave();
  });
});

test("a connection on which nothing was sent does not hold up the closing", async () => {
  const api = await serveApi({ limits: { closeMs: 60_000 } });
  const socket = connect(api.port, "127.0.0.1");
  await until(() => !socket.connecting);
  await api.close();
  await until(() => socket.closed);
  expect(socket.bytesRead).toBe(0);
});

describe("a client that reads nothing", () => {
  /** More than the kernel buffers of a socket on loopback. */
  const MUCH = "x".repeat(200_000);

  async function stuck(api: ServedApi): Promise<void> {
    const socket = connect(api.port, "127.0.0.1");
    socket.pause();
    socket.on("error", () => undefined);
    socket.write("GET /api/v1/events?watch=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    await until(() => api.replica.subscribers() === 1);
  }

  function bigEvent(at: number): ReturnType<typeof eventResource> {
    const event = eventResource(`e${at}`);
    return { ...event, spec: { ...event.spec, message: MUCH } };
  }

  test("is cut off once too much waits for it", async () => {
    const api = await serveApi({ limits: { backlogMaxBytes: 100_000, closeMs: 5 } });
    await stuck(api);
    for (let at = 0; api.replica.subscribers() === 1 && at < 1000; at++) {
      api.system.tell(api.ref, api.replica.put(bigEvent(at)));
      await new Promise(setImmediate);
    }
    await until(() => api.replica.subscribers() === 0);
    expect(api.errors).toEqual([]);
  });

  test("is cut off when it reads nothing at all for too long", async () => {
    const api = await serveApi({ limits: { backlogMaxBytes: 1e9, stallMs: 20, closeMs: 5 } });
    await stuck(api);
    api.system.tell(api.ref, api.replica.put(...Array.from({ length: 60 }, (_, at) => bigEvent(at))));
    await until(() => api.replica.subscribers() === 0);
    expect(api.errors).toEqual([]);
  });
});
