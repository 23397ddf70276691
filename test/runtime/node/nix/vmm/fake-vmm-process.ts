/**
 * What stands in a runner for a program that is not installed here: `fake-vmm-process.ts KIND SOCKET`, in the hypervisor's working folder.
 *
 * `firecracker` and `cloud-hypervisor` serve their API until the guest is asked to end; `virtiofsd` opens its socket and serves nobody;
 * `press-firecracker` and `press-cloud-hypervisor` ask, as microvm-shutdown does.
 */
import { createServer } from "node:net";
import { CloudHypervisorClient } from "../../../../../runtime/node/nix/vmm/cloud-hypervisor-client.ts";
import { FirecrackerClient } from "../../../../../runtime/node/nix/vmm/firecracker-client.ts";
import { fakeCloudHypervisor, fakeFirecracker } from "./fake-vmm.ts";

const [kind, socket = ""] = process.argv.slice(2);
/** After the answer is on its way. */
const onEnd = (): void => void setTimeout(() => process.exit(0), 20);
process.stdout.write(`fake ${kind} at ${socket}\n`);
if (kind === "firecracker") await fakeFirecracker(socket, onEnd);
else if (kind === "cloud-hypervisor") await fakeCloudHypervisor(socket, { balloon: true, onEnd });
else if (kind === "press-firecracker") await new FirecrackerClient(() => socket).sendCtrlAltDel();
else if (kind === "press-cloud-hypervisor") await new CloudHypervisorClient(() => socket).pressPowerButton();
else createServer().listen(socket);
