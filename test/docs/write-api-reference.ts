/** `npm run docs:api`: writes docs/api from the comments of everything that the package exports. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readApi } from "./api-model.ts";
import { renderApi, undocumented } from "./render-api.ts";

const FOLDER = join(import.meta.dirname, "..", "..", "docs", "api");

mkdirSync(FOLDER, { recursive: true });
for (const entry of readApi()) {
  const file = `${entry.specifier.replace("/", "-")}.md`;
  writeFileSync(join(FOLDER, file), renderApi(entry));
  console.log(`${file}: ${entry.items.length} declarations`);
  if (undocumented(entry).length > 0) console.log(`  without a comment: ${undocumented(entry).join(", ")}`);
  if (entry.unreachable.length > 0) console.log(`  cannot be imported: ${entry.unreachable.join(", ")}`);
}
