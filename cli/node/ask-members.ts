/** `--join`: asks the API of a node that runs who belongs to its cluster, so that the new node knows whom to talk to. */
import { createApiClient } from "../../api/client.ts";
import { ApiError } from "../../api/api-error.ts";
import type { Logger } from "../../runtime/index.ts";
import { CliError } from "../cli-error.ts";
import { formatEndpoint } from "../endpoint.ts";
import { EXIT } from "../exit-codes.ts";
import type { NodeConfig } from "../node-config.ts";
import { poll } from "../pause.ts";

/** As long as nodes that are started together take to be up. */
const JOIN_MS = 60_000;
const EVERY_MS = 500;
const ANSWER_MS = 2000;

/** `HOST:PORT` of each member's `--listen`, this node left out. @throws CliError when none of them answers in time. */
export async function askMembers(
  { name, token, join }: Pick<NodeConfig, "name" | "token" | "join">,
  logger: Logger,
): Promise<Readonly<Record<string, string>>> {
  if (join.length === 0) return {};
  const urls = join.map((endpoint) => `http://${formatEndpoint(endpoint)}`);
  const client = createApiClient({ urls, token, timeoutMs: ANSWER_MS });
  let why = "";
  const found = await poll(
    async () => {
      try {
        const { items } = await client.members.list();
        const others = items.flatMap(({ node, address }) =>
          node === name || address === null ? [] : [[node, address]],
        );
        if (others.length > 0) return Object.fromEntries(others) as Record<string, string>;
        why = "it knows no member's address";
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.code === "unauthorized") throw notJoined(name, urls, error.message);
        if (why === "")
          logger.log("info", `Waits for ${urls.join(", ")} to say who belongs to the cluster`, { why: error.message });
        why = error.message;
      }
      return undefined;
    },
    { everyMs: EVERY_MS, timeoutMs: JOIN_MS },
  );
  if (found === undefined) throw notJoined(name, urls, why);
  return found;
}

function notJoined(name: string, urls: readonly string[], why: string): CliError {
  return new CliError(
    EXIT.unreachable,
    `Cannot start node "${name}": ${urls.join(", ")} does not say who belongs to the cluster: ${why}.`,
    {
      hint: "Give --join the API (HOST:PORT of --api) of nodes that run, and the cluster's token.",
    },
  );
}
