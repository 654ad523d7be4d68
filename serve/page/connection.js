// The WebSocket: connects again when the server is gone, and keeps all that is to be sent meanwhile.

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;
const STEADY_MS = 5000; // a connection of so long was a good one
const ALIVE_MS = 20_000; // a server sends clients away of which nothing comes
const KEPT_BYTES = 60_000_000; // ten minutes of sound at 48 kHz
const REFUSED = 1008; // the code of a server that does not want this client, or its stream

export class Connection {
  constructor(address) {
    this.address = address;
    this.onopen = () => {};
    this.onanswer = () => {};
    // ({reason, in words or null, waitS until the next try, wasOpen, refused}); false: there is to be none.
    this.onlost = () => {};
    this.onfull = () => {}; // all that was kept has been thrown away: it was too much
    this.kept = []; // what is sent once there is a connection, in its order
    this.keptBytes = 0;
    this.tries = 0;
    setInterval(() => this.isOpen && this.socket.send("{}"), ALIVE_MS);
  }

  get isOpen() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  // Where there is no connection, and none is on its way.
  connect() {
    if (this.isOpen || this.comes) return;
    this.comes = true;
    const socket = (this.socket = new WebSocket(this.address));
    let reason = null;
    let openedMs = null;
    socket.onopen = () => {
      this.comes = false;
      openedMs = performance.now();
      for (const message of this.kept.splice(0)) socket.send(message);
      this.keptBytes = 0;
      this.onopen();
    };
    socket.onmessage = ({ data }) => {
      const answer = JSON.parse(data);
      reason = answer.error ?? null;
      this.onanswer(answer);
    };
    socket.onclose = ({ code }) => {
      const wasOpen = openedMs !== null;
      // What was to be sent while it closed is of streams that are lost with it.
      if (wasOpen && this.socket === socket) this.forget();
      if (wasOpen && performance.now() - openedMs > STEADY_MS) this.tries = 0;
      const waitMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.tries++);
      this.comes = false;
      const lost = { reason, waitS: waitMs / 1000, wasOpen, refused: wasOpen && code === REFUSED };
      if (this.onlost(lost) !== false) setTimeout(() => this.connect(), waitMs);
    };
  }

  say(message) {
    this.send(JSON.stringify(message));
  }

  // message: a text, or samples.
  send(message) {
    if (this.isOpen) {
      this.socket.send(message);
      return;
    }
    this.kept.push(message);
    this.keptBytes += message.byteLength ?? 0;
    if (this.keptBytes > KEPT_BYTES) {
      this.forget();
      this.onfull();
    }
  }

  forget() {
    this.kept = [];
    this.keptBytes = 0;
  }
}
