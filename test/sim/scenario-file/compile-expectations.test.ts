/** Expectations of a file: in words, and what is refused by name. */
import { expect, test } from "vitest";
import { planOf, problemsOf } from "./scenario-document.ts";

const FAULTS = [
  { "lose-zone": "b", at: "30s", for: "30s" },
  { name: "stop", pause: "leader", at: "40s", for: "5s", every: "10s", times: 2 },
];

test.each([
  [{ healthy: "all", within: "30s" }, "every VM is healthy again within 30s of each fault"],
  [
    { healthy: ["web", "db"], except: "web-2", within: "30s", after: "stop" },
    "web, db but web-2 are healthy again within 30s of stop",
  ],
  [{ downtime: "web-1", max: "20s" }, "web-1 is never down longer than 20s"],
  [{ downtime: "all", max: "0s" }, "every VM is never down"],
  [{ available: "web" }, "1 of 2 VMs of application web is healthy, always"],
  [{ available: "web", min: 2, gap: "3s" }, "2 of 2 VMs of application web are healthy, but for 3s at a time"],
  [{ lost: "db", after: "lose-zone" }, "db is lost while lose-zone lasts"],
  [
    { acknowledged: "writes", within: "10s", except: ["stop", "lose-zone"] },
    "a write is acknowledged within 10s, but while stop, lose-zone",
  ],
  [{ acknowledged: "reads", within: "1s" }, "a read is answered within 1s"],
  [{ leader: "always", gap: "5s" }, "the cluster is never without a leader longer than 5s"],
  [{ "never-two": "all" }, "no VM ever runs twice"],
])("%j in words", (entry, title) => {
  expect(planOf({ faults: FAULTS, expect: [entry] }).expectations.map((one) => one.title)).toEqual([title]);
});

test("an application stands for its VMs, and exceptions are taken out", () => {
  const [one] = planOf({
    faults: FAULTS,
    expect: [{ downtime: ["web", "db"], except: "web-1", max: "1s" }],
  }).expectations;
  expect(one).toMatchObject({ vms: ["web-2", "db"] });
});

test.each([
  [
    { healthy: "dbb", within: "1s" },
    /^spec\.expect\[0\]\.healthy: expected a VM or an application .*; did you mean "db"\?$/u,
  ],
  [{ healthy: ["db", "wbe"], within: "1s" }, /^spec\.expect\[0\]\.healthy\[1\]: .*; did you mean "web"\?$/u],
  [{ healthy: "db" }, 'spec.expect[0]: "within" is missing; expected a duration like 30s'],
  [
    { healthy: "db", within: "1s", after: "lose-zon" },
    /^spec\.expect\[0\]\.after: expected the name of a fault, or its verb \(lose-zone, stop\), .*; did you mean "lose-zone"\?$/u,
  ],
  [
    { healthy: "db", within: "100s" },
    "spec.expect[0].within: a fault strikes at 50s and the scenario ends at 2m, before 1m40s have passed; let it last longer",
  ],
  [{ healthy: "db", except: "db", within: "1s" }, "spec.expect[0].healthy: this is no VM at all"],
  [
    { available: "wbe" },
    /^spec\.expect\[0\]\.available: expected an application, .* \(web\), got "wbe"; did you mean "web"\?$/u,
  ],
  [{ available: "web", min: 3 }, 'spec.expect[0].min: expected at most 2: so many VMs has application "web", got 3'],
  [{ lost: "db" }, 'spec.expect[0]: "after" is missing; expected the name of a fault'],
  [{ helthy: "db", within: "1s" }, 'unknown field "helthy" in spec.expect[0]; did you mean "healthy"?'],
  [{ within: "1s" }, /^spec\.expect\[0\]: nothing is expected here; expected one of healthy, /u],
  [
    { healthy: "db", downtime: "db", within: "1s" },
    'spec.expect[0].downtime: "healthy" is expected here already; give each expectation an entry of its own',
  ],
  [
    { downtime: "db", max: "1s", gap: "1s" },
    'spec.expect[0].gap: means nothing beside "downtime"; beside it may stand max, except',
  ],
  [{ leader: "always", gap: "1s", except: "db" }, /^spec\.expect\[0\]\.except: expected the name of a fault/u],
])("%j is refused by name", (entry, message) => {
  expect(problemsOf({ faults: FAULTS, expect: [entry] })).toEqual([
    typeof message === "string" ? message : expect.stringMatching(message),
  ]);
});

test("two faults of one name cannot be told apart", () => {
  const twice = [
    { kill: "n1", at: "1s" },
    { kill: "n2", at: "2s" },
  ];
  expect(problemsOf({ faults: twice, expect: [{ healthy: "db", within: "1s", after: "kill" }] })).toEqual([
    'spec.expect[0].after: 2 faults are called "kill"; give them names of their own',
  ]);
  expect(problemsOf({ faults: twice.map((fault) => ({ ...fault, name: "dark" })) })).toEqual([
    'spec.faults[1].name: another fault is called "dark" already',
  ]);
});

test("without faults nothing can be healthy again", () => {
  expect(problemsOf({ expect: [{ healthy: "db", within: "1s" }] })).toEqual([
    "spec.expect[0]: there is no fault after which VMs could be healthy again",
  ]);
});
