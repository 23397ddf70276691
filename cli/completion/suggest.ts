/** What could stand at the end of a half-written command line: read off the commands themselves, and off the cluster. */
import type { Argument, Command, Option } from "commander";
import { KINDS, type Kind } from "../../actors/resources/resource.ts";
import { parseKind, wordsOf } from "../kind-names.ts";

/** Names of the resources of a kind, or of the cluster's members; none when no cluster answers. */
export type NamesOf = (kind: Kind | "Member") => Promise<readonly string[]>;

/** `words`: what follows the program's name; the last one is being written and may be empty. */
export async function suggest(
  program: Command,
  words: readonly string[],
  namesOf: NamesOf,
): Promise<readonly string[]> {
  const prefix = words.at(-1) ?? "";
  const candidates = await candidatesFor(walk(program, words.slice(0, -1)), prefix, namesOf);
  return candidates.filter((candidate) => candidate.startsWith(prefix));
}

interface Place {
  /** From the program to the command that the words name. */
  readonly path: readonly Command[];
  /** Arguments of the last command so far. */
  readonly given: readonly string[];
  /** The option that wants a value next. */
  readonly option?: Option;
}

function walk(program: Command, words: readonly string[]): Place {
  const path = [program];
  let given: string[] = [];
  let option: Option | undefined;
  for (const word of words) {
    const current = path.at(-1)!;
    if (option !== undefined) {
      option = undefined;
    } else if (word.startsWith("-")) {
      option = word.includes("=") ? undefined : optionNamed(path, word);
      if (option !== undefined && !option.required && !option.optional) option = undefined;
    } else {
      const child = visibleCommands(current).find(
        (command) => command.name() === word || command.aliases().includes(word),
      );
      if (child === undefined) given.push(word);
      else {
        path.push(child);
        given = [];
      }
    }
  }
  return { path, given, ...(option === undefined ? {} : { option }) };
}

async function candidatesFor(
  { path, given, option }: Place,
  prefix: string,
  namesOf: NamesOf,
): Promise<readonly string[]> {
  const current = path.at(-1)!;
  if (option !== undefined) return option.argChoices ?? [];
  if (prefix.startsWith("-")) {
    const names = path.flatMap((command) => command.options.filter(({ hidden }) => !hidden).map(nameOf));
    return [...new Set([...names, "--help"])];
  }
  const commands = visibleCommands(current).map((command) => command.name());
  if (commands.length > 0) return commands;
  const argument = current.registeredArguments[given.length] ?? lastIfVariadic(current.registeredArguments);
  return argument === undefined ? [] : candidatesForArgument(argument, given, namesOf);
}

/** Arguments are told apart by their names: `<vm>`, `<checkpoint>`, `<source>`, `<node>`, `<member>`, `<kind>` and the `[name]` behind it. */
async function candidatesForArgument(
  argument: Argument,
  given: readonly string[],
  namesOf: NamesOf,
): Promise<readonly string[]> {
  if (argument.argChoices !== undefined) return argument.argChoices;
  switch (argument.name()) {
    case "vm":
      return (await namesOf("Vm")).filter((name) => !given.includes(name));
    case "checkpoint":
      return (await namesOf("Checkpoint")).filter((name) => !given.includes(name));
    case "source":
      return [...(await namesOf("Vm")), ...(await namesOf("Checkpoint"))];
    case "node":
      return (await namesOf("Node")).filter((name) => !given.includes(name));
    case "member":
      return given.length > 0 ? [] : namesOf("Member");
    case "kind":
      return KINDS.flatMap((kind) => wordsOf(kind)[0]!);
    case "name":
      return given[0] === undefined ? [] : namesOf(parseKind(given[0]));
    default:
      return [];
  }
}

function lastIfVariadic(argumentsOf: readonly Argument[]): Argument | undefined {
  const last = argumentsOf.at(-1);
  return last?.variadic === true ? last : undefined;
}

function optionNamed(path: readonly Command[], word: string): Option | undefined {
  return path.flatMap((command) => command.options).find(({ short, long }) => word === short || word === long);
}

function nameOf({ long, short }: Option): string {
  return long ?? short ?? "";
}

/** A hidden command is not for people. */
function visibleCommands(command: Command): readonly Command[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .filter((child) => child.name() !== "help");
}
