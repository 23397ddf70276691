/** Records of runs that never were, for what draws them. */
import type { Fact, Lane, Moment, RecordedMessage, RunRecord } from "../../../sim/record/run-record.ts";

/** A message of a made-up run; without `arrives` it never does. */
export function makeMessage(
  message: Pick<RecordedMessage, "from" | "to" | "sentIn"> & Partial<RecordedMessage>,
): RecordedMessage {
  return { kind: "append", fields: "term 2", isRoutine: false, sentUs: 0, arrivals: [], lost: null, ...message };
}

export function said(text: string, kind: Extract<Fact, { readonly type: "said" }>["kind"] = "note"): Fact {
  return { type: "said", kind, text };
}

/** Moments a millisecond apart, each with its facts. */
export function makeMoments(
  all: readonly { readonly lane: Lane; readonly facts: readonly Fact[]; readonly cause?: number }[],
): readonly Moment[] {
  return all.map(({ lane, facts, cause = null }, number) => ({ number, atUs: 1000 * number, lane, facts, cause }));
}

export function makeRecord(record: Partial<RunRecord>): RunRecord {
  const { moments = [] } = record;
  return {
    nodes: ["n1", "n2", "n3"],
    moments,
    momentsSeen: moments.length,
    spans: [],
    roles: [],
    faults: [],
    messages: {},
    endUs: moments.at(-1)?.atUs ?? 0,
    failure: null,
    ...record,
  };
}

/** A run of `count` moments, each a heartbeat from n1 to n2 that comes with the next one; every tenth a fault. */
export function makeLongRecord(count: number): RunRecord {
  const messages = Array.from({ length: count }, (_, sentIn) =>
    makeMessage({
      ...{ from: 0, to: 1, sentIn, sentUs: 1000 * sentIn, kind: "heartbeat", isRoutine: true },
      arrivals: sentIn + 1 < count ? [{ atUs: 1000 * (sentIn + 1), moment: sentIn + 1 }] : [],
    }),
  );
  const moments = makeMoments(
    messages.map((message, at) => {
      const before = messages[at - 1];
      return {
        lane: at % 2,
        cause: Math.max(0, at - 1),
        facts: [
          ...(before === undefined ? [] : [{ type: "receive", message: before } as const]),
          { type: "send", message } as const,
          ...(at % 10 === 9 ? [said(`fault ${at}`, "fault")] : []),
        ],
      };
    }),
  );
  return makeRecord({ moments });
}
