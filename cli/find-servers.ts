/** Where the cluster's API is: `--server`, else `BLIXARD_SERVER`, else the cluster that `up` started on this host. */
import { CliError, usageError } from "./cli-error.ts";
import { EXIT } from "./exit-codes.ts";
import { stateFolder } from "./folders.ts";
import { ClusterHome } from "./local-cluster/cluster-record.ts";

/** URLs to try in turn, without a slash at the end. @throws CliError */
export function findServers(
  flag: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const [given, origin] = flag === undefined ? [env.BLIXARD_SERVER, "BLIXARD_SERVER"] : [flag, "--server"];
  if (given !== undefined && given !== "") {
    return given.split(",").map((text) => parseServer(text.trim(), origin));
  }
  const home = new ClusterHome(stateFolder(env));
  const record = home.read();
  if (record === undefined) {
    throw new CliError(
      EXIT.unreachable,
      `Cannot find a cluster: none was started here (no record in ${home.folder}).`,
      {
        hint: 'Start one with "blixard up", or name one with --server http://HOST:PORT or BLIXARD_SERVER.',
      },
    );
  }
  return record.nodes.map(({ apiUrl }) => apiUrl);
}

function parseServer(text: string, origin: string): string {
  const url = URL.parse(/^[a-z]+:\/\//.test(text) ? text : `http://${text}`);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:") || url.hostname === "") {
    throw usageError(`Cannot use "${text}" as a server: ${origin} wants http://HOST:PORT, several with commas.`);
  }
  return url.href.replace(/\/+$/, "");
}
