/** What a fault made of the weather ends with its time, and with the healing of a core that it touches. */
import { expect, test } from "vitest";
import { createRandom } from "../../../runtime/index.ts";
import { FaultEndings } from "../../../sim/faults/fault-endings.ts";
import { WeatherFaults } from "../../../sim/faults/weather-faults.ts";
import { EventLog } from "../../../sim/timeline/event-log.ts";
import { Timeline } from "../../../sim/timeline/timeline.ts";

const LONG_US = 1_000_000_000;

test("WeatherFaults.raise() ends where a core is healed for each link of it, also those out of it, and for no node outside", () => {
  const timeline = new Timeline(createRandom(1), new EventLog({ linesKept: 1 }));
  const endings = new FaultEndings(timeline);
  const faults = new WeatherFaults(timeline, endings);
  const raised = (where: { readonly node?: number; readonly nodes?: readonly number[] }): { loss: number } => {
    const weather = { loss: 0.01 };
    faults.raise(weather, "loss", { value: 0.7, durationUs: LONG_US, ...where });
    return weather;
  };
  const all = [{}, { node: 0 }, { nodes: [0, 1] }, { nodes: [1, 2] }, { node: 2 }, { nodes: [2, 3] }].map(raised);
  expect(all.map(({ loss }) => loss)).toEqual([0.7, 0.7, 0.7, 0.7, 0.7, 0.7]);
  endings.endWithin(new Set([0, 1]));
  expect(all.map(({ loss }) => loss)).toEqual([0.01, 0.01, 0.01, 0.01, 0.7, 0.7]);
});
