/** Raft's data as one line each, for traces. An entry is `index/term`, then its text, or nothing for a no-op. */
import { decodeConfiguration } from "../../../actors/raft/core/configuration-codec.ts";
import type { Configuration } from "../../../actors/raft/core/configuration.ts";
import type { RaftMessage } from "../../../actors/raft/core/messages.ts";
import type { HardState, LogEntry } from "../../../runtime/index.ts";

export function describeEntries(entries: readonly LogEntry[]): string {
  return `[${entries.map(describeEntry).join(" ")}]`;
}

function describeEntry({ index, term, type, payload }: LogEntry): string {
  if (type === "configuration") return `${index}/${term}:${describeConfiguration(decodeConfiguration(payload))}`;
  return `${index}/${term}${type === "command" ? `:${new TextDecoder().decode(payload)}` : ""}`;
}

/** `(a b)`; joint `(a b)&&(a c)`; then who learns, and who will. */
export function describeConfiguration(configuration: Configuration): string {
  const { voters, votersOutgoing, learners, learnersNext, autoLeave } = configuration;
  const group = (names: readonly string[]): string => `(${names.join(" ")})`;
  const parts = [
    group(voters) + (votersOutgoing.length > 0 ? `&&${group(votersOutgoing)}` : ""),
    learners.length > 0 && `learners=${group(learners)}`,
    learnersNext.length > 0 && `next=${group(learnersNext)}`,
    votersOutgoing.length > 0 && !autoLeave && "stays",
  ];
  return parts.filter(Boolean).join(" ");
}

export function describeHardState({ term, vote, commit, damagedTerm }: HardState): string {
  const damaged = damagedTerm === undefined ? "" : ` damaged=${damagedTerm}`;
  return `term=${term} vote=${vote ?? "none"} commit=${commit}${damaged}`;
}

export function describeMessage(message: RaftMessage): string {
  const fields = Object.entries(message)
    .filter(([name]) => name !== "type")
    .map(
      ([name, value]) =>
        `${name}=${Array.isArray(value) ? describeEntries(value as LogEntry[]) : describeValue(value)}`,
    );
  return `${message.type} ${fields.join(" ")}`;
}

function describeValue(value: unknown): string {
  if (typeof value === "object" && value !== null && "index" in value && "term" in value) {
    return `${String(value.index)}/${String(value.term)}`;
  }
  // A token begins with random numbers; its counter is what tells one from another.
  return typeof value === "string" ? (value.split("-").at(-1) ?? "") : String(value);
}
