/**
 * `--states` and `-o`, which `blixard sim` and `blixard sim check-history` both have: what is written behind the second is taken by the first,
 * too. So neither looks at them while it reads the command line, and who is asked for does when it begins: an error then names that one.
 */
import { InvalidArgumentError, type Command } from "commander";

/** What was written of such an option, read now; undefined: nothing was. Exits with a usage error when it cannot be read. */
export function takeInherited<Value>(
  command: Command,
  name: "states" | "output",
  parse: (text: string) => Value,
): Value | undefined {
  const text = command.optsWithGlobals<Readonly<Record<string, string | undefined>>>()[name];
  if (text === undefined) return undefined;
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    const flags = command.options.find((option) => option.attributeName() === name)?.flags ?? `--${name}`;
    return command.error(`error: option '${flags}' argument '${text}' is invalid. ${error.message}`);
  }
}

/** For commander: one of these words. */
export function toChoice<Word extends string>(words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    throw new InvalidArgumentError(`Allowed choices are ${words.join(", ")}.`);
  };
}
