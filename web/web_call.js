// A call from this browser: microphone and loudspeaker over WS /ws/web-call, PCM16LE 16 kHz mono,
// 20 ms a frame both ways, JSON for everything else.
import { socketUrl, subscribe } from './api.js';

export class WebCall {
  #handlers;
  #socket = null;
  #microphone = null;
  #contexts = [];
  #playback = null;
  #over = false;

  /** @param handlers onState('connecting'|'talking'), onLevel(0–1), onCall(id), onPartial(turn), onFinal(turn), onEnded(text) */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  async start(assistantId) {
    this.#handlers.onState('connecting');
    try {
      await this.#openAudio();
      if (!this.#over) this.#connect(assistantId);
    } catch (error) {
      this.#end(explain(error));
    }
  }

  hangUp() {
    this.#send({ type: 'hangup' });
    this.#end('You hung up.');
  }

  press(key) {
    this.#send({ type: 'dtmf', digit: key });
  }

  async #openAudio() {
    if (!navigator.mediaDevices) throw new Error('The microphone is only offered on https:// or localhost.');
    const capture = new AudioContext(), playback = new AudioContext({ sampleRate: 16_000 });
    this.#contexts = [capture, playback];
    this.#microphone = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
    });
    await Promise.all([capture.audioWorklet.addModule('/assets/capture.js'), playback.audioWorklet.addModule('/assets/playback.js')]);
    if (this.#over) return this.#closeAudio();

    this.#playback = new AudioWorkletNode(playback, 'playback', { numberOfInputs: 0, outputChannelCount: [1] });
    this.#playback.connect(playback.destination);
    this.#playback.port.onmessage = ({ data }) => this.#send({ type: 'mark', name: data });
    const listener = new AudioWorkletNode(capture, 'capture', { numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit' });
    listener.port.onmessage = ({ data }) => {
      this.#handlers.onLevel(data.level);
      if (this.#ready && this.#socket.readyState === WebSocket.OPEN) this.#socket.send(data.frame);
    };
    capture.createMediaStreamSource(this.#microphone).connect(listener);
    await Promise.all([capture.resume(), playback.resume()]);
  }

  #ready = false;

  #connect(assistantId) {
    const socket = new WebSocket(socketUrl(`/ws/web-call?assistantId=${encodeURIComponent(assistantId)}`));
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    socket.onopen = () => {
      socket.send(subscribe());
      this.#send({ type: 'start' });
    };
    socket.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) this.#playback?.port.postMessage(data, [data]);
      else this.#receive(JSON.parse(data));
    };
    socket.onclose = (event) => this.#end(event.reason ? `The call ended: ${event.reason}` : 'The call ended.');
  }

  #receive(message) {
    if (message.type === 'ready') {
      this.#ready = true;
      this.#handlers.onState('talking');
      this.#handlers.onCall(message.callId);
    } else if (message.type === 'transcript.partial') {
      this.#handlers.onPartial(message);
    } else if (message.type === 'transcript.final') {
      this.#handlers.onFinal(message);
    } else if (message.type === 'mark') {
      this.#playback?.port.postMessage({ mark: message.name });
    } else if (message.type === 'clear') {
      this.#playback?.port.postMessage('clear');
    } else if (message.type === 'ended') {
      this.#end('The call ended.');
    }
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #end(text) {
    if (this.#over) return;
    this.#over = true;
    this.#socket?.close(1000);
    this.#closeAudio();
    this.#handlers.onEnded(text);
  }

  #closeAudio() {
    this.#microphone?.getTracks().forEach((track) => track.stop());
    this.#contexts.forEach((context) => context.close());
    this.#contexts = [];
    this.#playback = null;
  }
}

function explain(error) {
  if (error.name === 'NotAllowedError') return 'The browser does not let this page use the microphone. Allow it and call again.';
  if (error.name === 'NotFoundError') return 'This device has no microphone.';
  return `The call could not begin: ${error.message}`;
}
