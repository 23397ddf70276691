/** One Markdown page for one entry point: each export with its comment, and its declaration with those of its members. */
import type { ApiEntry, ApiItem } from "./api-model.ts";

const SECTIONS: readonly { readonly title: string; readonly kinds: readonly string[] }[] = [
  { title: "Functions", kinds: ["Function"] },
  { title: "Classes", kinds: ["Class"] },
  { title: "Constants", kinds: ["Variable"] },
  { title: "Types", kinds: ["Interface", "TypeAlias"] },
];

export function renderApi({ specifier, items }: ApiEntry): string {
  const sections = SECTIONS.map(({ title, kinds }) => ({
    title,
    items: items.filter(({ kind }) => kinds.includes(kind)),
  }));
  const shown = sections.filter((section) => section.items.length > 0);
  return [
    `# \`${specifier}\``,
    "Made by `npm run docs:api` from the comments in the sources; not to be edited.",
    shown.map((section) => `**${section.title}**: ${namesOf(section.items).map(linkTo).join(", ")}`).join("\n\n"),
    ...shown.flatMap((section) => [
      `## ${section.title}`,
      ...namesOf(section.items).map((name) => renderName(name, section.items)),
    ]),
  ]
    .join("\n\n")
    .concat("\n");
}

/** Exports without a comment, by name. */
export function undocumented({ items }: ApiEntry): readonly string[] {
  const commented = new Set(items.filter((item) => textOf(item) !== "").map(({ name }) => name));
  return namesOf(items).filter((name) => !commented.has(name));
}

function namesOf(items: readonly ApiItem[]): readonly string[] {
  return [...new Set(items.map(({ name }) => name))];
}

function linkTo(name: string): string {
  return `[${name}](#${name.toLowerCase()})`;
}

/** All overloads of one name. */
function renderName(name: string, all: readonly ApiItem[]): string {
  const items = all.filter((item) => item.name === name);
  const texts = [...new Set(items.map(textOf).filter((text) => text !== ""))];
  return [`### ${name}`, ...texts, `\`\`\`ts\n${items.map(declarationOf).join("\n")}\n\`\`\``].join("\n\n");
}

function declarationOf(item: ApiItem): string {
  const excerpt = excerptOf(item).replace(/^export (declare )?/, "");
  if (item.kind !== "Class" && item.kind !== "Interface") return excerpt;
  const members = (item.members ?? []).map(memberOf);
  return members.length === 0 ? `${excerpt.trimEnd()} {}` : `${excerpt.trimEnd()} {\n${members.join("\n")}\n}`;
}

function memberOf(member: ApiItem): string {
  return `${commentOf(textOf(member))}${excerptOf(member)}`
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");
}

function excerptOf({ excerptTokens = [] }: ApiItem): string {
  return excerptTokens
    .map(({ text }) => text)
    .join("")
    .trimEnd();
}

function commentOf(text: string): string {
  if (text === "") return "";
  const lines = text.split("\n");
  return lines.length === 1
    ? `/** ${text} */\n`
    : `/**\n${lines.map((line) => ` * ${line}`.trimEnd()).join("\n")}\n */\n`;
}

/** What API Extractor adds to a class whose constructor is marked as internal. */
const INTERNAL_CONSTRUCTOR = /@remarks\s+The constructor for this class is marked as internal\.[^\n]*/;

/** The words of a comment, with its tags as words. */
function textOf({ docComment = "" }: ApiItem): string {
  return docComment
    .replace(/^\/\*\*\n?/, "")
    .replace(/\s*\*\/\s*$/, "")
    .replaceAll(/^ ?\* ?/gm, "")
    .replace(INTERNAL_CONSTRUCTOR, "")
    .replaceAll(/@throws\s+/g, "Throws ")
    .replaceAll(/@remarks\s+/g, "")
    .replaceAll(/@param (\S+) - /g, "`$1`: ")
    .replaceAll(/\\([{}@<>])/g, "$1")
    .replaceAll(/\n{3,}/g, "\n\n")
    .trim();
}
