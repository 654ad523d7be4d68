// Runs beside the page, in the audio's own thread: collects samples, and hands them over piece by piece.

class Recorder extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this.piece = new Int16Array(processorOptions.size);
    this.filled = 0;
    this.energy = 0;
    // Whatever the page says: it wants what is left of a piece, and to know that this was all.
    this.port.onmessage = () => {
      if (this.filled) this.handOver();
      this.port.postMessage(null);
    };
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
    this.port.postMessage({ samples: this.piece.slice(0, this.filled), loudness });
    this.filled = 0;
    this.energy = 0;
  }
}

registerProcessor("recorder", Recorder);
