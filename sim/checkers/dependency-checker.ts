/**
 * No instance of a VM is placed while one that it requires is not healthy in the map at that index. Looks at what replicas hold, at the index at which an
 * instance came to be, and judges by the fields of the map and not by the rules that the cluster decides by.
 */
import type { ClusterView, Vm } from "../../actors/index.ts";
import type { Timeline } from "../timeline/timeline.ts";

export class DependencyChecker {
  /** Instances of VMs that require others, seen at the index of their placement. */
  placed = 0;
  readonly #timeline: Pick<Timeline, "fail">;
  readonly #names: readonly string[];
  #newest = 0;

  /** `names`: of the VMs that are looked at. */
  constructor(timeline: Pick<Timeline, "fail">, names: readonly string[]) {
    this.#timeline = timeline;
    this.#names = names;
  }

  /** A replica has applied one entry more. The first to come to an index is looked at: that all hold the same there is another rule's. */
  onApply(view: Pick<ClusterView, "applied" | "get">): void {
    if (view.applied <= this.#newest) return;
    this.#newest = view.applied;
    for (const name of this.#names) {
      const vm = vmOf(view, name);
      const id = vm?.status.instance?.id;
      if (vm === undefined || id !== `${name}-${view.applied}`) continue;
      this.#judge(vm, id, view);
    }
  }

  #judge({ metadata, spec }: Vm, instance: string, view: Pick<ClusterView, "get">): void {
    const { requires = [] } = spec;
    if (requires.length > 0) this.placed += 1;
    for (const name of requires) {
      const other = vmOf(view, name);
      const { phase, health, instance: running } = other?.status ?? {};
      const serves = phase === "Running" && running?.stopping === false;
      if (serves && (other?.spec.health === undefined || health === "healthy")) continue;
      this.#timeline.fail(
        "what-a-vm-requires-is-healthy-first",
        `VM "${metadata.name}" is placed as ${instance}, and requires "${name}", which is ${phase ?? "not there"}, ${health ?? ""}`,
      );
    }
  }
}

/** Whether a VM rightly has no place, since one that it names is not to run, or has none itself for that reason. */
export function isHeldBack({ spec }: Vm, view: Pick<ClusterView, "get">): boolean {
  const isLost = (name: string): boolean => {
    const other = vmOf(view, name);
    return other === undefined || (other.spec.running && other.status.phase === "Pending" && isHeldBack(other, view));
  };
  const isOut = (name: string): boolean => {
    const other = vmOf(view, name);
    return (
      other?.spec.running === false || other?.status.phase === "Completed" || other?.status.instance?.paused === true
    );
  };
  return [...(spec.after ?? []), ...(spec.requires ?? [])].some(isLost) || (spec.requires ?? []).some(isOut);
}

function vmOf(view: Pick<ClusterView, "get">, name: string): Vm | undefined {
  const found = view.get("Vm", name);
  return found?.kind === "Vm" ? found : undefined;
}
