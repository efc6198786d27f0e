// What the browser tests run against: the demo (scripts/demo), with data and an
// address of its own, and a Chromium to look at its page.
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { promisify } from "node:util";
import { chromium } from "../../client/typescript/node_modules/playwright-core/index.mjs";

const run = promisify(execFile);
const root = new URL("../../", import.meta.url).pathname;
// A file of tests is a process, and may run beside others.
const dir = `build/test/browser-${basename(process.argv[1], ".test.mjs")}`;

/** Starts the demo and a browser; `stop` ends both. */
export async function startDemo() {
  const env = { ...process.env, CONVERGE_DEMO_DIR: dir, CONVERGE_DEMO_LISTEN: "127.0.0.1:0" };
  const demo = (...words) => run("scripts/demo", words, { cwd: root, env, timeout: 1_500_000, maxBuffer: 1 << 26 });
  // What an earlier run left would be neither these tests' documents nor theirs to keep.
  await run("scripts/cluster", ["remove", dir], { cwd: root }).catch(() => {});
  await demo("start", "--detach");
  const kept = Object.fromEntries((await readFile(`${root}${dir}/tokens`, "utf8")).trim().split("\n").map((line) => {
    const at = line.indexOf("=");
    return [line.slice(0, at), line.slice(at + 1)];
  }));
  // Tests ask more in a minute than people.
  await run("scripts/cluster", ["psql", dir, "-X", "-d", "demo", "-c",
    "INSERT INTO converge.tenant_limit (tenant, principal_requests) VALUES ('acme', 0), ('globex', 0)"], { cwd: root, timeout: 60_000 });
  const browser = await chromium.launch({
    executablePath: process.env.CONVERGE_CHROMIUM ?? "/usr/bin/chromium",
    timeout: 300_000,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  return {
    browser,
    page: kept.url.replace(/^ws/, "http"),
    tokens: { acme: kept.acme, globex: kept.globex },
    /** The rows that `query` gives, as psql prints them: unaligned, tuples only. */
    sql: async (query) => (await run("scripts/cluster", ["psql", dir, "-X", "-d", "demo", "-At", "-v", "ON_ERROR_STOP=1", "-c", query], { cwd: root, timeout: 60_000 })).stdout.replace(/\n$/, ""),
    stop: async () => {
      await browser.close();
      await demo("stop");
      await run("scripts/cluster", ["remove", dir], { cwd: root });
    },
  };
}
