/** A refusal: what was tried, on what, and why not. Expected, so it is a value and becomes an `Outcome`. */
import type { RefusalCode } from "./commands.ts";

export class Refusal {
  readonly code: RefusalCode;
  readonly message: string;

  constructor(code: RefusalCode, message: string) {
    this.code = code;
    this.message = message;
  }
}
