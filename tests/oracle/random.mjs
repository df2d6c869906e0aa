// A seeded source of choices: the same seed makes the same cases on every machine.
export class Random {
  constructor(seed) {
    this.state = Number(BigInt.asUintN(32, BigInt(seed)));
    this.high = Number(BigInt.asUintN(32, BigInt(seed) >> 32n));
    for (let i = 0; i < 4; ++i) this.bits();
  }
  // 32 bits: two interleaved 32-bit mixers (splitmix's finaliser), so that neighbouring seeds share nothing.
  bits() {
    this.state = (this.state + 0x9e3779b9) >>> 0;
    let x = (this.state ^ Math.imul(this.high, 0x85ebca6b)) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x21f0aaad) >>> 0;
    x = Math.imul(x ^ (x >>> 15), 0x735a2d97) >>> 0;
    this.high = (this.high + 0x6d2b79f5 + (x >>> 7)) >>> 0;
    return (x ^ (x >>> 15)) >>> 0;
  }
  below(n) { return Math.floor((this.bits() / 4294967296) * n); }
  between(low, high) { return low + this.below(high - low + 1); }
  chance(p) { return this.bits() / 4294967296 < p; }
  pick(list) { return list[this.below(list.length)]; }
  // {name: weight, ...} → name
  weighted(weights) {
    const entries = Object.entries(weights);
    let at = (this.bits() / 4294967296) * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [name, weight] of entries) if ((at -= weight) < 0) return name;
    return entries.at(-1)[0];
  }
  some(list, p = 0.5) { return list.filter(() => this.chance(p)); }
  shuffled(list) {
    const out = [...list];
    for (let i = out.length - 1; i > 0; --i) {
      const j = this.below(i + 1);
      [out[i], out[j]] = [out[j], out[i]];
    }
    return out;
  }
}
