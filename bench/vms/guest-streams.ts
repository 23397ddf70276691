/**
 * What a command and a file cost through a guest's agent, beside what the guest itself takes for a process and for passing the same bytes
 * through a pipe: under emulation nothing can be quicker than that.
 */
import { STREAM_CHUNK, STREAM_WINDOW, type GuestStream, type StreamRequest } from "../../runtime/index.ts";
import { spreadRow, type Row } from "../bench.ts";
import { launchOf, type MeasuredHost } from "./measured-host.ts";

const FILE_BYTES = 16 * 1024 * 1024;
const INSTANCE = "streams";
const PROCESSES = 50;
const PATH = "/tmp/file";

export async function streamRows(host: MeasuredHost, rounds: number): Promise<readonly Row[]> {
  await host.start(launchOf(INSTANCE));
  await host.event("booted", INSTANCE);
  const content = Buffer.alloc(FILE_BYTES, "blixard ");
  const [processes, execs, pipes, puts, gets]: number[][] = [[], [], [], [], []];
  const loop = `i=0; while [ $i -lt ${PROCESSES} ]; do /bin/true; i=$((i+1)); done`;
  for (let round = 0; round < rounds; round++) {
    processes?.push((await run(host, exec("sh", "-c", loop))) / PROCESSES);
    for (let at = 0; at < 10; at++) execs?.push(await run(host, exec("true")));
    puts?.push(
      rate(
        await run(host, { type: "put", instance: INSTANCE, path: PATH, mode: "0644", sizeBytes: FILE_BYTES }, content),
      ),
    );
    gets?.push(rate(await run(host, { type: "get", instance: INSTANCE, path: PATH })));
    pipes?.push(rate(await run(host, exec("sh", "-c", `cat ${PATH} | cat >/dev/null`))));
  }
  await host.stop(INSTANCE);
  return [
    spreadRow("exec, a process in the guest's own shell", processes ?? [], { unit: "ms", goal: "of 50 in a row" }),
    spreadRow("exec true, to its exit code", execs ?? [], { unit: "ms", goal: "twice that" }),
    spreadRow("cp, a pipe in the guest itself", pipes ?? [], { unit: "MB/s", goal: "16 MiB" }),
    spreadRow("cp to the guest", puts ?? [], { unit: "MB/s", goal: "checksum included" }),
    spreadRow("cp from the guest", gets ?? [], { unit: "MB/s", goal: "checksum included" }),
  ];
}

function exec(...command: readonly string[]): StreamRequest {
  return { type: "exec", instance: INSTANCE, command, env: {} };
}

function rate(ms: number): number {
  return FILE_BYTES / 1_000 / ms;
}

/** Milliseconds until the stream has ended well. */
async function run(host: MeasuredHost, request: StreamRequest, input: Buffer = Buffer.alloc(0)): Promise<number> {
  const startMs = performance.now();
  await new Promise<void>((resolve, reject) => {
    let room = STREAM_WINDOW;
    let at = 0;
    let isFinished = false;
    const pump = (): void => {
      while (at < input.length && room > 0) {
        const size = Math.min(STREAM_CHUNK, room, input.length - at);
        stream.send(input.subarray(at, at + size));
        [at, room] = [at + size, room - size];
      }
      if (at < input.length || isFinished) return;
      isFinished = true;
      stream.finish();
    };
    const stream: GuestStream = host.hypervisor.verbs.openStream(request, {
      onFile: () => undefined,
      onOutput: (_, bytes) => stream.grant(bytes.length),
      onGrant: (bytes) => {
        room += bytes;
        pump();
      },
      onEnd: (end) => (end.ok ? resolve() : reject(new Error(end.message))),
    });
    pump();
  });
  return performance.now() - startMs;
}
