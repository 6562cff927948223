// Asking again and again, while somebody looks.

/** Calls `ask` at once and then every `seconds`, never twice at the same time, until `stop`. */
export class Refresher {
  constructor(seconds, ask) {
    this.milliseconds = seconds * 1000;
    this.ask = ask;
  }

  start() {
    this.stop();
    const run = this.run = {};
    const turn = async () => {
      if (this.run !== run) return;
      if (!document.hidden) await this.ask();
      if (this.run === run) this.timer = setTimeout(turn, this.milliseconds);
    };
    turn();
  }

  stop() {
    this.run = null;
    clearTimeout(this.timer);
  }
}
