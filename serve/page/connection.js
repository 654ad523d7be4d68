// The WebSocket: reconnects when the server is gone, and keeps what is said meanwhile.

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;
const ALIVE_MS = 20_000; // a server sends clients away of which nothing comes
const KEPT_BYTES = 6_000_000; // a minute at 48 kHz

export class Connection {
  constructor(address) {
    this.address = address;
    this.onopen = () => {};
    this.onanswer = () => {};
    this.onlost = () => {}; // (reason in words, s until the next try)
    this.waiting = []; // audio for which there is no connection
    this.waitingBytes = 0;
    this.tries = 0;
    this.reason = null;
    setInterval(() => this.isOpen && this.socket.send("{}"), ALIVE_MS);
    this.connect();
  }

  get isOpen() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  connect() {
    this.socket = new WebSocket(this.address);
    this.socket.onopen = () => {
      this.tries = 0;
      this.reason = null;
      this.onopen();
      for (const piece of this.waiting.splice(0)) this.socket.send(piece);
      this.waitingBytes = 0;
    };
    this.socket.onmessage = ({ data }) => {
      const answer = JSON.parse(data);
      if (answer.error) this.reason = answer.error;
      this.onanswer(answer);
    };
    this.socket.onclose = () => {
      const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.tries++);
      this.onlost(this.reason, wait / 1000);
      setTimeout(() => this.connect(), wait);
    };
  }

  say(message) {
    if (this.isOpen) this.socket.send(JSON.stringify(message));
  }

  hear(samples) {
    if (this.isOpen) {
      this.socket.send(samples);
    } else if (this.waitingBytes < KEPT_BYTES) {
      this.waiting.push(samples);
      this.waitingBytes += samples.byteLength;
    }
  }
}
