// Programs that answer a line for a line, in order.
import {spawn} from 'node:child_process';
import {createInterface} from 'node:readline';

export class Peer {
  constructor(name, command, args) {
    Object.assign(this, {name, command, args, waiting: [], crashes: 0, closing: false});
    this.start();
  }

  start() {
    this.child = spawn(this.command, this.args, {stdio: ['pipe', 'pipe', 'inherit']});
    this.child.stdin.on('error', () => {});
    const child = this.child;
    createInterface({input: child.stdout, crlfDelay: Infinity}).on('line', (line) => {
      const first = this.waiting.shift();
      first?.resolve(line);
    });
    // `close`: the process is gone and every line it wrote has been seen.
    child.on('close', (code, signal) => {
      if (this.closing || child !== this.child) return;
      ++this.crashes;
      const rest = this.waiting;
      this.waiting = [];
      // The oracle says so itself before it ends, and is then waited for no more; whoever died without a word died of
      // the line it was at.
      if (rest.length && !this.announced) rest.shift().resolve(null, `${this.name} died (${signal ?? code})`);
      this.announced = false;
      this.start();
      for (const each of rest) this.send(each);
    });
    child.on('error', (error) => {
      console.error(`${this.name}: ${error.message}`);
      process.exit(3);
    });
  }

  send(entry) {
    this.waiting.push(entry);
    this.child.stdin.write(entry.line + '\n');
  }

  // The answer, or null when the program died of it.
  ask(line) {
    return new Promise((resolve) => this.send({line, resolve}));
  }

  // The program has said that it ends after this answer.
  endsNow() { this.announced = true; }

  close() {
    this.closing = true;
    this.child.stdin.end();
  }
}
