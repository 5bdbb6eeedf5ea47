// How many real calls this machine serves, callers included: `voxanne serve` on free ports of loopback, called by
// `voxanne loadtest` with more and more calls with audio by SIP. Then it is told so much (MAX_CALLS) and offered a
// fifth more: what is too much is refused, and who is served hears nothing of it.
//
//   node benchmarks/capacity.mjs [seconds a round]      15 when not told otherwise
//
// Floor: sipp, which answers as many calls and sends each packet back as it came. Fails (exit 1) when at 120 % a call
// breaks off, audio is lost, not exactly the excess is refused, or the 99th percentile of the tick lag reaches 5 ms.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const program = resolve(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../build/voxanne');
const seconds = Number(process.argv[2] ?? 15);
const scratch = mkdtempSync(join(tmpdir(), 'voxanne-capacity-'));
const environment = { PATH: process.env.PATH, HOME: scratch, LANG: 'C.UTF-8' };
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(scratch, { recursive: true, force: true });
});
function start(command, args, options) {
  const child = spawn(command, args, { env: environment, cwd: scratch, ...options });
  running.add(child);
  child.on('exit', () => running.delete(child));
  return child;
}

const ticks = Number(execFileSync('getconf', ['CLK_TCK']));
// Of a process and, with `family`, of its children that still run.
function cpuSeconds(pid, family = false) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  const own = (Number(fields[11]) + Number(fields[12])) / ticks;
  if (!family) return own;
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean));
  return children.reduce((sum, child) => sum + cpuSeconds(child), own);
}

async function serve(name, settings) {
  const child = start(program, ['serve'], {
    env: {
      ...environment, VOXANNE_ENV: 'development', HOST: '127.0.0.1', PORT: '0', DATA_DIR: join(scratch, name),
      SIP_LISTEN: 'udp:127.0.0.1:0,tcp:127.0.0.1:0', LOG_FORMAT: 'json', ...settings,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  for await (const piece of child.stderr.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    text += piece;
    const ready = text.split('\n').slice(0, -1).find((line) => line.includes('"server.ready"'));
    if (!ready) continue;
    // Read to the end, or the pipe fills.
    child.stderr.on('data', (more) => {
      for (const line of more.split('\n').filter((one) => one.includes('"calls.strained"'))) console.log(line);
    });
    const { port, sipUdpPort } = JSON.parse(ready);
    return { child, to: `sip:demo@127.0.0.1:${sipUdpPort}`, api: `http://127.0.0.1:${port}` };
  }
  throw new Error(`the server did not start:\n${text}`);
}
async function stop({ child }) {
  child.kill('SIGTERM');
  await once(child, 'exit');
}

// Its rounds, and what the family of `pid` used a second while they lasted.
async function load(server, options) {
  const begun = process.hrtime.bigint(), before = cpuSeconds(server.child.pid, true);
  const child = start(program, ['loadtest', '--json', '--codec', 'pcmu', '--to', server.to, '--api', server.api,
    '--duration', String(seconds), ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (piece) => (out += piece));
  await once(child, 'close');
  const lasted = Number(process.hrtime.bigint() - begun) / 1e9;
  const rounds = out.trim().split('\n').filter(Boolean).map((line) => JSON.parse(line));
  return { rounds, cores: (cpuSeconds(server.child.pid, true) - before) / lasted, lasted };
}
const fixed = (value, digits = 1) => (value == null ? '-' : value.toFixed(digits));
function show(what, round, cores) {
  console.log(`${what.padEnd(22)} ${String(round.placed).padStart(5)} placed ${String(round.answered).padStart(5)} answered` +
    `   set-up p99 ${fixed(round.setUpMs.p99, 0).padStart(4)} ms   turn p95 ${fixed(round.turnMs.p95, 0).padStart(4)} ms` +
    `   lost ${round.lost} of ${round.packets}   tick lag p99 ${fixed(round.tickLagP99Ms, 2)} ms` +
    (cores === undefined ? '' : `   ${fixed(cores, 2)} cores`));
}

const grown = await serve('grown', {});
const { rounds } = await load(grown, ['--find-capacity', '--calls', '20']);
await stop(grown);
for (const round of rounds) show(round.wellServed ? 'served well' : 'not served well', round);
const capacity = Math.max(0, ...rounds.filter((round) => round.wellServed).map((round) => round.placed));
if (capacity === 0) {
  console.log('NOT HELD: not even one call was served well');
  process.exit(1);
}

const offered = Math.ceil(capacity * 1.2);
const full = await serve('full', { MAX_CALLS: String(capacity) });
const at = await load(full, ['--calls', String(offered)]);
await stop(full);
const round = at.rounds[0];
show(`${offered} offered to ${capacity}`, round, at.cores);

const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1');
await once(socket, 'listening');
const sippPort = socket.address().port;
socket.close();
await once(socket, 'close');
const sipp = { child: start('sipp', ['-sn', 'uas', '-i', '127.0.0.1', '-p', String(sippPort), '-rtp_echo', '-nostdin'],
  { stdio: 'ignore' }), to: `sip:demo@127.0.0.1:${sippPort}`, api: 'http://127.0.0.1:1' };
const echo = await load(sipp, ['--calls', String(capacity)]);
sipp.child.kill('SIGKILL');
show('sipp echoes (floor)', echo.rounds[0], echo.cores);

console.log(`\n${capacity} calls at a time on ${execFileSync('nproc').toString().trim()} cores with their callers: ` +
  `${fixed(at.cores / capacity * 1000, 1)} thousandths of a core a call with recognition and speech, ` +
  `sipp's echo ${fixed(echo.cores / capacity * 1000, 1)}`);
const broken = [
  round.answered === capacity || `${round.answered} were answered, not ${capacity}`,
  round.brokenOff === 0 || `${round.brokenOff} broke off`,
  round.lost <= round.packets / 1000 || `${round.lost} packets were lost`,
  // Nothing where it is beyond the histogram, or was not told.
  (round.tickLagP99Ms !== null && round.tickLagP99Ms < 5) || `ticks were ${round.tickLagP99Ms ?? 'unknown or far too many'} ms late`,
].filter((held) => held !== true);
for (const what of broken) console.log(`NOT HELD: ${what}`);
process.exit(broken.length ? 1 : 0);
