/** Expectations of a file as they are judged: VMs and faults looked up by name, times that cannot come refused. */
import { nearestWord } from "../../actors/index.ts";
import type { ExpectationDocument } from "./document.ts";
import { EXPECTATION_FIELDS, EXPECTATION_VERBS, type ExpectationVerb } from "./document-schema.ts";
import { writeDuration } from "./duration.ts";
import type { ProblemList } from "./problem-list.ts";
import type { Expectation, PlannedFault, PlannedVm } from "./scenario-plan.ts";

/** VMs with the same value of this label are one application, for the scheduler as well. */
export const APP_LABEL = "app";

export interface Named {
  readonly vms: readonly PlannedVm[];
  readonly faults: readonly PlannedFault[];
  readonly spanMs: number;
  readonly problems: ProblemList;
}

export function compileExpectations(entries: readonly ExpectationDocument[], named: Named): readonly Expectation[] {
  return entries.flatMap((entry, index) => {
    const at = `/spec/expect/${index}`;
    if (named.problems.isWrong(at)) return [];
    const verb = verbOf(entry, at, named.problems);
    const compiled = verb === null ? null : new Compiler(entry, at, named).compile(verb);
    return compiled === null || named.problems.isWrong(at) ? [] : [compiled];
  });
}

/** What is expected where a file says nothing: the least that a platform is for. */
export function usualExpectations({ vms, spanMs, faults }: Named): readonly Expectation[] {
  const withinMs = Math.min(60_000, spanMs - Math.max(0, ...faults.map(({ lastMs }) => lastMs)));
  const healthy: Expectation = {
    type: "healthy",
    vms: vms.map(({ name }) => name),
    ...{ withinMs, after: null },
    title: `every VM is healthy again within ${writeDuration(withinMs)} of each fault`,
  };
  return [...(vms.length > 0 ? [healthy] : []), NEVER_TWO];
}

const NEVER_TWO: Expectation = { type: "never-two", title: "no VM ever runs twice" };

function verbOf(entry: ExpectationDocument, at: string, problems: ProblemList): ExpectationVerb | null {
  const [verb, another] = EXPECTATION_VERBS.filter((word) => entry[word] !== undefined);
  if (verb === undefined) {
    problems.refuse(at, `nothing is expected here; expected one of ${EXPECTATION_VERBS.join(", ")}`);
    return null;
  }
  if (another !== undefined) {
    problems.refuse(
      `${at}/${another}`,
      `"${verb}" is expected here already; give each expectation an entry of its own`,
    );
    return null;
  }
  const known = EXPECTATION_FIELDS[verb];
  for (const key of Object.keys(entry)) {
    if (key === verb || known.includes(key)) continue;
    const meant = nearestWord(key, known);
    const may = known.length === 0 ? "" : `; beside it may stand ${known.join(", ")}`;
    problems.refuse(
      `${at}/${key}`,
      `means nothing beside "${verb}"${meant === undefined ? may : `; did you mean "${meant}"?`}`,
    );
  }
  return verb;
}

class Compiler {
  readonly #entry: ExpectationDocument;
  readonly #at: string;
  readonly #named: Named;

  constructor(entry: ExpectationDocument, at: string, named: Named) {
    this.#entry = entry;
    this.#at = at;
    this.#named = named;
  }

  compile(verb: ExpectationVerb): Expectation | null {
    switch (verb) {
      case "healthy":
        return this.#healthy();
      case "downtime": {
        const vms = this.#vmsOf("downtime");
        const maxMs = this.#duration("max");
        return {
          type: "downtime",
          vms,
          maxMs,
          title: `${this.#who("downtime")} is never down${maxMs === 0 ? "" : ` longer than ${writeDuration(maxMs)}`}`,
        };
      }
      case "available":
        return this.#available();
      case "lost": {
        const vms = this.#vmsOf("lost");
        const after = this.#fault("after", true) ?? "";
        return { type: "lost", vms, after, title: `${this.#who("lost")} is lost while ${after} lasts` };
      }
      case "acknowledged": {
        const what = this.#entry.acknowledged ?? "writes";
        const withinMs = this.#duration("within");
        const except = this.#exceptFaults();
        const title = `${what === "writes" ? "a write is acknowledged" : "a read is answered"} within ${writeDuration(withinMs)}`;
        return { type: "answered", what, withinMs, except, title: `${title}${beyond(except)}` };
      }
      case "leader": {
        const gapMs = this.#duration("gap");
        const except = this.#exceptFaults();
        const title = `the cluster is never without a leader longer than ${writeDuration(gapMs)}`;
        return { type: "leader", gapMs, except, title: `${title}${beyond(except)}` };
      }
      case "never-two":
        return NEVER_TWO;
      default:
        return verb satisfies never;
    }
  }

  #healthy(): Expectation {
    const vms = this.#vmsOf("healthy");
    const withinMs = this.#duration("within");
    const after = this.#fault("after", false);
    const { faults, spanMs, problems } = this.#named;
    const strikes = faults.filter(({ name }) => after === null || name === after).map(({ lastMs }) => lastMs);
    const lastMs = Math.max(...strikes);
    if (strikes.length === 0 && !problems.isWrong(this.#at)) {
      problems.refuse(this.#at, "there is no fault after which VMs could be healthy again");
    } else if (lastMs + withinMs > spanMs) {
      const ends = `the scenario ends at ${writeDuration(spanMs)}`;
      const last = `a fault strikes at ${writeDuration(lastMs)}`;
      problems.refuse(
        `${this.#at}/within`,
        `${last} and ${ends}, before ${writeDuration(withinMs)} have passed; let it last longer`,
      );
    }
    const of = after ?? "each fault";
    const title = `${this.#who("healthy")} ${this.#areOrIs("healthy")} healthy again within ${writeDuration(withinMs)} of ${of}`;
    return { type: "healthy", vms, withinMs, after, title };
  }

  #available(): Expectation {
    const { vms, problems } = this.#named;
    const app = this.#entry.available ?? "";
    const found = vms.filter(({ labels }) => labels[APP_LABEL] === app).map(({ name }) => name);
    const min = this.#entry.min ?? 1;
    const gapMs = this.#duration("gap", 0);
    if (found.length === 0) {
      const apps = new Set(vms.flatMap(({ labels }) => labels[APP_LABEL] ?? []));
      problems.expectOneOf(
        `${this.#at}/available`,
        `an application, which is a value of the label "${APP_LABEL}" of VMs`,
        [...apps],
        app,
      );
    } else if (found.length < min) {
      problems.expect(`${this.#at}/min`, `at most ${found.length}: so many VMs has application "${app}"`, min);
    }
    const gap = gapMs === 0 ? "always" : `but for ${writeDuration(gapMs)} at a time`;
    const title = `${min} of ${found.length} VMs of application ${app} ${min === 1 ? "is" : "are"} healthy, ${gap}`;
    return { type: "available", app, vms: found, min, gapMs, title };
  }

  /** Names of VMs, without those of `except`. */
  #vmsOf(verb: "healthy" | "downtime" | "lost"): readonly string[] {
    const { vms } = this.#named;
    const named = list(this.#entry[verb]).flatMap((name, index) => {
      if (name === "all") return vms.map((vm) => vm.name);
      const field = Array.isArray(this.#entry[verb]) ? `${this.#at}/${verb}/${index}` : `${this.#at}/${verb}`;
      return this.#vm(name, field);
    });
    const except = new Set(
      list(this.#entry.except).flatMap((name, index) => {
        return this.#vm(name, Array.isArray(this.#entry.except) ? `${this.#at}/except/${index}` : `${this.#at}/except`);
      }),
    );
    const left = [...new Set(named)].filter((name) => !except.has(name));
    if (left.length === 0 && !this.#named.problems.isWrong(this.#at))
      this.#named.problems.refuse(`${this.#at}/${verb}`, "this is no VM at all");
    return left;
  }

  /** A VM, or all of an application. */
  #vm(name: string, field: string): readonly string[] {
    const { vms, problems } = this.#named;
    if (vms.some((vm) => vm.name === name)) return [name];
    const ofApp = vms.filter(({ labels }) => labels[APP_LABEL] === name).map((vm) => vm.name);
    const apps = new Set(vms.flatMap(({ labels }) => labels[APP_LABEL] ?? []));
    const known = new Set([...vms.map((vm) => vm.name), ...apps]);
    if (ofApp.length === 0) problems.expectOneOf(field, "a VM or an application", [...known], name);
    return ofApp;
  }

  #duration(field: "within" | "max" | "gap", fallback?: number): number {
    const given = this.#entry[field];
    if (given !== undefined) return this.#named.problems.lengthOf(`${this.#at}/${field}`, given);
    if (fallback === undefined)
      this.#named.problems.refuse(this.#at, `"${field}" is missing; expected a duration like 30s`);
    return fallback ?? 0;
  }

  #fault(field: "after", isNeeded: boolean): string | null {
    const name = this.#entry[field];
    if (name === undefined) {
      if (isNeeded) this.#named.problems.refuse(this.#at, `"${field}" is missing; expected the name of a fault`);
      return null;
    }
    this.#refuseUnknownFault(name, `${this.#at}/${field}`);
    return name;
  }

  #exceptFaults(): readonly string[] {
    const names = list(this.#entry.except);
    for (const [index, name] of names.entries()) {
      this.#refuseUnknownFault(
        name,
        Array.isArray(this.#entry.except) ? `${this.#at}/except/${index}` : `${this.#at}/except`,
      );
    }
    return names;
  }

  #refuseUnknownFault(name: string, field: string): void {
    const { faults, problems } = this.#named;
    const same = faults.filter((fault) => fault.name === name);
    if (same.length === 0) {
      const names = new Set(faults.map((fault) => fault.name));
      problems.expectOneOf(field, "the name of a fault, or its verb", [...names], name);
    } else if (same.length > 1) {
      problems.refuse(field, `${same.length} faults are called "${name}"; give them names of their own`);
    }
  }

  #who(verb: "healthy" | "downtime" | "lost"): string {
    const names = list(this.#entry[verb]);
    const who = names.includes("all") ? "every VM" : names.join(", ");
    const except = list(this.#entry.except);
    return except.length === 0 ? who : `${who} but ${except.join(", ")}`;
  }

  #areOrIs(verb: "healthy"): string {
    return list(this.#entry[verb]).length > 1 ? "are" : "is";
  }
}

function beyond(faults: readonly string[]): string {
  return faults.length === 0 ? "" : `, but while ${faults.join(", ")}`;
}

function list(names: string | readonly string[] | undefined): readonly string[] {
  if (names === undefined) return [];
  return typeof names === "string" ? [names] : names;
}
