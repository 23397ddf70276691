/** Waits until a member has caught up, and makes it a voter. */
import { ApiError } from "../api/api-error.ts";
import type { ApiClient } from "../api/client.ts";
import { CliError } from "./cli-error.ts";
import { EXIT } from "./exit-codes.ts";
import { poll } from "./pause.ts";
import type { WaitOptions } from "./wait-for-vm.ts";

const POLL_MS = 200;

/** Refusals that pass by themselves. */
const LATER: ReadonlySet<string> = new Set([
  "not-caught-up",
  "change-under-way",
  "not-ready",
  "no-leader",
  "overloaded",
]);

/** The member's id. @throws CliError when it has not come about in time, ApiError for what will not pass. */
export async function waitUntilVoter(client: ApiClient, word: string, options: WaitOptions): Promise<string> {
  let state = "";
  const voter = await poll(
    async () => {
      const { items } = await client.members.list();
      const member = items.find((item) => item.member === word || item.node === word);
      if (member?.role === "voter") return member.member;
      state =
        member === undefined ? "it is not to be seen yet" : `${member.state}, ${member.lag ?? "?"} entries behind`;
      options.onProgress?.(state);
      try {
        const { done } = await client.members.promote(word);
        if (!done) state = "the change is under way";
      } catch (error) {
        if (!(error instanceof ApiError) || !LATER.has(error.code)) throw error;
      }
      return undefined;
    },
    { everyMs: POLL_MS, timeoutMs: options.timeoutMs, ...(options.signal && { signal: options.signal }) },
  );
  if (voter !== undefined) return voter;
  const message = `Member ${word} is no voter after ${options.timeoutMs / 1000} s: ${state}.`;
  throw new CliError(EXIT.timeout, message, { hint: `It goes on; repeat "blixard cluster promote ${word}".` });
}
