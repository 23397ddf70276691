/**
 * A better log from another voter, for a member that cannot be elected without it, where nobody who has it can be elected either.
 *
 * Where links are down between some pairs of members only, there may be one that hears a quorum, and it lacks entries that others have. They
 * refuse it their votes, and are not elected themselves, since they hear no quorum: Raft by itself waits for ever (fault 36, "constrained
 * election"; Ng, Haridi and Carbone, "Omni-Paxos", EuroSys 2023). So a member whose poll was in vain asks who refused it for the log.
 *
 *     pre-candidate ── pre-vote-request ──▶ voter        log-request(where they agree at best) ──▶ voter
 *                   ◀─ refused, is ahead ──              ◀── log-part(entries from there) ── … until it has all; then it polls again
 *
 * Why it is safe to take entries from who does not lead. Let e be committed, or become so, by the leader of term T, and be acknowledged here.
 * 1. A log that ends with a term after T holds e: its leader held it (leader completeness), and logs match up to any entry of a leader. One that
 *    ends with T, and is at least as long as this one, was made by the leader of T, as this one was. So a log that is at least as up to date as this
 *    one, as votes compare them, holds e, and agrees with this one up to e. The entries of it replace nothing up to there.
 * 2. By the same argument whatever part of it is here, it ends with e or behind: who is voted for on the ground of it holds e. So leader
 *    completeness goes on to hold, and nothing committed is replaced.
 * 3. All of it is of this member's term or before, since the sender's term is the same: a vote of this term was given on the ground of a log that
 *    step 1 speaks of.
 * Nothing is acknowledged to anybody, no term and no vote changes, and commit does not move.
 *
 * A leader counts on a follower not to lose what it has acknowledged in its term (`progress.ts`). So a member that has followed a leader
 * of this term only takes a log that ends with an entry of this term: it is of that leader, and goes on where the own one ends.
 *
 * It takes the best log alone of those that it is sent parts of (`Campaign.mayAdopt`), so each part brings it further and it comes to an end.
 *
 * Not here: what the voter has compacted away. That takes a snapshot, and so a leader. And who has heard a leader of this term, but has none of
 * its entries, takes nothing from voters that have none either: it waits for a link, or for a later term.
 */
import type { LogPosition } from "../../../runtime/ports/log-store.ts";
import { appendFault } from "./append-check.ts";
import type { Campaign } from "./campaign.ts";
import type { Member } from "./member.ts";
import type { LogPart, LogRequest } from "./messages.ts";

/** Asks for what comes behind the last entry here, or behind `previous`. */
export function requestLog(member: Member, from: string, previous?: LogPosition): void {
  const { term } = member;
  const { lastIndex, lastTerm } = member.log;
  const { index: previousIndex, term: previousTerm } = previous ?? { index: lastIndex, term: lastTerm };
  member.send(from, { type: "log-request", term, lastIndex, lastTerm, previousIndex, previousTerm });
}

/** Sends what comes behind where the logs agree at best. Nothing when the other log is as good, or lacks what is compacted away here. */
export function answerLogRequest(member: Member, from: string, request: LogRequest): void {
  const { log, term, limits } = member;
  if (member.isUpToDate(request)) return;
  const { index: previousIndex, term: previousTerm } = log.lastPositionUpTo(
    request.previousIndex,
    request.previousTerm,
  );
  if (previousIndex < log.base.index) return;
  const entries = log.batch(previousIndex + 1, limits);
  const { lastIndex, lastTerm } = log;
  member.send(from, { type: "log-part", term, lastIndex, lastTerm, previousIndex, previousTerm, entries });
}

/**
 * Takes what is new, and asks for more if anything was: else this part is a repetition, or another voter's came first. True when nothing is
 * missing any more. `hasFollowed`: it has had a leader in this term.
 */
export function adoptLog(
  member: Member,
  from: string,
  part: LogPart,
  { attempt, hasFollowed }: { readonly attempt: Campaign; readonly hasFollowed: boolean },
): boolean {
  const { log, limits, refusals, rules, term } = member;
  const fault = appendFault(part, limits);
  if (fault !== null) {
    refusals.count(fault);
    return false;
  }
  const isBehind = (): boolean => !rules.isUpToDate({ lastIndex: log.lastIndex, lastTerm: log.lastTerm }, part);
  const { previousIndex, previousTerm, entries } = part;
  if (!isBehind() || (hasFollowed && part.lastTerm !== term) || !attempt.mayAdopt(part)) return false;
  if (!log.matches(previousIndex, previousTerm)) {
    const lower = log.lastPositionUpTo(previousIndex - 1, previousTerm);
    requestLog(member, from, lower);
    return false;
  }
  const firstNew = log.merge(entries);
  attempt.adopted(part);
  if (!isBehind()) return true;
  const last = entries.at(-1);
  if (last && firstNew <= last.index) requestLog(member, from, last);
  return false;
}
