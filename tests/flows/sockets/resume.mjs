// Listeners whose connections are killed at random moments, and one that is left alone: what each of them
// has seen at the end must be the same.
//
//   node resume.mjs URL TOKEN EVENTS LISTENERS SEED
//
// Prints one JSON line: {events, reconnects, kinds: {…}, problems: […]}. Its own seed makes a run repeatable.
import WebSocket from 'ws';

const [url, token, untilText, listenersText, seedText] = process.argv.slice(2);
const until = Number(untilText);
const problems = [];
const kinds = { terminated: 0, closed: 0, stalled: 0, cutWhileSubscribing: 0 };
let reconnects = 0;

// mulberry32
let state = Number(seedText) | 0;
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}

class Listener {
  constructor(name, shaky) {
    Object.assign(this, { name, shaky, seen: [], seq: 0, epoch: null, first: true });
    this.done = new Promise((resolve) => (this.finish = resolve));
    this.connect();
  }

  connect() {
    const socket = new WebSocket(url);
    this.socket = socket;
    let killer;
    socket.on('open', () => {
      const since = this.epoch === null ? { since: 0 } : { since: this.seq, epoch: this.epoch };
      socket.send(JSON.stringify({ type: 'subscribe', token, ...since }));
      if (this.shaky) killer = setTimeout(() => this.kill(socket), random() * 60);
    });
    socket.on('message', (data) => {
      // What the kernel still delivers of a killed connection counts as lost: it is fetched again.
      if (socket === this.socket) this.take(JSON.parse(data.toString()));
    });
    socket.on('error', (error) => problems.push(`${this.name}: ${error.message}`));
    socket.on('close', (code) => {
      clearTimeout(killer);
      if (this.seen.length >= until) return;
      if (!socket.killed) problems.push(`${this.name}: closed by the server with ${code} at ${this.seq}`);
      reconnects++;
      setTimeout(() => this.connect(), random() * 10);
    });
  }

  kill(socket) {
    if (this.seen.length >= until) return;
    socket.killed = true;
    this.socket = null;
    const dice = random();
    if (dice < 0.5) {
      kinds.terminated++;
      socket.terminate();
    } else if (dice < 0.75) {
      kinds.closed++;
      socket.close();
    } else if (dice < 0.9) {
      // Reads nothing for a while, then is gone: what the server sent into the silence is lost.
      kinds.stalled++;
      socket.pause();
      setTimeout(() => socket.terminate(), random() * 40);
    } else {
      kinds.cutWhileSubscribing++;
      const next = new WebSocket(url);
      next.on('error', () => {});
      next.on('open', () => {
        next.send(JSON.stringify({ type: 'subscribe', token, since: this.seq, epoch: this.epoch }));
        setImmediate(() => next.terminate());
      });
      socket.terminate();
    }
  }

  take(message) {
    if (message.type === 'subscribed') {
      if (this.epoch !== null && this.epoch !== message.epoch) problems.push(`${this.name}: another epoch`);
      this.epoch = message.epoch;
      return;
    }
    if (message.type === 'resync') return problems.push(`${this.name}: resync at ${this.seq}`);
    // Where an epoch begins is the server's affair; from there on every number comes.
    if (this.seq !== 0 && message.seq !== this.seq + 1) problems.push(`${this.name}: ${message.seq} after ${this.seq}`);
    this.seq = message.seq;
    this.seen.push(JSON.stringify(message));
    if (this.seen.length >= until) {
      this.socket.close();
      this.finish();
    }
  }
}

const steady = new Listener('steady', false);
const shaky = Array.from({ length: Number(listenersText) }, (_, i) => new Listener(`shaky ${i}`, true));
console.log('listening');
await Promise.all([steady, ...shaky].map((listener) => listener.done));
for (const listener of shaky)
  if (listener.seen.join('\n') !== steady.seen.join('\n')) problems.push(`${listener.name} saw something else`);
console.log(JSON.stringify({ events: steady.seen.length, reconnects, kinds, problems: problems.slice(0, 20) }));
process.exit(problems.length === 0 ? 0 : 1);
