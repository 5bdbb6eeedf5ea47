// A transcript that grows as it is spoken: final turns in order, and one unfinished line per speaker.
import { element } from './words.js';

const names = { caller: 'Caller', assistant: 'Assistant' };

export class Transcript {
  #list;
  #final = new Map();
  #partial = new Map();

  /** @param list the <ol> it is shown in */
  constructor(list) {
    this.#list = list;
  }

  clear() {
    this.#final.clear();
    this.#partial.clear();
    this.#list.replaceChildren();
  }

  /** A turn that is complete; the same id again replaces it (a barge-in cuts what was heard). */
  final(turn) {
    this.#remove(this.#partial, turn.speaker);
    const line = this.#line(turn);
    const old = this.#final.get(turn.id);
    if (old) old.replaceWith(line);
    else this.#append(line);
    if (turn.id) this.#final.set(turn.id, line);
  }

  /** What is understood so far. */
  partial({ speaker, text }) {
    const line = this.#line({ speaker, text });
    line.classList.add('partial');
    const old = this.#partial.get(speaker);
    if (old) old.replaceWith(line);
    else this.#append(line);
    this.#partial.set(speaker, line);
  }

  #remove(lines, key) {
    lines.get(key)?.remove();
    lines.delete(key);
  }

  #append(line) {
    const list = this.#list;
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    list.append(line);
    if (atEnd) list.scrollTop = list.scrollHeight;
  }

  #line({ speaker, text, source, interrupted }) {
    const line = element('li', `turn ${speaker}`, element('span', 'who', names[speaker] ?? speaker), text);
    if (interrupted) line.append(element('span', 'source', 'interrupted'));
    if (source) line.append(element('span', 'source', `from ${source}`));
    return line;
  }
}
