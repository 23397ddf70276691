/** Where tests of before the test kit look for its world. */
export { createManualWorld, type ManualWorld } from "../../runtime/testkit/index.ts";
