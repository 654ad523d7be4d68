// All that was said and written: words with their times, sentences, and what the policy waited for.
// Times are in s of the sound that was sent, pauses left out.

export class Transcript {
  constructor() {
    this.clear();
    this.shown = 0; // characters of the present stream, as the server counts them
    this.position = 0; // those that are final
    this.streams = []; // where the streams begin whose answers are still to come
    this.sentS = 0; // sound sent so far
    this.clock = []; // [sound sent in s, when, by the browser's clock in s]
  }

  // What was shown is forgotten; a stream that is open goes on.
  clear() {
    this.words = [];
    this.decisions = [];
    this.loudness = []; // [s, loudness]
    this.sentences = [];
    this.open = null; // the sentence that has not ended
    this.preview = "";
    this.previewed = false; // whether anything was shown that could change
    this.deleted = 0; // words of previews that changed
  }

  begin() {
    this.streams.push(this.sentS);
  }

  // All streams that were still open are lost with the connection.
  lose() {
    this.streams = [];
    this.endStream();
  }

  hear(seconds, loudness, now) {
    this.loudness.push([this.sentS, loudness]);
    this.sentS += seconds;
    this.clock.push([this.sentS, now]);
    if (this.clock.length > 6000) this.clock.splice(0, 3000);
  }

  answer(told, now) {
    if (told.end_of_processing) {
      this.streams.shift();
      this.endStream();
      return;
    }
    if (told.heard_s === undefined) return;
    const begin = this.streams[0] ?? 0;
    const wait = told.wait && { ...told.wait, attention: curve(told.wait.attention, begin) };
    this.decisions.push({ heardS: begin + told.heard_s, event: told.event, wait: wait ?? null });
    this.preview = told.preview ?? "";
    this.previewed ||= this.preview !== "";
    this.deleted += told.deleted.split(/\s+/).filter(Boolean).length;
    this.write(told, begin, now);
    // Words are counted with a space between them, and the text may have more.
    this.shown += length(told.new) - length(told.deleted);
    this.position = this.shown - length(this.preview);
  }

  write(told, begin, now) {
    const ends = [...(told.sentence_ends ?? [])];
    for (const word of told.words ?? []) {
      const heardS = begin + word.heard_s;
      const writtenS = begin + word.written_s;
      const entry = {
        text: word.text,
        continues: Boolean(word.continues), // the word before, without a space
        heardS,
        writtenS,
        delayS: Math.max(0, now - this.momentOf(heardS)),
        serverS: told.delay_s ?? 0, // of the delay: computation, and waiting for it
        attention: curve(word.attention, begin), // where the model looked when it wrote the word
      };
      this.words.push(entry);
      if (!this.open) {
        this.open = { words: [], text: "" };
        this.sentences.push(this.open);
      }
      this.open.words.push(entry);
      const space = entry.continues ? "" : " ";
      this.position += (this.position > 0 ? space.length : 0) + length(word.text);
      this.open.text += (this.open.text ? space : "") + word.text;
      if (ends.length && this.position >= ends[0]) {
        ends.shift();
        this.endSentence();
      }
    }
  }

  endSentence() {
    this.open = null;
  }

  endStream() {
    this.endSentence();
    this.preview = "";
    this.shown = this.position = 0;
  }

  // When that sound was heard, by the browser's clock.
  momentOf(soundS) {
    let low = 0;
    let high = this.clock.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.clock[middle][0] < soundS) low = middle + 1;
      else high = middle;
    }
    const [atS, moment] = this.clock[low] ?? [soundS, 0];
    return moment - Math.max(0, atS - soundS);
  }

  // The mean delay of the newest words, in s; null before there are any.
  get delayS() {
    const newest = this.words.slice(-20);
    return newest.length ? newest.reduce((sum, word) => sum + word.delayS, 0) / newest.length : null;
  }

  // Normalised erasure: words of previews that changed, for each word that was written.
  get erasure() {
    return this.deleted / Math.max(1, this.words.length);
  }

  // The decisions at which a word had been heard, and was not written.
  waits(word) {
    return this.decisions.filter((one) => one.heardS > word.heardS && one.heardS < word.writtenS - 0.001);
  }

  // What the policy saw when the word waited last; null where it tells nothing, or the word did not wait.
  lastWait(word) {
    return this.waits(word).findLast((one) => one.wait)?.wait ?? null;
  }

  // Why a word was not written when it had been heard, and where the model looked when it was.
  why(word) {
    const told = `“${word.text}” was heard at ${word.heardS.toFixed(1)} s and written at ${word.writtenS.toFixed(1)} s`;
    const looked = word.attention ? ` ${lookedAt(word.attention)}` : "";
    const waits = this.waits(word);
    if (!waits.length) return `${told}, with the first sound that held it.${looked}`;
    const times = waits.length === 1 ? "once" : `${waits.length} times`;
    const last = this.lastWait(word);
    if (!last) return `${told}: it was not ready ${times}.${looked}`;
    return `${told}: it waited ${times}; the policy's score was ${last.score.toPrecision(3)}, and it waits above ${last.limit.toPrecision(3)}.${looked}`;
  }
}

// In characters: of JavaScript's own, some are two.
function length(text) {
  return [...text].length;
}

// Attention over time as the page keeps it; null where the server told none.
function curve(told, begin) {
  return told?.weights.length ? { beginS: begin + told.begin_s, stepS: told.step_s, weights: told.weights } : null;
}

// The shortest time that has half of the attention, in words.
function lookedAt({ beginS, stepS, weights }) {
  const half = weights.reduce((sum, weight) => sum + weight, 0) / 2;
  let best = [0, weights.length];
  for (let first = 0; first < weights.length; first++) {
    let sum = 0;
    for (let end = first + 1; end <= weights.length && end - first < best[1] - best[0]; end++) {
      sum += weights[end - 1];
      if (sum >= half) best = [first, end];
    }
  }
  const [from, to] = best.map((place) => (beginS + place * stepS).toFixed(1));
  return `Half of the attention: ${from} to ${to} s.`;
}
