/**
 * The platform packages of package-lock.json: the native parts that npm picks by operating system and processor.
 *
 * npm leaves those out of the lock that it could not fetch, and `npm ci` then refuses the lock on every machine ("Missing: …
 * from lock file"). An entry needs only its version and the platform it is for; npm never fetches one for another platform.
 */
interface LockedPackage {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

export interface Lockfile {
  /** By path: `node_modules/NAME`, or deeper where versions differ. */
  readonly packages: Readonly<Record<string, LockedPackage>>;
  readonly [field: string]: unknown;
}

export interface AbsentPackage {
  readonly name: string;
  readonly version: string;
  readonly dev: boolean;
}

const SYSTEMS = new Set(["aix", "android", "darwin", "freebsd", "linux", "openharmony", "sunos", "win32"]);
const PROCESSORS = new Set(["arm", "arm64", "ia32", "loong64", "ppc64", "riscv64", "s390x", "x64"]);

/** Optional packages that another package names by an exact version and the lock does not have. */
export function absentPackages(lock: Lockfile): readonly AbsentPackage[] {
  return Object.entries(lock.packages).flatMap(([path, { dev = false, optionalDependencies = {} }]) =>
    Object.entries(optionalDependencies)
      .filter(
        ([name]) => !(`node_modules/${name}` in lock.packages) && !(`${path}/node_modules/${name}` in lock.packages),
      )
      .map(([name, version]) => ({ name, version, dev })),
  );
}

/** The lock with an entry for each absent package. Refuses a name that does not tell its platform. */
export function completeLockfile(lock: Lockfile): Lockfile {
  const added = absentPackages(lock).map((absent) => [`node_modules/${absent.name}`, platformEntry(absent)] as const);
  const all = [...Object.entries(lock.packages), ...added].toSorted(([a], [b]) => a.localeCompare(b, "en"));
  return { ...lock, packages: Object.fromEntries(all) };
}

function platformEntry({ name, version, dev }: AbsentPackage): LockedPackage {
  const words = name.split(/[/-]/);
  const system = words.find((word) => SYSTEMS.has(word));
  const processor = words.find((word) => PROCESSORS.has(word));
  if (system === undefined || processor === undefined || !/^\d+\.\d+\.\d+/.test(version)) {
    throw new Error(
      `Cannot complete package-lock.json: ${name}@${version} does not tell its platform; install it by hand`,
    );
  }
  const library = words.find((word) => /^(gnu|musl)/.test(word));
  return {
    version,
    cpu: [processor],
    ...(dev ? { dev } : {}),
    ...(library === undefined ? {} : { libc: [library.startsWith("musl") ? "musl" : "glibc"] }),
    optional: true,
    os: [system],
  };
}
