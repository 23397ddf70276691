/** A write to the log of a member in a few words. */
import type { LogWrite } from "../../runtime/index.ts";

export function describeWrite({ identity, hardState, reset, entries }: LogWrite): string {
  const [first, last] = [entries[0], entries.at(-1)];
  const range = first?.index === last?.index ? `entry ${first?.index}` : `entries ${first?.index} to ${last?.index}`;
  const words = [
    ...(identity === undefined ? [] : ["who it is"]),
    ...(hardState === undefined
      ? []
      : [`term ${hardState.term}, ${hardState.vote === null ? "no vote" : `vote for ${hardState.vote}`}`]),
    ...(reset === undefined ? [] : [`a log that begins behind ${reset.index}/${reset.term}`]),
    ...(first === undefined ? [] : [`${range} of term ${last?.term}`]),
  ];
  return words.length === 0 ? "nothing" : words.join(", ");
}
