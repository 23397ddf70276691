/** A state machine that shows whatever acts twice: each command "key=value" appends the value to the list of its key. */
import type { AppliedAt, MachineRestore, MachineSnapshot, StateMachine } from "../../../../actors/index.ts";

export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

export function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

export class Lists implements StateMachine {
  lists: Map<string, readonly string[]> = new Map();
  readonly applied: AppliedAt[] = [];

  /** Replies with the length of the list. */
  apply(command: Uint8Array, at: AppliedAt): Uint8Array {
    const [key = "", value = ""] = textOf(command).split("=");
    const list = [...(this.lists.get(key) ?? []), value];
    this.lists.set(key, list);
    this.applied.push(at);
    return ascii(String(list.length));
  }

  query(query: Uint8Array): Uint8Array {
    return ascii((this.lists.get(textOf(query)) ?? []).join(","));
  }

  snapshot(): MachineSnapshot {
    const lists = [...this.lists];
    let at = 0;
    return {
      next: () => {
        const list = lists[at++];
        return list === undefined ? null : ascii(`${list[0]}=${list[1].join(",")}`);
      },
    };
  }

  restore(): MachineRestore {
    const lists = new Map<string, readonly string[]>();
    return {
      add: (part) => {
        const [key = "", values = ""] = textOf(part).split("=");
        lists.set(key, values.split(","));
      },
      finish: () => {
        this.lists = lists;
      },
    };
  }
}
