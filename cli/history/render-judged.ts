/** A verdict on a history, for a person and for a program. The document changes only by additions. */
import { textPicture } from "../../sim/index.ts";
import { formatSeconds } from "../output/duration.ts";
import type { JudgedHistory } from "./judge-history.ts";

/** Where there is no terminal: wide enough for a few operations in words. */
const COLUMNS_MAX = 160;

/** `columns`: of the terminal. */
export function renderJudged({ model, verdict, clock, elapsedMs }: JudgedHistory, columns: number): string {
  const { operations, unknown, keys, states } = verdict;
  const of = model.partition === undefined ? "" : ` on ${count(keys, "key")}`;
  const looked = `${count(operations, "operation")}${of}, ${unknown} of unknown outcome; ${count(states, "state")} in ${formatSeconds(elapsedMs)}`;
  switch (verdict.verdict) {
    case "linearizable":
      return `Linearizable: ${looked}\n`;
    case "gave-up":
      return `Given up: ${looked}\n`;
    case "not-linearizable": {
      const picture = textPicture(model, verdict.counterexample, { columns: Math.min(columns, COLUMNS_MAX), clock });
      const { key } = verdict.counterexample;
      return `Not linearizable${key === null ? "" : `, at key "${key}"`}: ${looked}\n\n${picture}\n`;
    }
    default:
      return verdict satisfies never;
  }
}

export function historyDocument({ model, format, clock, verdict, elapsedMs }: JudgedHistory): unknown {
  const { operations, unknown, keys, states } = verdict;
  const common = {
    verdict: verdict.verdict,
    model: model.name,
    format,
    clock,
    operations,
    unknown,
    keys,
    states,
    elapsedMs,
  };
  switch (verdict.verdict) {
    case "linearizable":
      return common;
    case "gave-up":
      return { ...common, key: verdict.key, why: verdict.why, message: verdict.message };
    case "not-linearizable": {
      const {
        key,
        fromAnyState,
        initial,
        impossible,
        order,
        states: could,
        operations: shown,
      } = verdict.counterexample;
      return {
        ...common,
        message: verdict.message,
        counterexample: {
          key,
          from: fromAnyState ? null : model.describeState(initial),
          operations: shown.map((one) => ({ ...one, text: model.describe(one.input, one.output) })),
          /** Places in `operations`, from 0. */
          impossible: shown.indexOf(impossible),
          order: order.map(({ operation, state }) => {
            return { operation: shown.indexOf(operation), state: model.describeState(state) };
          }),
          states: could.map((state) => model.describeState(state)),
        },
      };
    }
    default:
      return verdict satisfies never;
  }
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
