// Runs beside the page, in the audio's own thread: collects samples, and hands them over piece by piece.

class Recorder extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this.piece = new Int16Array(processorOptions.size);
    this.filled = 0;
    this.energy = 0;
  }

  process([channels]) {
    for (let place = 0; place < (channels[0]?.length ?? 0); place++) {
      let sample = 0;
      for (const channel of channels) sample += channel[place] / channels.length;
      this.energy += sample * sample;
      this.piece[this.filled++] = Math.max(-1, Math.min(1, sample)) * 32767;
      if (this.filled === this.piece.length) this.handOver();
    }
    return true;
  }

  handOver() {
    const loudness = Math.sqrt(this.energy / this.filled);
    this.port.postMessage({ samples: this.piece.slice(), loudness });
    this.filled = 0;
    this.energy = 0;
  }
}

registerProcessor("recorder", Recorder);
