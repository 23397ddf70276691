/** A scenario file's document, once it fits `document-schema.ts`; what its words mean, `compile.ts` says. */
import type { VmManifest } from "../../actors/index.ts";

export interface ScenarioDocument {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly description?: string;
    readonly duration: string;
    readonly seeds?: number;
    readonly cluster?: {
      /** A count, a list of `NodeDocument`, or "fromPlatform". */
      readonly nodes?: unknown;
      readonly network?: { readonly delay?: string; readonly loss?: string };
    };
    readonly workload?: {
      /** A file or folder of manifests, beside the scenario's file. */
      readonly platform?: string;
      readonly vms?: readonly VmDocument[];
      readonly clients?: { readonly count?: number; readonly every?: string; readonly reads?: string };
    };
    readonly faults?: readonly Readonly<Record<string, unknown>>[];
    readonly random?: { readonly profile?: "mixed" | "elections" | "leases"; readonly everyFault?: boolean };
    readonly expect?: readonly ExpectationDocument[];
  };
}

export interface NodeDocument {
  readonly name: string;
  readonly zone?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly memoryMiB?: number;
  readonly vcpus?: number;
}

export interface VmDocument {
  readonly name: string;
  readonly replicas?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: unknown;
}

export interface ExpectationDocument {
  readonly healthy?: string | readonly string[];
  readonly downtime?: string | readonly string[];
  readonly available?: string;
  readonly lost?: string | readonly string[];
  readonly acknowledged?: "writes" | "reads";
  readonly leader?: "always";
  readonly "never-two"?: "all";
  readonly within?: string;
  readonly after?: string;
  readonly except?: string | readonly string[];
  readonly max?: string;
  readonly min?: number;
  readonly gap?: string;
}

/** What a user applies, and what `blixard get nodes -o yaml` says of the nodes. */
export interface Platform {
  /** As the user wrote it, for messages. */
  readonly name: string;
  readonly vms: readonly VmManifest[];
  /** Empty: it names none. */
  readonly nodes: readonly NodeDocument[];
}
