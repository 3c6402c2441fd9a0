// Latents: what a generator makes an image from. The same seed gives the same ones everywhere.

/** The upper 32 bits of the product of two numbers of 32 bits. */
function highProduct(a, b) {
  const [a1, a0, b1, b0] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const carry = Math.floor((a0 * b1 + (middle % 65536)) / 65536);
  return (a1 * b1 + Math.floor(middle / 65536) + carry) >>> 0;
}

/** Philox 4x32-10 (Salmon et al. 2011): four random numbers of 32 bits for a counter and a key. */
function philox([c0, c1, c2, c3], [k0, k1]) {
  for (let round = 0; round < 10; round++) {
    const [high0, low0] = [highProduct(0xd2511f53, c0), Math.imul(0xd2511f53, c0)];
    const [high1, low1] = [highProduct(0xcd9e8d57, c2), Math.imul(0xcd9e8d57, c2)];
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1 >>> 0, (high0 ^ c3 ^ k1) >>> 0, low0 >>> 0];
    [k0, k1] = [(k0 + 0x9e3779b9) >>> 0, (k1 + 0xbb67ae85) >>> 0];
  }
  return [c0, c1, c2, c3];
}

/** Returns the function from a place to four numbers that TensorFlow's stateless draws have. */
function blocks(seed) {
  const [k0, k1, c2, c3] = philox([seed, 0, 0, 0], [0x3ec8f720, 0x02461e29]);
  return (place) => philox([place, 0, c2, c3], [k0, k1]);
}

/** A number in [0, 1) from 23 of 32 bits. */
const fraction = (bits) => (bits & 0x7fffff) / 2 ** 23;

/** Box & Muller 1958: two normal numbers out of two random ones. */
function normalPair(first, second) {
  const radius = Math.sqrt(-2 * Math.log(Math.max(fraction(first), 1e-7)));
  const angle = 2 * Math.PI * fraction(second);
  return [radius * Math.sin(angle), radius * Math.cos(angle)];
}

/**
 * Draws the latents of one sample: those of `gan.sample` and the `kerasgan` command for the same
 * seed, up to rounding. Sample 7 is the same whether 8 or 64 are drawn.
 *
 * @param {{latent_dim: number, prior: Prior}} model As models.json tells of it.
 * @param {number} seed Whole number, 0 to 2^32 - 1.
 * @param {number} index Which sample: 0, 1, ...
 * @returns {Float32Array} latent_dim numbers.
 * @typedef {{distribution: "normal"} | {distribution: "uniform", low: number, high: number}} Prior
 */
export function drawLatents({ latent_dim, prior }, seed, index) {
  const block = blocks(seed);
  const first = index * latent_dim;
  const z = new Float32Array(latent_dim);
  for (let place = Math.floor(first / 4); 4 * place < first + latent_dim; place++) {
    const bits = block(place);
    const values =
      prior.distribution === "uniform"
        ? bits.map((each) => prior.low + (prior.high - prior.low) * fraction(each))
        : [...normalPair(bits[0], bits[1]), ...normalPair(bits[2], bits[3])];
    values.forEach((value, lane) => {
      const i = 4 * place + lane - first;
      if (i >= 0 && i < latent_dim) z[i] = value;
    });
  }
  return z;
}

/** The share of a normal distribution that lies beyond x >= 0 on both sides, erfc(x / sqrt 2), with
 * a relative error of 1.2e-7 (Press et al., "Numerical Recipes"). */
function beyond(x) {
  const z = x / Math.SQRT2;
  const t = 1 / (1 + z / 2);
  const terms = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398,
    1.48851587, -0.82215223, 0.17087277,
  ];
  return t * Math.exp(terms.reduceRight((sum, term) => sum * t + term, 0) - z * z);
}

/** The x with `beyond(x)` as given: Newton's steps from 0, which never pass it. */
function quantile(share) {
  let x = 0;
  for (let step = 0; step < 60; step++) {
    const density = Math.sqrt(2 / Math.PI) * Math.exp((-x * x) / 2);
    const change = (beyond(x) - share) / density;
    x += change;
    if (Math.abs(change) < 1e-9) break;
  }
  return x;
}

/**
 * The truncation trick (Brock et al. 2019), as `gan.sample(..., truncation=...)` does it: each number
 * moves to the quantile of the truncated normal distribution that it has in the whole one.
 *
 * @param {Float32Array} z Normal latents.
 * @param {number} threshold From 0; from 6 on, nothing changes.
 * @returns {Float32Array} Numbers of at most that size.
 */
export function truncate(z, threshold) {
  if (threshold >= 6) return z;
  const outside = beyond(threshold);
  return z.map((value) => {
    const tail = beyond(Math.abs(value));
    const size = quantile(Math.min(1, tail + outside - tail * outside));
    return Math.sign(value) * Math.min(threshold, Math.max(0, size));
  });
}

/**
 * Latents moved along directions, each by a number of the prior's standard deviations.
 *
 * @param {Prior} prior
 * @param {Float32Array} z
 * @param {number[][]} directions Vectors of length 1.
 * @param {number[]} amounts One for each direction.
 * @returns {Float32Array}
 */
export function move(prior, z, directions, amounts) {
  const deviation = prior.distribution === "uniform" ? (prior.high - prior.low) / Math.sqrt(12) : 1;
  return z.map((value, i) =>
    directions.reduce((sum, each, k) => sum + deviation * amounts[k] * each[i], value),
  );
}

/**
 * The latents on the way from one sample to another, as `kerasgan.latent.interpolate` has them: on
 * a line for a uniform prior; on an arc (Shoemake 1985) for a normal one, whose vectors have nearly
 * one length, which a line would leave.
 *
 * @param {Prior} prior
 * @param {Float32Array} start
 * @param {Float32Array} end
 * @param {number} share 0 gives `start`, 1 gives `end`.
 * @returns {Float32Array}
 */
export function between(prior, start, end, share) {
  const dot = (u, v) => u.reduce((sum, value, i) => sum + value * v[i], 0);
  const lengths = Math.sqrt(dot(start, start) * dot(end, end));
  const cosine = dot(start, end) / Math.max(lengths, 1e-12);
  const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
  let [first, second] = [1 - share, share];
  if (prior.distribution === "normal" && Math.sin(angle) >= 1e-6) {
    first = Math.sin((1 - share) * angle) / Math.sin(angle);
    second = Math.sin(share * angle) / Math.sin(angle);
  }
  return start.map((value, i) => first * value + second * end[i]);
}
