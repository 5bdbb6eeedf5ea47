// AudioWorklet: the microphone as 20 ms frames of 16 kHz, 16 bit, mono, whatever rate the device has.
// A windowed sinc low-pass is evaluated at each output sample's exact position.

const outRate = 16_000, frameSamples = 320, halfWidth = 16;

class Capture extends AudioWorkletProcessor {
  #step = sampleRate / outRate;
  #cutoff = Math.min(1, outRate / sampleRate) * 0.92;
  #span = Math.ceil(halfWidth * Math.max(1, sampleRate / outRate));
  #history = new Float32Array(0);
  #position = 0;
  #frame = new Int16Array(frameSamples);
  #filled = 0;

  process([input]) {
    const samples = input[0];
    if (!samples) return true;
    const joined = new Float32Array(this.#history.length + samples.length);
    joined.set(this.#history);
    joined.set(samples, this.#history.length);
    let at = this.#position;
    for (; at + this.#span < joined.length; at += this.#step) this.#put(this.#sample(joined, at));
    const keep = Math.max(0, Math.floor(at) - this.#span);
    this.#history = joined.slice(keep);
    this.#position = at - keep;
    return true;
  }

  #sample(signal, at) {
    let sum = 0;
    for (let i = Math.max(0, Math.ceil(at - this.#span)); i <= at + this.#span; ++i) {
      const x = i - at, phase = Math.PI * x * this.#cutoff;
      const window = 0.5 + 0.5 * Math.cos(Math.PI * x / (this.#span + 1));
      sum += signal[i] * window * (phase === 0 ? 1 : Math.sin(phase) / phase);
    }
    return sum * this.#cutoff;
  }

  #put(value) {
    this.#frame[this.#filled++] = Math.round(Math.max(-1, Math.min(1, value)) * 32767);
    if (this.#filled < frameSamples) return;
    const level = this.#frame.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0) / 32768;
    this.port.postMessage({ frame: this.#frame.buffer, level }, [this.#frame.buffer]);
    this.#frame = new Int16Array(frameSamples);
    this.#filled = 0;
  }
}

registerProcessor('capture', Capture);
