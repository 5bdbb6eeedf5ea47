// Live events with resume: after a reconnect the server replays what was missed, or says `resync`,
// and then everything has to be fetched anew. Nothing is shown twice.
import { socketUrl, subscribe } from './api.js';

const pingEvery = 15_000, answerWithin = 10_000, longestWait = 15_000;

export class LiveEvents {
  #handlers;
  #socket = null;
  #epoch = null;
  #seq = null;
  #attempt = 0;
  #stopped = false;
  #timers = new Set();
  #pongTimer = null;

  /** @param handlers onState('connecting'|'live'|'offline'), onEvent(event), onResync(), onRefused(reason) */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  start() {
    this.#stopped = false;
    this.#connect();
  }

  stop() {
    this.#stopped = true;
    this.#clearTimers();
    this.#socket?.close(1000);
  }

  /** The connection goes on with the token that is now in force. */
  renew() {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(subscribe());
  }

  /** Lets go of the connection as if the network had; it comes back by itself. */
  drop() {
    this.#socket?.close(4000);
  }

  #later(delay, action) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, delay);
    this.#timers.add(timer);
    return timer;
  }

  #clearTimers() {
    this.#timers.forEach(clearTimeout);
    this.#timers.clear();
  }

  #connect() {
    this.#handlers.onState('connecting');
    const socket = new WebSocket(socketUrl('/ws/live-calls'));
    this.#socket = socket;
    socket.onopen = () => {
      socket.send(subscribe(this.#epoch === null ? {} : { since: this.#seq, epoch: this.#epoch }));
      this.#heartbeat(socket);
    };
    socket.onmessage = (message) => {
      if (socket === this.#socket) this.#receive(JSON.parse(message.data));
    };
    socket.onclose = (event) => {
      if (socket !== this.#socket) return;
      this.#clearTimers();
      if (this.#stopped) return;
      if (event.code === 1008) {
        this.#handlers.onRefused(event.reason);
        return;
      }
      this.#handlers.onState('offline');
      const ceiling = Math.min(longestWait, 500 * 2 ** this.#attempt++);
      this.#later(ceiling / 2 + Math.random() * ceiling / 2, () => this.#connect());
    };
  }

  #heartbeat(socket) {
    this.#later(pingEvery, () => {
      socket.send('{"type":"ping"}');
      this.#pongTimer = this.#later(answerWithin, () => socket.close(4001));
      this.#heartbeat(socket);
    });
  }

  #receive(message) {
    if (message.type === 'pong') {
      clearTimeout(this.#pongTimer);
    } else if (message.type === 'subscribed') {
      this.#attempt = 0;
      const known = this.#epoch !== null;
      if (!known) this.#seq = message.seq;
      this.#epoch = message.epoch;
      this.#handlers.onState('live');
      // What happened between loading the list and subscribing would be missed.
      if (!known) this.#handlers.onResync();
    } else if (message.type === 'resync') {
      this.#epoch = message.epoch;
      this.#seq = message.seq;
      this.#handlers.onResync();
    } else if (typeof message.seq === 'number' && message.seq > this.#seq) {
      this.#seq = message.seq;
      this.#handlers.onEvent(message);
    }
  }
}
