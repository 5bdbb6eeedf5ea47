// AudioWorklet at 16 kHz: plays what the server sends. Starts with a little in hand, so that a late
// frame is not heard; `clear` drops everything (barge-in).

const inHand = 960, longest = 16_000 * 5;  // 60 ms, 5 s

class Playback extends AudioWorkletProcessor {
  #ring = new Float32Array(longest);
  #read = 0;
  #count = 0;
  #playing = false;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => {
      if (data === 'clear') {
        this.#count = 0;
        this.#playing = false;
        return;
      }
      for (const sample of new Int16Array(data)) {
        if (this.#count === longest) break;
        this.#ring[(this.#read + this.#count++) % longest] = sample / 32768;
      }
    };
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
    }
    return true;
  }
}

registerProcessor('playback', Playback);
