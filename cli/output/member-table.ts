/** Members of the cluster as a table, with a line of what the cluster can stand. */
import type { MemberList, MemberView } from "../../api/index.ts";
import { formatAge } from "./duration.ts";
import { renderTable, type Column } from "./table.ts";

const COLUMNS: readonly Column<MemberView>[] = [
  { heading: "MEMBER", cell: ({ member }) => member },
  { heading: "NODE", cell: ({ node }) => node },
  { heading: "ROLE", cell: ({ state }) => (state === "leading" ? "leader" : "follower") },
  { heading: "VOTES", cell: ({ role }) => role },
  { heading: "MATCH", cell: ({ match }) => textOf(match) },
  { heading: "LAG", cell: ({ lag }) => textOf(lag) },
  { heading: "STATE", cell: ({ state }) => state },
  { heading: "LAST HEARD", cell: ({ heardAgoMs }) => (heardAgoMs === null ? "" : heardText(heardAgoMs)) },
  { heading: "PREFERS", cell: ({ preferences }) => preferencesText(preferences) },
  { heading: "ADDRESS", cell: ({ address }) => address ?? "" },
  { heading: "MESSAGE", cell: ({ message }) => message },
];

/** Below it an age says nothing but that all is well: heartbeats come every 100 ms. */
const NOW_MS = 1000;

export function renderMembers(list: MemberList): string {
  return `${summaryOf(list)}\n\n${renderTable(COLUMNS, list.items)}`;
}

/** `3 voters, 2 needed, 3 serve: 1 more may be lost` */
export function toleranceOf({ quorum: { voters, needed, serving, spare } }: Pick<MemberList, "quorum">): string {
  const counts = `${voters} ${voters === 1 ? "voter" : "voters"}, ${needed} needed, ${serving} ${serving === 1 ? "serves" : "serve"}`;
  if (spare < 0) return `${counts}: nothing can be decided`;
  return `${counts}: ${spare === 0 ? "none may be lost" : `${spare} more may be lost`}`;
}

function summaryOf(list: MemberList): string {
  const { leader, term, lastIndex, configuration } = list;
  const leads = leader === null ? "No leader" : `Leader ${leader}`;
  const change = configuration?.joint === true ? "; a change is under way" : "";
  return `${leads}, term ${term}, last index ${lastIndex}; ${toleranceOf(list)}${change}`;
}

function heardText(heardAgoMs: number): string {
  return heardAgoMs < NOW_MS ? "now" : `${formatAge(heardAgoMs)} ago`;
}

/** Empty for a member that was started without any, or did not say. */
function preferencesText(preferences: MemberView["preferences"]): string {
  if (preferences === null) return "";
  const { priority, leaseReads } = preferences;
  return [priority === 0 ? "" : `priority ${priority}`, leaseReads ? "lease reads" : ""].filter(Boolean).join(", ");
}

function textOf(count: number | null): string {
  return count === null ? "" : String(count);
}
