/** The settings of a node process by name: flag, variable and default of each. `node-config.ts` reads and checks them. */
export type NodeSetting =
  | "name"
  | "clusterId"
  | "token"
  | "tokenFile"
  | "dataDir"
  | "imagesDir"
  | "listen"
  | "api"
  | "peers"
  | "join"
  | "driver"
  | "nix"
  | "address"
  | "memoryMiB"
  | "vcpus"
  | "cgroup"
  | "vmUsers"
  | "cephConf"
  | "cephUser"
  | "vmIo"
  | "bridges"
  | "labels"
  | "priority"
  | "leaseReads"
  | "insecureMigration"
  | "standbys"
  | "logLevel";

export const DRIVER_CHOICES = ["auto", "qemu", "microvm-nix", "process"] as const;
export type DriverChoice = (typeof DRIVER_CHOICES)[number];

/** One setting: its flag (absent: none, on purpose), its variable, its default. */
export interface Setting {
  readonly flag?: string;
  readonly variable: string;
  readonly placeholder: string;
  readonly description: string;
  readonly fallback?: string;
}

/** All settings of a node, in the order in which `blixard node --help` lists them. */
export const NODE_SETTINGS: Readonly<Record<NodeSetting, Setting>> = {
  name: {
    flag: "--name",
    variable: "BLIXARD_NAME",
    placeholder: "NAME",
    description: "name of this node, unique in the cluster",
  },
  clusterId: {
    flag: "--cluster-id",
    variable: "BLIXARD_CLUSTER_ID",
    placeholder: "ID",
    description: "name of the cluster; nodes of another one are refused",
    fallback: "default",
  },
  token: {
    variable: "BLIXARD_TOKEN",
    placeholder: "SECRET",
    description: "the secret that all nodes share; only as a variable or in a file",
  },
  tokenFile: {
    flag: "--token-file",
    variable: "BLIXARD_TOKEN_FILE",
    placeholder: "FILE",
    description: "file that holds the secret",
  },
  dataDir: {
    flag: "--data",
    variable: "BLIXARD_DATA",
    placeholder: "DIR",
    description: "folder of the node's log and instances",
  },
  imagesDir: {
    flag: "--images",
    variable: "BLIXARD_IMAGES",
    placeholder: "DIR",
    description: "folder of the guest images (default: built when missing)",
  },
  listen: {
    flag: "--listen",
    variable: "BLIXARD_LISTEN",
    placeholder: "HOST:PORT",
    description: "where the other nodes reach this one",
    fallback: "127.0.0.1:7101",
  },
  api: {
    flag: "--api",
    variable: "BLIXARD_API",
    placeholder: "HOST:PORT",
    description: "where the REST API is served",
    fallback: "127.0.0.1:7201",
  },
  peers: {
    flag: "--peers",
    variable: "BLIXARD_PEERS",
    placeholder: "NAME=HOST:PORT,…",
    description: "the other nodes; an entry of this node itself is ignored",
    fallback: "",
  },
  join: {
    flag: "--join",
    variable: "BLIXARD_JOIN",
    placeholder: "HOST:PORT,…",
    description: "APIs of nodes of a running cluster, to be asked for its members; then add this node to it",
    fallback: "",
  },
  driver: {
    flag: "--driver",
    variable: "BLIXARD_DRIVER",
    placeholder: "DRIVER",
    description: "auto, qemu, microvm-nix, or process (which isolates nothing)",
    fallback: "auto",
  },
  nix: {
    flag: "--nix",
    variable: "BLIXARD_NIX",
    placeholder: "FILE",
    description: "how the driver microvm-nix calls Nix (docs/microvm-nix.md)",
  },
  address: {
    flag: "--address",
    variable: "BLIXARD_ADDRESS",
    placeholder: "HOST",
    description: "where the ports of this node's VMs are published",
    fallback: "127.0.0.1",
  },
  memoryMiB: {
    flag: "--memory-mib",
    variable: "BLIXARD_MEMORY_MIB",
    placeholder: "MIB",
    description: "memory for VMs (default: what the host has)",
  },
  vcpus: {
    flag: "--vcpus",
    variable: "BLIXARD_VCPUS",
    placeholder: "COUNT",
    description: "CPUs for VMs (default: what the host has)",
  },
  cgroup: {
    flag: "--cgroup",
    variable: "BLIXARD_CGROUP",
    placeholder: "DIR",
    description: "control group, delegated to this node, that holds VMs to their vCPUs and memory (default: none does)",
  },
  bridges: {
    flag: "--bridges",
    variable: "BLIXARD_BRIDGES",
    placeholder: "NAME,…",
    description: "bridges of this host that network cards of VMs may be ports of; takes root or CAP_NET_ADMIN",
    fallback: "",
  },
  vmIo: {
    flag: "--vm-io",
    variable: "BLIXARD_VM_IO",
    placeholder: "LIMITS",
    description:
      "what each VM may do a second to this node's disk, with --cgroup: read=50MiB,write=20MiB,reads=N,writes=N",
  },
  vmUsers: {
    flag: "--vm-users",
    variable: "BLIXARD_VM_USERS",
    placeholder: "FIRST:COUNT",
    description: "numbers of users that VMs run as, one each; auto: of qemu and where this node is root; off: none",
    fallback: "auto",
  },
  cephConf: {
    flag: "--ceph-conf",
    variable: "BLIXARD_CEPH_CONF",
    placeholder: "FILE",
    description: "configuration of the Ceph that disks of RBD are in; its keyring beside it",
    fallback: "/etc/ceph/ceph.conf",
  },
  cephUser: {
    flag: "--ceph-user",
    variable: "BLIXARD_CEPH_USER",
    placeholder: "NAME",
    description: 'the user of Ceph, without "client.", whose key VMs with disks of RBD run with',
    fallback: "admin",
  },
  labels: {
    flag: "--labels",
    variable: "BLIXARD_LABELS",
    placeholder: "KEY=VALUE,…",
    description: "labels that a VM's nodeSelector may ask for",
    fallback: "",
  },
  priority: {
    flag: "--priority",
    variable: "BLIXARD_PRIORITY",
    placeholder: "NUMBER",
    description: "who had better lead the cluster, from -10 to 10; the highest that is caught up is handed the lead",
    fallback: "0",
  },
  leaseReads: {
    flag: "--lease-reads",
    variable: "BLIXARD_LEASE_READS",
    placeholder: "BOOLEAN",
    description: "true: reads at the leader take no round of heartbeats; the same at all nodes, on clocks within 1 %",
    fallback: "false",
  },
  standbys: {
    flag: "--standbys",
    variable: "BLIXARD_STANDBYS",
    placeholder: "COUNT[:EACH]",
    description:
      "QEMUs that wait with a checkpoint loaded for the next VM that starts from it, and how many for each; 0: none",
    fallback: "4:2",
  },
  insecureMigration: {
    flag: "--insecure-migration",
    variable: "BLIXARD_INSECURE_MIGRATION",
    placeholder: "BOOLEAN",
    description: "true: guests may move over the network unencrypted; false: between nodes on loopback only",
    fallback: "false",
  },
  logLevel: {
    flag: "--log-level",
    variable: "BLIXARD_LOG_LEVEL",
    placeholder: "LEVEL",
    description: "debug, info, warn or error",
    fallback: "info",
  },
};
