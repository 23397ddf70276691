/**
 * Reads what this node's guests use, through its hypervisor driver.
 *
 * One that does not answer must not keep the others waiting, nor the whole answer longer than another node waits for it; so all of a request
 * have one limit of time. Few are asked at once: what /proc says of a large guest takes the node's thread a millisecond or more.
 */
import type { Node, Vm } from "../actors/index.ts";
import type { VerbRefusal, VerbResult, GuestMetrics } from "../runtime/index.ts";
import type { ApiContext } from "./api-context.ts";
import { apiError, type ApiError, type ApiErrorCode } from "./api-error.ts";
import type { NodeMetrics, VmMetrics } from "./metric-wire.ts";

/** Guests asked at once. */
const AT_ONCE = 8;

type Reading = VerbResult<{ readonly metrics: GuestMetrics }>;
type Placed = Vm & { readonly status: { readonly instance: NonNullable<Vm["status"]["instance"]> } };

/** Of one VM of this node. @throws {ApiError} */
export async function readVmMetrics(context: ApiContext, vm: Vm): Promise<VmMetrics> {
  if (!isPlaced(vm)) throw notRunning(vm);
  const late = new Deadline(context);
  const reading = await read(context, vm, late);
  late.clear();
  if (!reading.ok) throw refusalOf(vm, reading);
  return metricsOf(context, vm, reading);
}

/** Of all VMs of this node, as it has the map; needs no leader. A guest that cannot be read is there with the reason. */
export async function readNodeMetrics(context: ApiContext, phase: Node["status"]["phase"]): Promise<NodeMetrics> {
  const { vms } = await readOwnMetrics(context, Infinity);
  return { name: context.node, phase, vms: [...vms], error: "" };
}

/** As `readNodeMetrics`, of the first by name; `omitted`: how many there are beyond. */
export async function readOwnMetrics(
  context: ApiContext,
  vmsMax: number,
): Promise<{ readonly vms: readonly VmMetrics[]; readonly omitted: number }> {
  const { resources } = await context.replica.read({ kind: "Vm", consistency: "local" });
  const all = resources
    .filter((resource): resource is Vm => resource.kind === "Vm")
    .filter(isPlaced)
    .filter(({ status }) => status.instance.node === context.node)
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const own = all.slice(0, vmsMax);
  const late = new Deadline(context);
  const vms: VmMetrics[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let at = next++; at < own.length; at = next++) {
      const vm = own[at]!;
      vms[at] = metricsOf(context, vm, await read(context, vm, late));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  late.clear();
  return { vms, omitted: all.length - own.length };
}

export function notRunning({ metadata: { name }, status: { phase, message } }: Vm): ApiError {
  const why = message === "" ? `start it with "blixard vm start ${name}"` : message;
  return apiError("no-instance", `Cannot read the metrics of VM "${name}": it is ${phase} and runs nowhere; ${why}`);
}

/** One limit of time for all of a request. */
class Deadline {
  readonly #context: ApiContext;
  readonly #timer: ReturnType<ApiContext["clock"]["setTimer"]>;
  readonly #waiting = new Set<() => void>();
  #passed = false;

  constructor(context: ApiContext) {
    this.#context = context;
    this.#timer = context.clock.setTimer(context.limits.metricsMs, () => {
      this.#passed = true;
      for (const give of this.#waiting) give();
    });
  }

  /** What `ask` answers, or a refusal when the time is over. */
  async wait(ask: (done: (reading: Reading) => void) => void): Promise<Reading> {
    return new Promise((resolve) => {
      const message = `it did not answer within ${this.#context.limits.metricsMs} ms`;
      const give = (): void => resolve({ ok: false, code: "timed-out", message });
      if (this.#passed) return give();
      this.#waiting.add(give);
      ask((reading) => {
        this.#waiting.delete(give);
        resolve(reading);
      });
    });
  }

  clear(): void {
    this.#context.clock.clearTimer(this.#timer);
  }
}

async function read({ guests }: ApiContext, vm: Placed, late: Deadline): Promise<Reading> {
  return late.wait((done) => guests.readMetrics(vm.status.instance.id, done));
}

function isPlaced(vm: Vm): vm is Placed {
  return vm.status.instance !== null;
}

function metricsOf({ clock }: ApiContext, { metadata, spec, status }: Placed, reading: Reading): VmMetrics {
  const { instance, phase, restarts } = status;
  const { vcpus, memoryMiB } = spec;
  const { id, node } = instance;
  const known = { vm: metadata.name, node, instance: id, phase, vcpus, memoryMiB, restarts, atMs: clock.monotonicMs() };
  return reading.ok ? { ...known, usage: { ...reading.metrics }, error: "" } : { ...known, error: reading.message };
}

function refusalOf({ metadata: { name }, status }: Placed, { code, message }: VerbRefusal): ApiError {
  const codes: Partial<Record<VerbRefusal["code"], ApiErrorCode>> = {
    unsupported: "invalid",
    "not-running": "no-instance",
    "not-found": "no-instance",
  };
  const what = `Cannot read the metrics of VM "${name}" on node "${status.instance.node}", which is ${status.phase}`;
  return apiError(codes[code] ?? "no-answer", `${what}: ${message}`);
}
