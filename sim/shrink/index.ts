/** A failing run made short, and the file that it is replayed from. */
export type { Replayable } from "./replayable.ts";
export { ReplayFileError } from "./recorded-file.ts";
export { formatReplay, parseReplay, type ReplayFile } from "./replay-file.ts";
export { shrink, type ShrinkOptions, type ShrinkProgress, type Shrunk } from "./shrink.ts";
