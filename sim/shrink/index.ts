/** A failing run made short, and the file that it is replayed from. */
export type { Replayable } from "./replayable.ts";
export { ReplayFileError, type RecordedFile } from "./recorded-file.ts";
export { formatReplay, parseReplay, type ReplayFile } from "./replay-file.ts";
export type { ShrinkableRun, ShrinkProgressOf, ShrunkRun } from "./shrinker.ts";
export { shrink, type ShrinkOptions, type ShrinkProgress, type Shrunk } from "./shrink.ts";
