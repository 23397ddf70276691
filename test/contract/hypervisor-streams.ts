/** The hypervisor port's contract of streams: commands, files and the console, or their refusal. */
import { expect, test } from "vitest";
import type { GuestVerb, StreamEnd, StreamRequest } from "../../runtime/index.ts";
import type { Driver, HypervisorSuite } from "./hypervisor-suite.ts";

type Kind = StreamRequest["type"];

const VERBS: Readonly<Record<Kind, GuestVerb>> = { exec: "exec", put: "copy", get: "copy", console: "console" };

function requestOf(type: Kind, instance: string): StreamRequest {
  switch (type) {
    case "exec":
      return { type, instance, command: ["true"], env: {} };
    case "put":
      return { type, instance, path: "/tmp/nothing", mode: "0644", sizeBytes: 0 };
    case "get":
      return { type, instance, path: "/etc/passwd" };
    case "console":
      return { type, instance, access: "read", who: "the contract" };
    default:
      return type satisfies never;
  }
}

/** How the stream ended; a console, which has no end, once it has been there for `openMs`. */
async function ended(driver: Driver, request: StreamRequest, waited: Promise<void>): Promise<StreamEnd> {
  let isDuringCall = true;
  const end = await new Promise<StreamEnd>((resolve) => {
    const stream = driver.hypervisor.verbs.openStream(request, {
      onFile: () => undefined,
      onOutput: () => undefined,
      onGrant: () => undefined,
      onEnd: (how) => {
        expect(isDuringCall, "an answer during the call").toBe(false);
        resolve(how);
      },
    });
    stream.finish();
    if (request.type === "console") void waited.then(() => stream.cancel());
    isDuringCall = false;
  });
  return end;
}

export function streamsContract(suite: HypervisorSuite): void {
  test("openStream() does what the driver can, refuses what it lacks by name, and ends by itself in a guest that does not run", async () => {
    const driver = await suite.open();
    const harness = await suite.harness();
    const { driver: name, capabilities } = driver.hypervisor;
    await driver.startAndBoot(suite.serving("i-stream"));
    for (const type of ["exec", "put", "get", "console"] as const) {
      const why = capabilities.lacks[VERBS[type]];
      const end = await ended(driver, requestOf(type, "i-stream"), harness.pause(20));
      const nobody = await ended(driver, requestOf(type, "i-nobody"), harness.pause(20));
      if (why === undefined) {
        const done = { exec: { type: "exited", code: 0 }, put: { type: "done" }, get: { type: "done" } };
        expect(end).toMatchObject(type === "console" ? { ok: false, code: "cancelled" } : { ok: true, ...done[type] });
        expect(nobody, type).toMatchObject({ ok: false, code: "not-running" });
      } else {
        for (const refused of [end, nobody]) {
          expect(refused, type).toMatchObject({ ok: false, code: "unsupported" });
          expect((refused as { message: string }).message).toContain(`the driver "${name}" lacks it (${why})`);
        }
      }
    }
    expect(await driver.list()).toHaveLength(1);
  });
}
