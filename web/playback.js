// AudioWorklet at 16 kHz: plays what the server sends. Starts with a little in hand, so that a late
// frame is not heard; `clear` drops everything (barge-in). A mark is answered once it was played.

const inHand = 960, longest = 16_000 * 5;  // 60 ms, 5 s

class Playback extends AudioWorkletProcessor {
  #ring = new Float32Array(longest);
  #read = 0;
  #count = 0;
  #playing = false;
  #played = 0;
  #marks = [];

  constructor() {
    super();
    this.port.onmessage = ({ data }) => {
      if (data === 'clear') this.#clear();
      else if (data.mark !== undefined) this.#marks.push({ name: data.mark, at: this.#played + this.#count });
      else this.#push(new Int16Array(data));
    };
  }

  #clear() {
    this.#played += this.#count;
    this.#count = 0;
    this.#playing = false;
  }

  #push(samples) {
    for (const sample of samples) {
      if (this.#count === longest) break;
      this.#ring[(this.#read + this.#count++) % longest] = sample / 32768;
    }
  }

  process(_, [output]) {
    const channel = output[0];
    if (!this.#playing && this.#count >= inHand) this.#playing = true;
    for (let i = 0; this.#playing && i < channel.length; ++i) {
      if (this.#count === 0) {
        this.#playing = false;
        break;
      }
      channel[i] = this.#ring[this.#read];
      this.#read = (this.#read + 1) % longest;
      --this.#count;
      ++this.#played;
    }
    // The server learns from its marks how far behind it is heard.
    while (this.#marks.length && this.#marks[0].at <= this.#played) this.port.postMessage(this.#marks.shift().name);
    return true;
  }
}

registerProcessor('playback', Playback);
