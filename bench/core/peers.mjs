// The peers' part of make bench-core: times other text CRDTs on the trace that
// bench-text has just replayed, and prints each one's figures, `peer_LIB_NAME`,
// and the ratio to ours, `text_NAME_vs_LIB`. Above 1 the figure of Converge is
// the better one: the time or the size is that many times smaller, the rate that
// many times greater.
//
//   node peers.mjs FIGURES      FIGURES: what bench-text printed
//
// The peers are programs of ../shared/peers/text, run in a copy under build/peers
// with its npm packages. Without them or without npm there is a message and no
// figure. BENCH_PEERS="yjs loro" takes only these; BENCH_TRACE as for bench-text.
// Theirs are wall-clock times of a warm process; ours, processor time of one thread.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const source = join(root, '../shared/peers/text');
const copy = join(root, 'build/peers/text');
const secondsEach = 120;

// Automerge takes minutes for every edit alone: automerge.mjs times some of them.
const automergeEdits = 5000;

function skip(why) {
  console.log(`the peers are skipped: ${why}`);
  process.exit(0);
}

function install() {
  const wanted = readFileSync(join(source, 'package.json'), 'utf8');
  const stamp = join(copy, 'installed.json');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(dirname(copy), { recursive: true });
  cpSync(source, copy, { recursive: true, mode: 0 });
  try {
    execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund'], {
      cwd: copy, stdio: ['ignore', 'ignore', 'pipe'], timeout: 300_000,
    });
  } catch (error) {
    skip(`npm install in ${copy} failed: ${error.message}`);
  }
  writeFileSync(stamp, wanted);
}

// The JSON line of one of the peers' programs; null, with a message, if it fails.
function run(traces, program, ...args) {
  try {
    const output = execFileSync('node', ['--expose-gc', program, ...args], {
      cwd: copy, stdio: ['ignore', 'pipe', 'ignore'], timeout: secondsEach * 1000, encoding: 'utf8',
      // Merging all updates at once is no figure of ours.
      env: { ...process.env, TRACES: traces, SKIPBATCH: '1' },
    });
    const result = JSON.parse(output.trim().split('\n').pop());
    const bad = Object.keys(result).filter((name) => name.startsWith('BAD'));
    if (bad.length === 0) return result;
    console.log(`peer ${args[0]} (${program}) ended with another text: ${bad}`);
  } catch (error) {
    const why = error.signal ? `did not end in ${secondsEach} s` : error.message.split('\n')[0];
    console.log(`peer ${args[0]} (${program}): ${why}`);
  }
  return null;
}

// The smallest of a peer's encodings: bytes and the time to load it.
function smallest(result) {
  const encodings = Object.values(result).filter((value) => value?.bytes > 0);
  return encodings.reduce((a, b) => (b.bytes < a.bytes ? b : a));
}

function editing(lib, traces, trace) {
  if (lib === 'automerge') {
    const result = run(traces, 'automerge.mjs', trace, String(automergeEdits));
    return result && {
      remote_per_s: result.remote_upd_s,
      encoded_bytes: result.bulk_bytes,
      decode_ms: result.bulk_load_ms,
    };
  }
  const runs = lib === 'loro' ? 1 : 3;
  // ywasm takes minutes for the updates one by one; its cycle and friends do not.
  const result = lib === 'ywasm' ? null : run(traces, 'bench.mjs', lib, trace, String(runs));
  const cycle = run(traces, 'cycle.mjs', lib, trace);
  const encoding = result && smallest(result);
  return {
    ...(result && {
      local_ms: result.local_ms,
      remote_per_s: result.remote_upd_s,
      encoded_bytes: encoding.bytes,
      decode_ms: encoding.load_ms,
    }),
    ...(cycle && { cycle_ms: cycle.cycle_ms }),
  };
}

function friends(lib, traces) {
  if (lib === 'automerge' || !existsSync(join(traces, 'friendsforever.json.gz'))) return null;
  const result = run(traces, 'bench.mjs', lib, 'friendsforever', lib === 'loro' ? '1' : '3', 'conc');
  return result && { friends_ms: result.remote_ms, friends_encoded_bytes: smallest(result).bytes };
}

// As bench::figure prints it.
function figure(name, value, unit) {
  console.log(`figure ${name} ${value >= 1000 ? value.toFixed(0) : Number(value.toPrecision(4))} ${unit}`);
}

function report(lib, ours, theirs) {
  for (const [name, value] of Object.entries(theirs ?? {})) {
    const unit = name.endsWith('_ms') ? 'ms' : name.endsWith('_bytes') ? 'B' : '/s';
    figure(`peer_${lib}_${name}`, value, unit);
    const figureName = name.startsWith('friends') ? name : `text_${name}`;
    const own = ours.get(figureName);
    if (own === undefined) continue;
    figure(`${figureName}_vs_${lib}`, unit === '/s' ? own / value : value / own, 'x');
  }
}

const ours = new Map();
for (const line of readFileSync(process.argv[2], 'utf8').split('\n')) {
  const [word, name, value] = line.split(' ');
  if (word === 'figure') ours.set(name, Number(value));
}

if (!existsSync(join(source, 'package.json'))) skip(`${source} is not there`);
const shared = join(root, '../shared/traces') + '/';
const named = process.env.BENCH_TRACE;
const path = named ? resolve(named) : join(shared, 'automerge-paper.json.gz');
if (!path.endsWith('.json.gz')) skip(`they read only traces named NAME.json.gz, not ${path}`);
if (!existsSync(path)) skip(`${path} is not there`);
if (JSON.parse(gunzipSync(readFileSync(path))).kind === 'concurrent') {
  skip(`${path} has several authors, which they replay only from friendsforever`);
}
install();
const all = ['dtnode', 'jsonjoy', 'loro', 'yjs', 'ywasm', 'automerge'];
const chosen = process.env.BENCH_PEERS?.split(/\s+/).filter(Boolean) ?? all;
for (const lib of chosen) {
  if (!all.includes(lib)) skip(`there is no peer "${lib}", only ${all.join(', ')}`);
}
for (const lib of chosen) {
  report(lib, ours, editing(lib, dirname(path) + '/', basename(path, '.json.gz')));
  if (!named) report(lib, ours, friends(lib, shared));
}
