// What scripts/soak runs: the server, those who use it, and who watches it. Node's own modules only.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { randomBytes } from 'node:crypto';

const options = { minutes: 60, calls: 50, program: 'build/voxanne', svg: '', faults: false };
for (let i = 2; i < process.argv.length; i++) {
  const name = process.argv[i].replace(/^--/, '');
  if (!(name in options)) {
    console.error(`unknown option ${process.argv[i]}; known are --minutes, --calls, --faults, --svg`);
    process.exit(2);
  }
  if (name === 'faults') options.faults = true;
  else options[name] = typeof options[name] === 'number' ? Number(process.argv[++i]) : process.argv[++i];
}
const program = resolve(options.program);
const data = mkdtempSync(join(tmpdir(), 'voxanne-soak-'));
const end = Date.now() + options.minutes * 60_000;
const left = () => end - Date.now();
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const failures = [];
const counts = { calls: 0, sockets: 0, uploads: 0, outbound: 0, refused: 0, faults: 0 };

// ── A provider of embeddings, with the faults that providers have ─────────────────────────────

// Words that two texts share make their vectors alike; that is all the meaning it knows.
function embedded(text) {
  const vector = new Array(64).fill(0);
  for (const word of text.toLowerCase().match(/[a-z0-9]+/g) ?? []) {
    let hash = 0;
    for (const letter of word) hash = (hash * 31 + letter.charCodeAt(0)) | 0;
    vector[(hash >>> 0) % vector.length] += 1;
  }
  return vector;
}
let mood = 'well';
const provider = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    if (mood === 'hangs') return;  // until the client gives up
    if (mood === 'busy') response.writeHead(429, { 'Retry-After': '1' });
    if (mood === 'broken') response.writeHead(500);
    if (mood !== 'well') return response.end('{"error":{"message":"not now"}}');
    const { input, model } = JSON.parse(Buffer.concat(parts).toString());
    const data = [input].flat().map((text, index) => ({ object: 'embedding', index, embedding: embedded(text) }));
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ object: 'list', model, data, usage: { prompt_tokens: 1, total_tokens: 1 } }));
  });
});
await new Promise((done) => provider.listen(0, '127.0.0.1', done));

// ── The server ─────────────────────────────────────────────────────────────────────────────────

const server = spawn(program, ['serve'], {
  env: {
    PATH: process.env.PATH, HOME: data, LANG: 'C.UTF-8', VOXANNE_ENV: 'development', HOST: '127.0.0.1', PORT: '0',
    DATA_DIR: data, SIP_LISTEN: 'udp:127.0.0.1:0,tcp:127.0.0.1:0', LOG_FORMAT: 'json', REQUESTS_PER_MINUTE: '0',
    OPENAI_BASE_URL: `http://127.0.0.1:${provider.address().port}/v1`, OPENAI_API_KEY: 'sk-soak', EMBEDDING_MODEL: 'soak@64',
  },
  stdio: ['ignore', 'ignore', 'pipe'],
});
process.on('exit', () => server.kill('SIGKILL'));
const ready = await new Promise((done, failed) => {
  let text = '', known = false;
  server.stderr.on('data', (piece) => {  // read to the end, or the pipe fills
    if (known) return;
    text += piece;
    const line = text.split('\n').slice(0, -1).find((one) => one.includes('"server.ready"'));
    if (!line) return;
    known = true;
    done(JSON.parse(line));
  });
  server.on('exit', (code) => failed(new Error(`the server ended with ${code}:\n${text}`)));
});
const { port, sipUdpPort } = ready;
const children = new Set();
server.removeAllListeners('exit');
server.on('exit', (code) => {
  if (left() > 0) failures.push(`the server ended by itself with ${code}`);
});

function ask(method, path, body, headers = {}) {
  return new Promise((done) => {
    const request = http.request({ host: '127.0.0.1', port, method, path, headers, timeout: 20_000 }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('end', () => done({ status: answer.statusCode, body: Buffer.concat(parts).toString() }));
    });
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', (error) => done({ status: 0, body: error.message }));
    request.end(body);
  });
}

// ── Those who use it ───────────────────────────────────────────────────────────────────────────

function run(args) {
  return new Promise((done) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH, HOME: data } });
    children.add(child);
    let out = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (out += piece));
    child.on('exit', (code) => {
      children.delete(child);
      done({ code, out });
    });
  });
}

// As many calls as asked for, kept going; how long one lasts differs, so that they begin and end all the time.
async function callers(to, calls, seconds) {
  while (left() > seconds * 1_000 + 10_000) {
    const { code, out } = await run(['loadtest', '--json', '--to', to, '--api', `http://127.0.0.1:${port}`, '--calls',
      String(calls), '--rate', '10', '--duration', String(seconds)]);
    counts.calls += calls;
    if (code !== 0 && left() > 0) failures.push(`calls to ${to.split('?')[0]}: ${out.trim().slice(0, 400)}`);
  }
}

// A live client: subscribes, stays for a moment, and goes as clients go. Answers whether it was subscribed.
function visit(ending) {
  return new Promise((done) => {
    const socket = net.connect(port, '127.0.0.1');
    let heard = '';
    const subscribed = () => heard.startsWith('HTTP/1.1 101') && heard.includes('"type":"subscribed"');
    socket.on('error', () => done(subscribed()));
    socket.on('close', () => done(subscribed()));
    socket.on('connect', () => socket.write(`GET /ws/live-calls HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\n` +
      `Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`));
    socket.once('data', () => {
      const text = Buffer.from('{"type":"subscribe"}'), mask = randomBytes(4);
      const frame = Buffer.concat([Buffer.from([0x81, 0x80 | text.length]), mask, text.map((byte, i) => byte ^ mask[i % 4])]);
      socket.write(frame);
    });
    let leaving = false;
    socket.on('data', (piece) => {
      if (leaving) return;
      heard += piece.toString('latin1');
      if (!subscribed()) return;
      leaving = true;
      setTimeout(() => {
        if (ending === 0) socket.write(Buffer.from([0x88, 0x80, 1, 2, 3, 4]));  // politely
        else if (ending === 1) socket.resetAndDestroy?.() ?? socket.destroy();  // gone
        else if (ending === 2) socket.write(Buffer.from([0xff, 0xff, 0xff]));    // nonsense
        else socket.end();
      }, 200 + Math.random() * 800);
    });
    setTimeout(() => socket.destroy(), 10_000);
  });
}
async function visitors(number) {
  for (let i = number; left() > 11_000; i++) {
    if (await visit(i % 4)) counts.sockets++;
    else failures.push('a live client was not subscribed');
  }
}

// Documents come, stay for ten others, and are erased; whatever the provider of embeddings is in the mood for.
const kept = [];
async function uploader() {
  for (let i = 0; left() > 5_000; i++) {
    const boundary = `b${randomBytes(8).toString('hex')}`;
    const text = `# Notice ${i}\n\n` + Array.from({ length: 200 }, (_, n) => `The price of item ${i}-${n} is ${n} pounds.`).join('\n\n');
    const body = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="notice-${i}.md"\r\n` +
      `Content-Type: text/markdown\r\n\r\n${text}\r\n--${boundary}--\r\n`;
    const answer = await ask('POST', '/api/knowledge-base/upload', body, { 'Content-Type': `multipart/form-data; boundary=${boundary}` });
    if (answer.status !== 200) failures.push(`upload: ${answer.status} ${answer.body.slice(0, 200)}`);
    else {
      counts.uploads++;
      kept.push(JSON.parse(answer.body).id);
    }
    if (kept.length > 10) {
      const erased = await ask('DELETE', `/api/knowledge-base/${kept.shift()}`);
      if (erased.status >= 300) failures.push(`erase: ${erased.status} ${erased.body.slice(0, 200)}`);
    }
    await sleep(5_000);
  }
}

async function dialler() {
  const body = JSON.stringify({ assistantId: 'test-assistant-123', phoneNumberId: 'test-phone-123', customer: { number: '+447700900000' } });
  while (left() > 15_000) {
    const answer = await ask('POST', '/api/calls', body, { 'Content-Type': 'application/json' });
    // A machine that is busy otherwise for a moment says so rather than serve badly.
    if (answer.status === 503 && JSON.parse(answer.body).code === 'over_capacity') counts.refused++;
    else if (answer.status !== 200) failures.push(`outbound: ${answer.status} ${answer.body.slice(0, 200)}`);
    else counts.outbound++;
    await ask('GET', '/api/calls-dashboard?limit=20&search=Load');
    await sleep(2_000);
  }
}

// Recordings have nowhere to go for a while, and wait in the spool; then the provider of embeddings fails in
// one of its ways, and knowledge waits for its vectors.
async function saboteur() {
  const there = join(data, 'recordings'), away = join(data, 'away');
  const moods = ['busy', 'broken', 'hangs'];
  for (let i = 0; options.faults && left() > 120_000; i++) {
    await sleep(20_000);
    if (existsSync(there)) {
      renameSync(there, away);
      writeFileSync(there, '');
      await sleep(15_000);
      rmSync(there);
      renameSync(away, there);
      counts.faults++;
    }
    await sleep(20_000);
    mood = moods[i % moods.length];
    await sleep(15_000);
    mood = 'well';
    counts.faults++;
  }
}

// What is waited for after the last call: every recording stored, every document embedded.
async function reckoning() {
  const fetched = async (path) => {
    const { status, body } = await ask('GET', path);
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${body.slice(0, 200)}`);
    return JSON.parse(body);
  };
  const everything = async () => {
    const late = [];
    for (const id of kept) {
      const { state } = (await fetched(`/api/knowledge-base/${id}`)).embedding;
      if (state !== 'complete') late.push(`document ${id}: ${state}`);
    }
    let cursor = '', recordings = 0;
    do {
      const page = await fetched(`/api/calls?limit=100&includeTest=true${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
      for (const call of page.calls) {
        if (!['ended', 'failed'].includes(call.status)) late.push(`call ${call.id}: ${call.status}`);
        else if (call.answeredAt && call.recordingStatus !== 'stored') late.push(`recording of ${call.id}: ${call.recordingStatus}`);
        recordings += call.recordingStatus === 'stored';
      }
      cursor = page.pagination.nextCursor;
    } while (cursor);
    return { late, recordings };
  };
  let found = await everything();
  for (const until = Date.now() + 180_000; found.late.length > 0 && Date.now() < until; found = await everything()) await sleep(2_000);
  console.log(`${found.recordings} recordings stored, ${kept.length} documents embedded, ${found.late.length} missing`);
  failures.push(...found.late);
}

// ── Who watches it ─────────────────────────────────────────────────────────────────────────────

const samples = [];
function sample() {
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
  const memory = Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024;
  const descriptors = readdirSync(`/proc/${server.pid}/fd`).length;
  samples.push({ minute: (Date.now() - begun) / 60_000, memory, workers: ofWorkers(), descriptors });
  return samples.at(-1);
}
// Of its speech workers, each one's part of what they share.
function ofWorkers() {
  let kilobytes = 0;
  for (const thread of readdirSync(`/proc/${server.pid}/task`))
    try {
      for (const child of readFileSync(`/proc/${server.pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean))
        kilobytes += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${child}/smaps_rollup`, 'utf8'))[1]);
    } catch {
      // gone meanwhile
    }
  return kilobytes / 1024;
}
// What of a queue waits, by the server's own metrics.
async function waiting(queue) {
  const { body } = await ask('GET', '/metrics');
  return Number(new RegExp(`voxanne_queue_depth\\{queue="${queue}"\\} (\\d+)`).exec(body)?.[1] ?? NaN);
}
async function watcher() {
  let next = 0;
  while (left() > 0 && server.exitCode === null) {
    const now = sample();
    if (Date.now() - begun >= next) {
      console.log(`${now.minute.toFixed(1).padStart(6)} min  ${now.memory.toFixed(1).padStart(7)} MB  ` +
        `${now.workers.toFixed(1).padStart(7)} MB of speech  ` +
        `${String(now.descriptors).padStart(5)} descriptors  ${await waiting('uploads')} recordings wait  ${JSON.stringify(counts)}`);
      next += 60_000;
    }
    await sleep(Math.min(2_000, Math.max(left(), 1)));
  }
}

function plot(file) {
  const width = 860, height = 420, box = [60, 40, width - 70, height - 50];
  const memory = Math.max(...samples.map((s) => Math.max(s.memory, s.workers))) * 1.1;
  const most = { memory, workers: memory, descriptors: Math.max(...samples.map((s) => s.descriptors)) * 1.1 };
  const x = (minute) => box[0] + (minute / options.minutes) * (box[2] - box[0]);
  const y = (value, what) => box[3] - (value / most[what]) * (box[3] - box[1]);
  const line = (what, colour) => `<polyline fill='none' stroke='${colour}' stroke-width='1.5' points='` +
    samples.map((s) => `${x(s.minute).toFixed(1)},${y(s[what], what).toFixed(1)}`).join(' ') + "'/>";
  const marks = [0, 0.25, 0.5, 0.75, 1].map((part) =>
    `<line x1='${box[0]}' x2='${box[2]}' y1='${box[3] - part * (box[3] - box[1])}' y2='${box[3] - part * (box[3] - box[1])}' stroke='#e2e8f0'/>` +
    `<text x='${box[0] - 6}' y='${box[3] - part * (box[3] - box[1]) + 4}' text-anchor='end' fill='#0b6e99'>${(most.memory * part).toFixed(0)}</text>` +
    `<text x='${box[2] + 6}' y='${box[3] - part * (box[3] - box[1]) + 4}' fill='#c2410c'>${(most.descriptors * part).toFixed(0)}</text>` +
    `<text x='${x(options.minutes * part)}' y='${box[3] + 18}' text-anchor='middle'>${(options.minutes * part).toFixed(1)}</text>`).join('\n');
  writeFileSync(file, `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 ${width} ${height}' font-family='sans-serif' font-size='12'>
<rect width='100%' height='100%' fill='white'/>
<text x='${box[0]}' y='24' font-size='15'>${options.calls} calls at a time for ${options.minutes} minutes: <tspan fill='#0b6e99'>memory, MB</tspan>, <tspan fill='#15803d'>its speech workers'</tspan> and <tspan fill='#c2410c'>descriptors</tspan></text>
${marks}
${line('memory', '#0b6e99')}
${line('workers', '#15803d')}
${line('descriptors', '#c2410c')}
<text x='${(box[0] + box[2]) / 2}' y='${height - 12}' text-anchor='middle'>minutes</text>
</svg>
`);
}

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

// ── The run ────────────────────────────────────────────────────────────────────────────────────

const begun = Date.now();
console.log(`a server on port ${port}, ${options.calls} calls at a time for ${options.minutes} minutes`);
const web = `ws://127.0.0.1:${port}/ws/web-call?assistantId=test-assistant-123`, sip = `sip:demo@127.0.0.1:${sipUdpPort}`;
const half = Math.max(1, Math.floor(options.calls / 2)), quarter = Math.max(1, Math.floor(options.calls / 4));
await Promise.all([
  callers(sip, half, 21), callers(sip, quarter, 8), callers(web, quarter, 13),
  ...Array.from({ length: 8 }, (_, i) => visitors(i)),
  uploader(), dialler(), saboteur(), watcher(),
]);
for (const child of children) child.kill('SIGTERM');
await reckoning().catch((error) => failures.push(`the reckoning: ${error.message}`));
server.kill('SIGTERM');
await new Promise((done) => (server.exitCode === null ? server.on('exit', done) : done()));
if (server.exitCode !== 0) failures.push(`the server ended with ${server.exitCode} when it was asked to`);
if (options.svg) plot(options.svg);
rmSync(data, { recursive: true, force: true });

const warm = samples.filter((s) => s.minute > options.minutes * 0.1);
const part = (from, to, what) => median(warm.slice(Math.floor(warm.length * from), Math.ceil(warm.length * to)).map((s) => s[what]));
const third = (from, to) => Object.fromEntries(['memory', 'workers', 'descriptors'].map((what) => [what, part(from, to, what)]));
const early = third(0, 0.3), late = third(0.7, 1);
console.log(`memory ${early.memory.toFixed(1)} → ${late.memory.toFixed(1)} MB, speech workers ${early.workers.toFixed(1)} → ` +
  `${late.workers.toFixed(1)} MB, descriptors ${early.descriptors} → ${late.descriptors}; ${JSON.stringify(counts)}`);
if (late.memory > early.memory * 1.1 + 8) failures.push('memory has grown');
if (late.workers > early.workers * 1.1 + 8) failures.push("the speech workers' memory has grown");
if (late.descriptors > early.descriptors * 1.1 + 16) failures.push('descriptors have grown');
if (counts.refused > counts.outbound / 100) failures.push(`${counts.refused} outbound calls were refused`);
for (const failure of failures.slice(0, 20)) console.log(`FAILED ${failure}`);
console.log(failures.length === 0 ? 'all was served, and nothing grew' : `${failures.length} failures`);
process.exit(failures.length === 0 ? 0 : 1);
