// Sound from a microphone, another tab or a file -> pieces of 16-bit samples, one channel.

const PIECE_S = 0.1;

// What a browser does to voices in a call, it need not do to a talk.
const AS_IT_IS = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

// What goes wrong, in words that say what to do.
const REASONS = {
  NotAllowedError: "The browser may not use the microphone: allow it beside the address, and press again.",
  NotFoundError: "No microphone was found: plug one in, and press again.",
  NotReadableError: "The microphone is taken by another program: close that, and press again.",
};

export class Sound {
  constructor(context, stream, element) {
    this.context = context;
    this.stream = stream; // of tracks to be stopped, or null
    this.element = element; // plays a file, or null
    this.sampleRate = context.sampleRate;
    this.onpiece = () => {}; // (Int16Array, loudness from 0 to 1)
    this.onend = () => {};
  }

  get isLive() {
    return this.stream !== null;
  }

  async connect(source, audible) {
    await this.context.audioWorklet.addModule("page/recorder.js");
    const size = Math.round(PIECE_S * this.sampleRate);
    this.recorder = new AudioWorkletNode(this.context, "recorder", { processorOptions: { size } });
    this.recorder.port.onmessage = ({ data }) => (data ? this.onpiece(data.samples, data.loudness) : this.onrest());
    source.connect(this.recorder);
    // A node that leads nowhere is not run: the recorder writes silence.
    this.recorder.connect(this.context.destination);
    if (audible) source.connect(this.context.destination);
    await this.context.resume();
  }

  // Until all that was heard has been handed over.
  rest() {
    return new Promise((done) => {
      this.onrest = done;
      this.recorder.port.postMessage("rest");
    });
  }

  pause(paused) {
    return paused ? this.context.suspend() : this.context.resume();
  }

  async stop() {
    this.stream?.getTracks().forEach((track) => track.stop());
    if (this.context.state !== "closed") await this.context.close();
  }
}

export async function microphone() {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Error("Browsers give a microphone to pages of this machine or by https only: open the page so.");
  }
  return fromStream(
    await named(navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 }, video: false })),
  );
}

export async function tab() {
  if (!navigator.mediaDevices?.getDisplayMedia) {
    throw new Error("This browser cannot share the sound of a tab: Chrome and Edge can.");
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getDisplayMedia({ audio: AS_IT_IS, video: { frameRate: 1 } });
  } catch {
    throw new Error("No tab was shared: press again, choose a tab, and tick that its sound is shared.");
  }
  if (!stream.getAudioTracks().length) {
    stream.getTracks().forEach((track) => track.stop());
    throw new Error("The tab was shared without its sound: press again, and tick “Share tab audio”.");
  }
  return fromStream(stream);
}

export async function file(blob) {
  const context = new AudioContext();
  let decoded;
  try {
    decoded = await context.decodeAudioData(await blob.arrayBuffer());
  } catch {
    await context.close();
    throw new Error(`“${blob.name}” holds no sound that this browser can play: try wav, mp3, m4a, ogg or webm.`);
  }
  const sound = new Sound(context, null, null);
  const source = new AudioBufferSourceNode(context, { buffer: decoded });
  source.onended = () => sound.rest().then(() => sound.onend());
  await sound.connect(source, true);
  source.start();
  return sound;
}

async function fromStream(stream) {
  const sound = new Sound(new AudioContext(), stream, null);
  stream.getAudioTracks()[0].onended = () => sound.onend();
  await sound.connect(new MediaStreamAudioSourceNode(sound.context, { mediaStream: stream }), false);
  return sound;
}

async function named(promise) {
  try {
    return await promise;
  } catch (error) {
    throw new Error(REASONS[error.name] ?? `The microphone cannot be used (${error.message}).`);
  }
}
