// The strip: the sound of the last seconds, each word where it was heard, and a line to when it was written.

const SHOWN_S = 12;
const LANES = 4;
const LANE_PX = 21;
const TOP_PX = 6;
const WHY_PX = 30;
const LETTER_PX = 7.4;

export class Strip {
  constructor(box, canvas, words, why, transcript) {
    Object.assign(this, { box, canvas, words, why, transcript });
    this.elements = new Map();
    this.chosen = null;
    box.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(box);
  }

  draw() {
    const width = this.box.clientWidth;
    const height = this.box.clientHeight - WHY_PX;
    const seconds = Math.max(6, (SHOWN_S * width) / 1100);
    // Where the server is behind, what it hears now stays in view, and not the newest sound.
    const heardS = this.transcript.decisions.at(-1)?.heardS ?? Infinity;
    let end = Math.max(seconds, Math.min(this.transcript.sentS + 0.5, heardS + seconds / 2));
    // A word that was chosen by a key comes into view.
    if (this.chosen?.heardS < end - seconds && document.activeElement === this.box) {
      end = Math.max(seconds, this.chosen.heardS + seconds / 2);
    }
    this.start = end - seconds;
    this.scale = width / seconds;
    this.drawSound(width, height, end);
    this.drawAttention(height);
    this.drawWords();
  }

  drawSound(width, height, end) {
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = width * ratio;
    this.canvas.height = (height + WHY_PX) * ratio;
    const brush = this.canvas.getContext("2d");
    const style = getComputedStyle(this.box);
    brush.scale(ratio, ratio);
    brush.fillStyle = style.getPropertyValue("--wave");
    const middle = TOP_PX + LANES * LANE_PX + (height - TOP_PX - LANES * LANE_PX) / 2;
    const tallest = height - middle - 16;
    for (const [atS, loudness] of this.transcript.loudness) {
      if (atS < this.start - 1) continue;
      const bar = Math.max(1, Math.min(1, loudness * 5) * tallest);
      brush.fillRect((atS - this.start) * this.scale, middle - bar, Math.max(1, 0.1 * this.scale - 1.5), 2 * bar);
    }
    brush.fillStyle = style.getPropertyValue("--faint");
    brush.font = "11px system-ui, sans-serif";
    for (let second = Math.ceil(this.start); second < end; second += 2) {
      if (second >= 0) brush.fillText(`${second} s`, (second - this.start) * this.scale + 2, height - 3);
    }
  }

  // Where the model looked for the chosen word: when it was written, and dotted when it had waited last.
  drawAttention(height) {
    if (!this.chosen) return;
    this.drawCurve(this.transcript.lastWait(this.chosen)?.attention, height, "--warn", [2, 3]);
    this.drawCurve(this.chosen.attention, height, "--accent", []);
  }

  // A curve over the sound: its peak is as tall as there is room.
  drawCurve(curve, height, color, dashes) {
    if (!curve) return;
    const brush = this.canvas.getContext("2d");
    const foot = height - 16;
    const tall = foot - (TOP_PX + LANES * LANE_PX);
    const most = Math.max(...curve.weights);
    const x = (bin) => (curve.beginS + bin * curve.stepS - this.start) * this.scale;
    brush.strokeStyle = getComputedStyle(this.box).getPropertyValue(color);
    brush.lineWidth = 2;
    brush.lineJoin = "round";
    brush.setLineDash(dashes);
    brush.beginPath();
    brush.moveTo(x(0), foot);
    curve.weights.forEach((weight, bin) => brush.lineTo(x(bin + 0.5), foot - (weight / most) * tall));
    brush.lineTo(x(curve.weights.length), foot);
    brush.stroke();
    brush.setLineDash([]);
  }

  drawWords() {
    const seen = new Set();
    const end = this.start + this.box.clientWidth / this.scale;
    for (const word of this.transcript.words) {
      if (word.writtenS < this.start - 2 || word.heardS > end) continue;
      seen.add(word);
      const element = this.elements.get(word) ?? this.make(word);
      const left = (word.heardS - this.start) * this.scale;
      word.lane ??= this.freeLane(word);
      const line = Math.max(0, (word.writtenS - word.heardS) * this.scale);
      element.style.left = `${left}px`;
      element.style.top = `${TOP_PX + word.lane * LANE_PX}px`;
      element.lastChild.style.width = `${line}px`;
    }
    for (const [word, element] of this.elements) {
      if (!seen.has(word)) {
        element.remove();
        this.elements.delete(word);
      }
    }
  }

  // The first lane in which no other word stands, else the one whose nearest word is farthest.
  freeLane(word) {
    const widthS = (one) => (one.text.length * LETTER_PX + 10) / this.scale;
    const room = Array(LANES).fill(Infinity);
    for (const other of this.transcript.words.slice(-40)) {
      if (other.lane === undefined) continue;
      const behind = other.heardS >= word.heardS;
      const [first, second] = behind ? [word, other] : [other, word];
      const gapS = second.heardS - first.heardS - widthS(first);
      room[other.lane] = Math.min(room[other.lane], gapS);
    }
    const lane = room.findIndex((gapS) => gapS >= 0);
    return lane < 0 ? room.indexOf(Math.max(...room)) : lane;
  }

  make(word) {
    const element = document.createElement("span");
    element.className = "word";
    element.append(word.text, document.createElement("i"));
    element.addEventListener("pointerenter", () => {
      this.choose(word);
      this.draw();
    });
    this.words.append(element);
    this.elements.set(word, element);
    return element;
  }

  choose(word) {
    this.elements.get(this.chosen)?.classList.remove("chosen");
    this.chosen = word;
    this.elements.get(word)?.classList.add("chosen");
    this.why.textContent = word ? this.transcript.why(word) : "";
    this.why.title = this.why.textContent;
  }

  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const words = this.transcript.words;
    if (!step || !words.length) return;
    event.preventDefault();
    const at = this.chosen ? words.indexOf(this.chosen) + step : words.length - 1;
    this.choose(words[Math.max(0, Math.min(words.length - 1, at))]);
    this.draw();
    this.elements.get(this.chosen)?.classList.add("chosen");
  }

  clear() {
    this.words.replaceChildren();
    this.elements.clear();
    this.choose(null);
    this.why.textContent = "";
    this.draw();
  }
}
