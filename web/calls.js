// The list of calls and the one that is chosen, kept up to date by live events.
import { api } from './api.js';
import { Transcript } from './transcript.js';
import { duration, element, ending, isLive, status, when, who } from './words.js';

const byId = (id) => document.getElementById(id);

export class Calls {
  #calls = new Map();
  #items = new Map();
  #next = null;
  #chosen = null;
  #missing = null;
  #transcript = new Transcript(byId('detail-turns'));
  #fetching = new Map();

  constructor() {
    byId('calls-more').addEventListener('click', () => this.#loadMore());
    window.addEventListener('hashchange', () => this.#follow());
  }

  /** Fetches the newest page anew; throws what the API throws. */
  async load() {
    const answer = await api('/api/calls-dashboard?limit=20');
    this.#calls.clear();
    for (const call of answer.calls) this.#calls.set(call.id, call);
    this.#next = answer.pagination.nextCursor;
    this.#show();
    if (this.#chosen) await this.#open(this.#chosen);
    else this.#follow();
  }

  /** One live event. */
  apply({ type, callId, data }) {
    if (data?.isTest) return;
    if (type.startsWith('call.') || type.startsWith('recording.')) {
      if (data?.id === callId && data.customer) this.#update(data);
      else this.#refetch(callId);
    }
    if (callId !== this.#chosen) return;
    // It was chosen before its record was there.
    if (this.#missing === callId) this.#open(callId);
    if (type === 'transcript.partial') this.#transcript.partial(data);
    if (type === 'transcript.final') this.#transcript.final(data);
    if (type === 'recording.ready' || type === 'recording.failed') this.#showRecording(this.#calls.get(callId), true);
  }

  choose(id) {
    location.hash = id;
  }

  #update(call) {
    this.#calls.set(call.id, call);
    this.#show();
    if (call.id === this.#chosen) this.#showFacts(call);
  }

  // Several events about one call in a row need one request.
  async #refetch(id) {
    if (!id || this.#fetching.has(id)) return;
    const asked = api(`/api/calls/${encodeURIComponent(id)}`);
    this.#fetching.set(id, asked);
    try {
      this.#update(await asked);
    } catch {
      // Erased meanwhile; the next load leaves it out.
    } finally {
      this.#fetching.delete(id);
    }
  }

  async #loadMore() {
    const button = byId('calls-more');
    button.disabled = true;
    try {
      const answer = await api(`/api/calls-dashboard?limit=20&cursor=${encodeURIComponent(this.#next)}`);
      for (const call of answer.calls) this.#calls.set(call.id, call);
      this.#next = answer.pagination.nextCursor;
      this.#show();
    } finally {
      button.disabled = false;
    }
  }

  #show() {
    const list = byId('call-list');
    const newestFirst = [...this.#calls.values()].sort((a, b) => b.createdAt.localeCompare(a.createdAt));
    const wanted = newestFirst.map((call) => this.#item(call));
    wanted.forEach((item, index) => {
      if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
    });
    while (list.children.length > wanted.length) list.lastChild.remove();
    byId('calls-empty').hidden = wanted.length > 0;
    byId('calls-more').hidden = !this.#next;
  }

  // The button of a call stays the same element, so that focus survives an update.
  #item(call) {
    let item = this.#items.get(call.id);
    if (!item) {
      const button = element('button', 'call');
      button.type = 'button';
      button.dataset.call = call.id;
      button.addEventListener('click', () => this.choose(call.id));
      item = element('li', '', button);
      this.#items.set(call.id, item);
    }
    const button = item.firstChild;
    button.setAttribute('aria-current', String(call.id === this.#chosen));
    const chip = element('span', isLive(call) ? 'chip live' : call.status === 'failed' ? 'chip failed' : 'chip', status(call));
    const direction = call.direction === 'inbound' ? 'Inbound' : 'Outbound';
    button.replaceChildren(element('strong', '', who(call)), element('span', 'when faint', when(call.createdAt)),
      element('span', 'faint', [direction, duration(call.duration)].filter(Boolean).join(' · ')), chip);
    return item;
  }

  #follow() {
    const id = decodeURIComponent(location.hash.slice(1));
    if (/^[\w.:@+-]{1,128}$/.test(id) && id !== this.#chosen && !byId(id)) {
      this.#chosen = id;
      this.#open(id).then(() => {
        if (matchMedia('(max-width: 48rem)').matches) byId('detail').scrollIntoView();
      });
    }
  }

  async #open(id) {
    for (const item of this.#items.values())
      item.firstChild.setAttribute('aria-current', String(item.firstChild.dataset.call === id));
    let call, turns;
    try {
      call = await api(`/api/calls/${encodeURIComponent(id)}`);
      turns = (await api(`/api/calls/${encodeURIComponent(id)}/transcript`)).turns;
    } catch (error) {
      if (id !== this.#chosen) return;
      this.#missing = id;
      byId('detail-title').textContent = 'This call cannot be shown';
      byId('detail-hint').textContent = error.message;
      byId('detail-hint').hidden = false;
      byId('detail-body').hidden = true;
      return;
    }
    if (id !== this.#chosen) return;
    this.#missing = null;
    this.#transcript.clear();
    turns.forEach((turn) => this.#transcript.final(turn));
    byId('detail-hint').hidden = true;
    byId('detail-body').hidden = false;
    this.#showFacts(call);
    await this.#showRecording(call, false);
  }

  #showFacts(call) {
    byId('detail-title').textContent = who(call);
    const facts = [['Status', status(call)], ['How it ended', ending(call)], ['Number', call.customer.name && call.customer.number],
      ['Began', when(call.createdAt)], ['Duration', duration(call.duration)], ['Channel', call.channel], ['Call', call.id, 'id']];
    byId('detail-facts').replaceChildren(...facts.filter(([, value]) => value)
      .map(([name, value, look]) => element('div', look, element('dt', '', name), element('dd', '', value))));
  }

  async #showRecording(call, anew) {
    const audio = byId('detail-audio'), state = byId('detail-audio-state');
    if (!anew && audio.dataset.call === call?.id) return;
    audio.hidden = true;
    audio.removeAttribute('src');
    delete audio.dataset.call;
    if (!call) return;
    try {
      const { recordingUrl } = await api(`/api/calls/${encodeURIComponent(call.id)}/recording`);
      if (call.id !== this.#chosen) return;
      // Signed for the server's public address; asked where this page came from.
      const url = new URL(recordingUrl, location.href);
      audio.src = url.pathname.startsWith('/storage/') ? url.pathname + url.search : url.href;
      audio.dataset.call = call.id;
      audio.hidden = false;
      state.textContent = '';
    } catch (error) {
      if (call.id !== this.#chosen) return;
      state.textContent = error.code === 'recording_not_ready' ? 'The recording is ready soon after the call.'
        : error.status === 404 ? 'This call has no recording.' : `The recording cannot be played: ${error.message}`;
    }
  }
}
